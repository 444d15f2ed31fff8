//! Repositories of instances.

use std::collections::BTreeMap;

/// The repositories of SWE-bench's test set (SWE-bench, table 12 and its dataset), which no model that is measured by it
/// may be trained on.
const BENCHMARK: [&str; 12] = [
    "astropy/astropy",
    "django/django",
    "matplotlib/matplotlib",
    "mwaskom/seaborn",
    "pallets/flask",
    "psf/requests",
    "pydata/xarray",
    "pylint-dev/pylint",
    "pytest-dev/pytest",
    "scikit-learn/scikit-learn",
    "sphinx-doc/sphinx",
    "sympy/sympy",
];

/// Returns the repository that an instance is of, as its id has it: `owner__name-123` is of `owner/name`. An id of another
/// form stands for itself.
pub(crate) fn repository(instance_id: &str) -> String {
    env_core::repository_part(instance_id).replacen("__", "/", 1)
}

/// Counts how often each repository comes.
pub(crate) fn by_repository<'a>(names: impl Iterator<Item = &'a str>) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for name in names {
        *counts.entry(name.to_owned()).or_default() += 1;
    }
    counts
}

/// Returns whether a repository is one of SWE-bench's test set.
pub(crate) fn is_benchmark(repository: &str) -> bool {
    BENCHMARK.iter().any(|known| known.eq_ignore_ascii_case(repository))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_name_their_repository() {
        for (id, expected, benchmark) in [
            ("django__django-11099", "django/django", true),
            ("getmoto__moto-5752", "getmoto/moto", false),
            ("Scikit-Learn__scikit-learn-1", "Scikit-Learn/scikit-learn", true),
            ("instance_django__django-0ea40e09d1b35bcb69ff4d9cecf3d0defa4b36e8", "django/django", true),
            ("plain", "plain", false),
        ] {
            assert_eq!((repository(id).as_str(), is_benchmark(&repository(id))), (expected, benchmark));
        }
    }
}
