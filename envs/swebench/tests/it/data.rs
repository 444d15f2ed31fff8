//! Finds the real data, which lies outside the project.

use std::path::PathBuf;

use dataset::{Row, load_file};

/// Returns the path of a data file.
pub(crate) fn file(name: &str) -> PathBuf {
    let folder = std::env::var_os("SPOTTER_DATA")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data"), PathBuf::from);
    let path = folder.join(name);
    assert!(path.is_file(), "needs SPOTTER_DATA: no real data at `{}`", path.display());
    path
}

/// Returns the rows of a file of instances.
pub(crate) fn rows(name: &str) -> Vec<Row> {
    load_file(&file(&format!("instances/{name}"))).unwrap()
}
