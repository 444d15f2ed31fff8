//! Which images of an engine are here by our doing. Processes that share the engine share the file.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail};
use serde::{Deserialize, Serialize};
use shell::Owner;
use tempfile::NamedTempFile;

use super::planner::Layer;

/// Name of the file.
const FILE: &str = "pulled.json";
/// Name of the file that keeps others from it.
const LOCK: &str = "pulled.lock";
/// The pause before it is looked again whether another process is done with the file.
const PAUSE: Duration = Duration::from_millis(20);
/// How long others may be at it: they remove images meanwhile.
const PATIENCE: Duration = Duration::from_secs(600);

/// An image that is here by our doing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Entry {
    /// Its layers, the lowest first.
    pub(crate) layers: Vec<Layer>,
    /// The process that is pulling it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) coming: Option<String>,
    /// The processes in which work is under way in it.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub(crate) holders: BTreeSet<String>,
    /// When it was used last, in seconds since 1970.
    pub(crate) used: u64,
}

impl Entry {
    /// Returns whether work is under way in it in another process, as far as such processes live.
    pub(crate) fn is_held_elsewhere(&self, own: &str) -> bool {
        self.holders.iter().any(|holder| holder != own && lives(holder))
    }

    /// Returns whether a process that lives is pulling it.
    pub(crate) fn is_coming(&self) -> bool {
        self.coming.as_deref().is_some_and(lives)
    }
}

/// Returns whether a process lives, by its name in the file.
fn lives(owner: &str) -> bool {
    Owner::parse(owner).is_some_and(|owner| owner.is_alive())
}

/// The images that are here by our doing, for as long as no other process may change that.
pub(crate) struct Ledger {
    /// By name.
    pub(crate) images: BTreeMap<String, Entry>,
    path: PathBuf,
    text: String,
    _lock: Lock,
}

impl Ledger {
    /// Reads the file of a folder and keeps others from it.
    pub(crate) async fn open(folder: &Path) -> anyhow::Result<Self> {
        fs::create_dir_all(folder).with_context(|| format!("cannot create `{}`", folder.display()))?;
        let lock = Lock::take(folder.join(LOCK)).await?;
        let (path, text) = read(folder)?;
        let images = parse(&path, &text)?;
        Ok(Self { images, path, text, _lock: lock })
    }

    /// Writes what has changed.
    pub(crate) fn save(&mut self) -> anyhow::Result<()> {
        let text = serde_json::to_string_pretty(&self.images)?;
        if text != self.text {
            let part = self.path.with_extension("part");
            fs::write(&part, &text).with_context(|| format!("cannot write `{}`", part.display()))?;
            fs::rename(&part, &self.path).with_context(|| format!("cannot write `{}`", self.path.display()))?;
            self.text = text;
        }
        Ok(())
    }
}

/// Returns the images that are here by our doing, as one file of a folder has it.
pub(crate) fn peek(folder: &Path) -> anyhow::Result<BTreeMap<String, Entry>> {
    let (path, text) = read(folder)?;
    parse(&path, &text)
}

fn read(folder: &Path) -> anyhow::Result<(PathBuf, String)> {
    let path = folder.join(FILE);
    match fs::read_to_string(&path) {
        Ok(text) => Ok((path, text)),
        Err(err) if err.kind() == ErrorKind::NotFound => Ok((path, String::new())),
        Err(err) => Err(err).with_context(|| format!("cannot read `{}`", path.display())),
    }
}

fn parse(path: &Path, text: &str) -> anyhow::Result<BTreeMap<String, Entry>> {
    if text.is_empty() {
        return Ok(BTreeMap::new());
    }
    serde_json::from_str(text).with_context(|| {
        format!(
            "`{}` is damaged\nhint: without the file the images that were pulled so far stay for good",
            path.display()
        )
    })
}

/// Keeps other processes out for as long as it lives.
struct Lock(PathBuf);

impl Lock {
    async fn take(path: PathBuf) -> anyhow::Result<Self> {
        // It is there with its text or not at all.
        let folder = path.parent().unwrap_or(Path::new("."));
        let made = || format!("cannot write into `{}`", folder.display());
        let mut file = NamedTempFile::new_in(folder).with_context(made)?;
        file.write_all(Owner::this().to_string().as_bytes()).with_context(made)?;
        let begun = std::time::Instant::now();
        loop {
            match file.persist_noclobber(&path) {
                Ok(_) => return Ok(Self(path)),
                Err(err) if err.error.kind() == ErrorKind::AlreadyExists => file = err.file,
                Err(err) => return Err(err.error).with_context(|| format!("cannot create `{}`", path.display())),
            }
            let text = fs::read_to_string(&path).unwrap_or_default();
            if Owner::parse(&text).is_some_and(|owner| owner.is_here() && !owner.is_alive()) {
                // Of several that see it, one moves it away; it may only be the one that was read.
                let aside = path.with_extension(format!("dead.{}", std::process::id()));
                if fs::rename(&path, &aside).is_ok() {
                    let was_another = fs::read_to_string(&aside).is_ok_and(|moved| moved != text);
                    if was_another && fs::hard_link(&aside, &path).is_err() {
                        tracing::debug!("the lock `{}` was taken meanwhile", path.display());
                    }
                    let _ = fs::remove_file(&aside);
                    continue;
                }
            }
            if begun.elapsed() > PATIENCE {
                bail!("`{}` is held by another process: {}", path.display(), text.trim());
            }
            tokio::time::sleep(PAUSE).await;
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn one_process_at_a_time_is_at_the_file_and_what_a_dead_one_held_is_free() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("engine");
        let mut ledger = Ledger::open(&path).await.unwrap();
        let holders = BTreeSet::from(["elsewhere 1 1".to_owned(), Owner::this().to_string()]);
        let coming = Some(format!("{} 1", Owner::this()));
        ledger.images.insert("a:1".to_owned(), Entry { holders, coming, used: 7, ..Entry::default() });
        ledger.save().unwrap();
        let second = tokio::time::timeout(Duration::from_millis(100), Ledger::open(&path)).await;
        assert!(second.is_err());
        drop(ledger);
        // A process that never was holds it.
        let this = Owner::this().to_string();
        let dead = this.rsplit_once(' ').map(|(name, begun)| format!("{name} {}1", begun)).unwrap();
        fs::write(path.join(LOCK), dead).unwrap();
        let ledger = Ledger::open(&path).await.unwrap();
        let entry = &ledger.images["a:1"];
        assert!(!entry.is_held_elsewhere(&this) && entry.is_held_elsewhere("another") && !entry.is_coming());
        assert_eq!(peek(&path).unwrap(), ledger.images);
        drop(ledger);
        fs::write(path.join(FILE), "{").unwrap();
        assert!(peek(&path).unwrap_err().to_string().contains("is damaged"));
        assert!(!path.join(LOCK).exists());
    }
}
