//! Finds the real data, which lies outside the project.

use std::path::PathBuf;

use dataset::{Row, load_file};

/// Returns the path of a data file, or nothing and says so.
pub(crate) fn file(name: &str) -> Option<PathBuf> {
    let folder = std::env::var_os("SPOTTER_DATA")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data"), PathBuf::from);
    let path = folder.join(name);
    if !path.is_file() {
        println!("skipped: no real data at `{}` (set SPOTTER_DATA)", path.display());
        return None;
    }
    Some(path)
}

/// Returns the rows of a file of instances, or nothing and says so.
pub(crate) fn rows(name: &str) -> Option<Vec<Row>> {
    Some(load_file(&file(&format!("instances/{name}"))?).unwrap())
}
