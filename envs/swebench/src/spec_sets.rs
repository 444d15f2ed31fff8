//! How tests are installed and run, by repository and version: the sets that ship with the project.

use std::path::{Path, PathBuf};

use grading::{SpecError, Specs, read_given};
use include_dir::{Dir, include_dir};

use crate::manifest_error::ManifestError;

/// The sets, a folder each, with a file for each repository.
static SETS: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/specs");

/// Returns a set that ships with the project, `swe-bench` or `swe-gym`; `None` when there is none of this name.
///
/// # Errors
/// [`SpecError`] when one of its files is broken.
pub fn spec_set(name: &str) -> Result<Option<Specs>, SpecError> {
    let Some(folder) = SETS.get_dir(name) else { return Ok(None) };
    let file_name = |file: &include_dir::File<'static>| file.path().file_name()?.to_str();
    let files =
        folder.files().map(|file| (file_name(file).unwrap_or_default(), file.contents_utf8().unwrap_or_default()));
    Specs::parse(files).map(Some)
}

/// Checks that what a manifest names is there, without reading it.
///
/// # Errors
/// [`ManifestError`] for a name of no set, and a file that is not there.
pub(crate) fn check_specs(names: &[String], manifest: &Path, text: &str) -> Result<(), ManifestError> {
    for name in names {
        if is_file(name) {
            let path = beside(manifest, name);
            if !path.is_file() {
                let reason = format!("`specs`: there is no file `{}`", path.display());
                return Err(ManifestError::at_key(manifest, text, name, reason));
            }
        } else if SETS.get_dir(name).is_none() {
            let known: Vec<&str> = SETS.dirs().filter_map(|folder| folder.path().to_str()).collect();
            return Err(ManifestError::unknown(manifest, text, "set in `specs`", name, &known));
        }
    }
    Ok(())
}

/// Returns the specs that a manifest names, the later over the earlier ones.
///
/// # Errors
/// [`ManifestError`] for what is not there or broken.
pub(crate) fn load_specs(names: &[String], manifest: &Path) -> Result<Specs, ManifestError> {
    let broken = |reason: String| ManifestError::of_file(manifest, format!("`specs`: {reason}"));
    let mut specs = Specs::default();
    for name in names {
        let found = if is_file(name) {
            let text = read_given(&beside(manifest, name)).map_err(|err| broken(format!("{err:#}")))?;
            let text = text.ok_or_else(|| broken(format!("there is no file `{name}`")))?;
            Specs::parse([(name.as_str(), text.as_str())]).map_err(|err| broken(err.to_string()))?
        } else {
            let set = spec_set(name).map_err(|err| broken(err.to_string()))?;
            set.ok_or_else(|| broken(format!("there is no set `{name}`")))?
        };
        specs = specs.laid_under(found);
    }
    Ok(specs)
}

fn is_file(name: &str) -> bool {
    name.ends_with(".yaml") || name.ends_with(".yml")
}

fn beside(manifest: &Path, name: &str) -> PathBuf {
    manifest.parent().unwrap_or(Path::new("")).join(name)
}
