//! The folder that an export writes.

use std::fs;
use std::path::Path;

use anyhow::{Context, bail};

/// The file that says that all in its folder is of an export. Loaders of folders pass over what begins with a dot.
const MARK: &str = ".spotter-export";

/// Where an export goes.
#[derive(Debug, Clone, Copy)]
pub struct Out<'a> {
    /// The folder. It is made where there is none.
    pub folder: &'a Path,
    /// Whether what an earlier export left in the folder is removed first.
    pub replace: bool,
}

impl<'a> Out<'a> {
    /// Returns a folder of which nothing is replaced.
    pub fn new(folder: &'a Path) -> Self {
        Self { folder, replace: false }
    }

    /// Makes the folder ready: it holds the mark of an export, and nothing else.
    ///
    /// # Errors
    /// When it holds anything, and that is not to be replaced or is of no export; or when it cannot be written.
    pub(crate) fn begin(self) -> anyhow::Result<&'a Path> {
        let Self { folder, replace } = self;
        fs::create_dir_all(folder).with_context(|| format!("cannot make `{}`", folder.display()))?;
        let cannot = || format!("cannot read `{}`", folder.display());
        let entries = fs::read_dir(folder).with_context(cannot)?.collect::<Result<Vec<_>, _>>().with_context(cannot)?;
        let mut held: Vec<_> = entries.iter().map(fs::DirEntry::path).collect();
        held.sort();
        let (marks, held): (Vec<_>, Vec<_>) = held.into_iter().partition(|path| path.ends_with(MARK));
        match held.first() {
            Some(first) if marks.is_empty() => bail!(
                "`{}` holds `{}`, which is of no export\nhint: `--out` takes a folder that is empty, or is not there yet",
                folder.display(),
                first.file_name().unwrap_or_default().display()
            ),
            Some(first) if !replace => bail!(
                "`{}` holds an earlier export, of which `{}` would stay\nhint: name another folder, or give `--force`, \
                 which removes all that is in this one",
                folder.display(),
                first.file_name().unwrap_or_default().display()
            ),
            _ => {}
        }
        for path in held {
            let removed =
                if path.is_dir() && !path.is_symlink() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
            removed.with_context(|| format!("cannot remove `{}`", path.display()))?;
        }
        fs::write(folder.join(MARK), "").with_context(|| format!("cannot write in `{}`", folder.display()))?;
        Ok(folder)
    }

    /// Removes the folder again where nothing was written.
    pub(crate) fn give_up(self) {
        // Only where there was nothing before, and nothing has come since.
        let is_alone = fs::read_dir(self.folder).is_ok_and(|entries| entries.count() == 1);
        if is_alone && fs::remove_file(self.folder.join(MARK)).is_ok() {
            let _ = fs::remove_dir(self.folder);
        }
    }
}
