//! Repositories of instances.

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
pub(super) fn repository(instance_id: &str) -> String {
    let stem = instance_id.rsplit_once('-').map_or(instance_id, |(stem, _)| stem);
    stem.replacen("__", "/", 1)
}

/// Returns whether a repository is one of SWE-bench's test set.
pub(super) fn is_benchmark(repository: &str) -> bool {
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
            ("plain", "plain", false),
        ] {
            assert_eq!((repository(id).as_str(), is_benchmark(&repository(id))), (expected, benchmark));
        }
    }
}
