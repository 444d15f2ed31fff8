//! Files that stay whole when the program is killed.

use std::borrow::Cow;
use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::Path;
use std::sync::{PoisonError, RwLock};

use agent_core::Secrets;
use anyhow::Context;

/// Writes a file whole, by way of a temporary one beside it: it holds the old or the new content, never a part. The
/// values that [`hide`] was given do not get into it.
pub fn write_whole(path: &Path, contents: &[u8]) -> anyhow::Result<()> {
    let contents = without_secrets(contents);
    write_stream(path, |file| file.write_all(&contents))
}

/// The keys of this process, which what ran in a sandbox without isolation may have printed.
static SECRETS: RwLock<Option<Secrets>> = RwLock::new(None);

/// Keeps these values out of the files of runs from now on, in the place of those named before.
pub fn hide(secrets: &Secrets) {
    *SECRETS.write().unwrap_or_else(PoisonError::into_inner) = Some(secrets.clone());
}

/// Returns a text without the values that [`hide`] was given.
pub(crate) fn without_secrets(text: &[u8]) -> Cow<'_, [u8]> {
    match SECRETS.read().unwrap_or_else(PoisonError::into_inner).as_ref() {
        Some(secrets) => Cow::Owned(secrets.redact_bytes(text).into_owned()),
        None => Cow::Borrowed(text),
    }
}

/// Writes a file whole, piece by piece, by way of a temporary one beside it.
pub fn write_stream(path: &Path, fill: impl FnOnce(&mut BufWriter<File>) -> std::io::Result<()>) -> anyhow::Result<()> {
    let mut temporary = path.as_os_str().to_owned();
    // Processes of one run write the same files, each by way of one of its own.
    temporary.push(format!(".{}.tmp", std::process::id()));
    let write = || -> std::io::Result<()> {
        let mut file = BufWriter::new(File::create(&temporary)?);
        fill(&mut file)?;
        file.into_inner().map_err(std::io::IntoInnerError::into_error)?.sync_data()?;
        fs::rename(&temporary, path)
    };
    write().with_context(|| format!("cannot write `{}`", path.display()))
}

/// Removes the temporary files of killed processes from a folder that this process holds. One that stays does no harm.
pub fn sweep(folder: &Path) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name();
        if name.to_string_lossy().rsplit_once('.').is_some_and(|(_, extension)| extension == "tmp") {
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// Returns a file's text; `None` when there is no file.
pub fn read_text(path: &Path) -> anyhow::Result<Option<String>> {
    match fs::read(path) {
        // A killed run can leave half a character at the end of its last line.
        Ok(bytes) => Ok(Some(String::from_utf8_lossy(&bytes).into_owned())),
        Err(err) if err.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(err) => Err(err).with_context(|| format!("cannot read `{}`", path.display())),
    }
}

/// Returns `name` as one component of a path.
pub fn file_name(name: &str) -> String {
    let safe = name.replace(['/', '\\', '\0'], "__");
    if safe.trim_matches('.').is_empty() { "_".to_owned() } else { safe }
}
