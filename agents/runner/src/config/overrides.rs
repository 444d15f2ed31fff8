//! Templates of a folder, which override the embedded ones.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Context;
use grading::read_given;

/// Returns the templates of a folder, by name.
pub(crate) fn overrides(folder: Option<&Path>) -> anyhow::Result<BTreeMap<String, String>> {
    let mut overrides = BTreeMap::new();
    if let Some(folder) = folder {
        collect(folder, folder, &mut overrides)?;
    }
    Ok(overrides)
}

fn collect(folder: &Path, base: &Path, overrides: &mut BTreeMap<String, String>) -> anyhow::Result<()> {
    let entries =
        std::fs::read_dir(folder).with_context(|| format!("cannot read the folder `{}`", folder.display()))?;
    for entry in entries {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, base, overrides)?;
        } else if path.extension().is_some_and(|extension| extension == "md") {
            let name = path.strip_prefix(base).unwrap_or(&path).to_string_lossy().into_owned();
            overrides.insert(name, read_given(&path)?.unwrap_or_default());
        }
    }
    Ok(())
}
