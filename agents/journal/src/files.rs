//! Files that stay intact when the program is killed.

use std::borrow::Cow;
use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use agent_core::Secrets;
use anyhow::Context;

use crate::owner::Owner;

/// Writes a file atomically, by way of a temporary one in the same folder: it holds the old or the new content, never a
/// part. The values that were passed to [`hide`] are left out.
pub fn write_whole(path: &Path, contents: &[u8]) -> anyhow::Result<()> {
    let contents = without_secrets(contents);
    write_stream(path, |file| file.write_all(&contents))
}

/// The keys of this process, which what ran in a sandbox without isolation may have printed.
static SECRETS: RwLock<Option<Secrets>> = RwLock::new(None);

/// Keeps these values out of the files of runs from now on, in place of those named before.
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
    write_stream_with(path, |file| Ok(fill(file)?))
}

/// Writes a file as [`write_stream`] does, and returns what `fill` does, whose errors may be of any kind.
///
/// # Errors
/// When `fill` fails, or the file cannot be written; there is no file then, or what was there before.
pub fn write_stream_with<T>(
    path: &Path,
    fill: impl FnOnce(&mut BufWriter<File>) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    // Processes of one run write the same files, and so do parts of one process, each by way of a file of its own.
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let mut temporary = path.as_os_str().to_owned();
    temporary.push(format!(".{}-{}.tmp", Owner::this().mark(), COUNT.fetch_add(1, Ordering::Relaxed)));
    let write = || -> anyhow::Result<T> {
        let mut file = BufWriter::new(File::create(&temporary)?);
        let filled = fill(&mut file)?;
        file.into_inner().map_err(std::io::IntoInnerError::into_error)?.sync_data()?;
        fs::rename(&temporary, path)?;
        Ok(filled)
    };
    // Half a file would take the room that the disk lacks.
    let written = write().inspect_err(|_| drop(fs::remove_file(&temporary)));
    written.with_context(|| format!("cannot write `{}`", path.display()))
}

/// The age from which on a temporary file counts as left behind of which it cannot be determined whether its process
/// runs.
const OLD: Duration = Duration::from_secs(3600);

/// Removes from a folder the temporary files that killed processes have left behind. One that stays does no harm; one
/// of a process that runs stays.
pub fn sweep(folder: &Path) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let Some(stem) = name.strip_suffix(".tmp") else { continue };
        let mark = stem.rsplit_once('.').map_or(stem, |(_, mark)| mark);
        let age = || entry.metadata().ok()?.modified().ok()?.elapsed().ok();
        if Owner::marked_has_ended(mark).unwrap_or_else(|| age().is_some_and(|age| age > OLD)) {
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// Returns a file's text; `None` when there is no file.
pub fn read_text(path: &Path) -> anyhow::Result<Option<String>> {
    match fs::read(path) {
        // A killed run can leave an incomplete character at the end of its last line.
        Ok(bytes) => {
            let text = String::from_utf8(bytes);
            Ok(Some(text.unwrap_or_else(|err| String::from_utf8_lossy(err.as_bytes()).into_owned())))
        }
        Err(err) if err.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(err) => Err(err).with_context(|| format!("cannot read `{}`", path.display())),
    }
}

/// Returns `name` as one component of a path.
pub fn file_name(name: &str) -> String {
    let safe = name.replace(['/', '\\', '\0'], "__");
    if safe.trim_matches('.').is_empty() { "_".to_owned() } else { safe }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;

    #[test]
    fn temporary_files_of_processes_that_have_ended_go_and_others_stay() {
        let folder = tempfile::tempdir().unwrap();
        let mut child = std::process::Command::new("true").spawn().unwrap();
        let ended = Owner::this().mark().replacen(&std::process::id().to_string(), &child.id().to_string(), 1);
        child.wait().unwrap();
        let live = format!("a.json.{}-0.tmp", Owner::this().mark());
        let dead = format!("a.json.{ended}-0.tmp");
        let (elsewhere, old) = ("a.json.00000000-1-1-0.tmp", "a.json.00000001-1-1-0.tmp");
        let names = [live.as_str(), dead.as_str(), elsewhere, old, "b.json.1.tmp", "a.json"];
        names.iter().for_each(|name| fs::write(folder.path().join(name), "").unwrap());
        let file = File::options().append(true).open(folder.path().join(old)).unwrap();
        file.set_modified(SystemTime::now() - 2 * OLD).unwrap();
        sweep(folder.path());
        let left = names.map(|name| folder.path().join(name).exists());
        assert_eq!(left, [true, false, true, false, true, true]);
    }

    #[test]
    fn a_file_that_cannot_be_written_leaves_nothing_behind() {
        let folder = tempfile::tempdir().unwrap();
        let full = |_: &mut BufWriter<File>| Err(std::io::Error::other("the disk is full"));
        assert!(write_stream(&folder.path().join("a"), full).is_err());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
