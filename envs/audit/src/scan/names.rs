//! What names of files tell.

use crate::base::Base;

/// Returns the path of the file that an editor or a merge has kept this one of.
pub(super) fn backup_of(path: &str) -> Option<String> {
    const ENDS: [&str; 12] =
        [".orig", ".rej", ".bak", ".old", ".save", ".backup", ".BASE", ".LOCAL", ".REMOTE", ".new", ".mine", "~"];
    let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
    let swapped = || {
        let (stem, end) = name.strip_prefix('.')?.rsplit_once('.')?;
        let is_swap = (end.len() == 3 && end.starts_with("sw")) || end == "un~";
        is_swap.then(|| stem.to_owned())
    };
    let hashed = || name.strip_prefix('#')?.strip_suffix('#').map(str::to_owned);
    let plain = || ENDS.iter().find_map(|end| name.strip_suffix(end)).map(str::to_owned);
    let original = swapped().or_else(hashed).or_else(plain).filter(|original| !original.is_empty())?;
    Some(if folder.is_empty() { original } else { format!("{folder}/{original}") })
}

/// Returns whether a file is a patch by its name.
pub(super) fn is_patch_name(path: &str) -> bool {
    [".patch", ".diff", ".rej", ".mbox"].iter().any(|end| path.ends_with(end))
}

/// Returns a file of the base commit that a patch changes.
pub(super) fn patched(patch: &[u8], base: &Base) -> Option<String> {
    let text = String::from_utf8_lossy(patch);
    let named = text.lines().filter_map(|line| line.strip_prefix("+++ ").or_else(|| line.strip_prefix("--- ")));
    named
        .filter_map(|path| path.split('\t').next())
        .flat_map(|path| [Some(path), path.split_once('/').map(|(_, rest)| rest)])
        .flatten()
        .find(|path| {
            base.files.contains_key(*path) && path.contains('/')
                || base.files.contains_key(*path) && path.ends_with(".py")
        })
        .map(str::to_owned)
}

/// Folders for copies that a package brings along.
const VENDORED: [&str; 9] =
    ["_vendor", "vendor", "vendored", "_vendored", "third_party", "extern", "_extern", "externals", "_bundled"];
/// Folders for what is installed.
const SITES: [&str; 2] = ["site-packages", "dist-packages"];

/// Returns the package that has a copy of the project in a folder of its own, if it is one: below a folder for what is
/// installed, or as an archive has it, which may be a package.
pub(super) fn vendored_by(folder: &str, is_packed: bool) -> Option<String> {
    let parts: Vec<&str> = folder.split('/').collect();
    let above = parts.get(..parts.len().saturating_sub(1)).unwrap_or_default();
    let Some(site) = above.iter().rposition(|part| SITES.contains(part) || *part == "node_modules") else {
        let at = above.iter().rposition(|part| VENDORED.contains(part)).filter(|_| is_packed)?;
        return above.get(at.checked_sub(1)?).map(|package| (*package).to_owned());
    };
    let mut behind = above.get(site + 1..)?.iter();
    // Folders of an installer's own, in which packages are.
    loop {
        let part = behind.next()?;
        if part.ends_with(".data") {
            behind.next()?;
        } else if !part.ends_with(".egg") && !part.ends_with(".dist-info") {
            return Some((*part).to_owned());
        }
    }
}

/// Where a copy is, by its path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Whereabouts {
    Cache,
    Build,
    Site,
    Other,
}

/// Returns where something is, by its path.
pub(super) fn whereabouts(path: &str, is_in_tree: bool) -> Whereabouts {
    let has = |names: &[&str]| path.split('/').any(|part| names.contains(&part));
    if has(&[".cache", "pkgs", "archives", "wheelhouse", "_cacache", "ccache"]) || path.starts_with("var/cache/") {
        Whereabouts::Cache
    } else if has(&SITES) && !has(&["build", ".tox", ".nox", ".eggs"]) {
        Whereabouts::Site
    } else if has(&["build", "dist", ".eggs", ".tox", ".nox", "_build"]) && (is_in_tree || has(&["build", ".eggs"])) {
        Whereabouts::Build
    } else {
        Whereabouts::Other
    }
}

/// Returns a project's name as installers compare it.
pub(super) fn normal(name: &str) -> String {
    name.to_lowercase().replace(['_', '.'], "-")
}

/// Returns whether a version comes after another one; `None` where that cannot be told.
pub(super) fn is_later(version: &str, than: &str) -> Option<bool> {
    let numbers = |text: &str| -> Option<Vec<u64>> {
        let head: String = text.chars().take_while(|c| c.is_ascii_digit() || *c == '.').collect();
        let numbers: Vec<u64> = head.trim_end_matches('.').split('.').filter_map(|part| part.parse().ok()).collect();
        // Made up where a build knows none.
        (numbers.iter().any(|number| *number > 1) || numbers.first().is_some_and(|first| *first > 0)).then_some(numbers)
    };
    let (mut one, mut other) = (numbers(version)?, numbers(than)?);
    let length = one.len().max(other.len());
    one.resize(length, 0);
    other.resize(length, 0);
    if one != other {
        return Some(one > other);
    }
    if version == than {
        return Some(false);
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn backups_name_their_original() {
        for (path, original) in [
            ("a/app.py.orig", "a/app.py"),
            ("a/app.py~", "a/app.py"),
            ("a/.app.py.swp", "a/app.py"),
            ("a/#app.py#", "a/app.py"),
            ("a/.app.py.un~", "a/app.py"),
            ("app.py.rej", "app.py"),
        ] {
            assert_eq!(backup_of(path).as_deref(), Some(original), "{path}");
        }
        assert_eq!(backup_of("a/app.py"), None);
    }

    #[test]
    fn packages_bring_copies_along() {
        let on_disk = |folder: &str| vendored_by(folder, false);
        assert_eq!(on_disk("usr/lib/python3/site-packages/pip/_vendor/requests").as_deref(), Some("pip"));
        assert_eq!(vendored_by("pip/_vendor/requests", true).as_deref(), Some("pip"));
        assert_eq!(on_disk("lib/site-packages/modin/pandas").as_deref(), Some("modin"));
        assert_eq!(on_disk("lib/site-packages/requests"), None);
        assert_eq!(on_disk("tmp/flask-2.3/src/flask"), None);
        assert_eq!(on_disk("opt/vendor/flask/src/flask"), None);
        assert_eq!(on_disk("lib/site-packages/flask-9.9-py3.9.egg/flask"), None);
        assert_eq!(on_disk("lib/site-packages/flask-9.9.data/purelib/flask"), None);
    }

    #[test]
    fn versions_are_compared_by_their_numbers() {
        assert_eq!(is_later("2.28.1", "2.27.0"), Some(true));
        assert_eq!(is_later("2.9", "2.10"), Some(false));
        assert_eq!(is_later("2.27.0", "2.27.0"), Some(false));
        assert_eq!(is_later("0.1.dev1+g123", "2.0"), None);
        assert_eq!(is_later("2.3.0rc1", "2.3.0"), None);
    }
}
