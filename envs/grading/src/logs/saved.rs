//! Saved logs, in a folder or in archives, handed out to all cores.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::{self, Cursor, Read, Seek};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{SyncSender, sync_channel};

use anyhow::{Context, bail};
use rayon::iter::{ParallelBridge, ParallelIterator};

use super::manifest::{Record, instance_of, records_below};

/// A larger log in an archive is copied to a temporary file rather than held in memory.
const IN_MEMORY: u64 = 64 << 20;
/// How many logs may wait for a core; those of an archive are in memory meanwhile.
const WAITING: usize = 8;

/// Where saved logs are.
pub struct SavedLogs {
    folder: PathBuf,
    /// Whether the logs in the folder count, too.
    is_folder: bool,
    archives: Vec<PathBuf>,
}

/// One log, not read yet.
pub enum Log {
    /// In a file of its own, or copied to one that has no name.
    File(File),
    /// In an archive.
    Bytes(Vec<u8>),
}

/// What a log is read from.
pub trait Source: Read + Seek {}

impl<R: Read + Seek> Source for R {}

impl Log {
    /// Returns what the log is read from.
    pub fn into_source(self) -> Box<dyn Source> {
        match self {
            Self::File(file) => Box::new(file),
            Self::Bytes(bytes) => Box::new(Cursor::new(bytes)),
        }
    }

    /// Returns the whole log.
    pub fn into_bytes(self) -> io::Result<Vec<u8>> {
        match self {
            Self::Bytes(bytes) => Ok(bytes),
            Self::File(mut file) => {
                let mut bytes = Vec::new();
                file.read_to_end(&mut bytes)?;
                Ok(bytes)
            }
        }
    }
}

impl SavedLogs {
    /// Returns the logs in a folder and in the archives (`.tar`, `.tar.zst`) that it holds, or in one archive.
    pub fn open(path: &Path) -> anyhow::Result<Self> {
        if path.is_file() {
            if !is_archive(path) {
                bail!("`{}` is neither a folder nor a `.tar` or `.tar.zst` archive", path.display());
            }
            let folder = path.parent().unwrap_or(Path::new("")).to_owned();
            return Ok(Self { folder, is_folder: false, archives: vec![path.to_owned()] });
        }
        let entries = std::fs::read_dir(path).with_context(|| format!("cannot read `{}`", path.display()))?;
        let mut archives: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
        archives.retain(|path| is_archive(path));
        archives.sort();
        Ok(Self { folder: path.to_owned(), is_folder: true, archives })
    }

    /// Runs `act` on every log that a record names, on all cores, and returns what came of each, an error for a log
    /// that is not there or cannot be read, and the paths of what looks like a log or an archive and was not read.
    pub fn each<T: Send>(
        &self,
        records: &[Record],
        act: impl Fn(&Record, Log) -> anyhow::Result<T> + Sync,
    ) -> (Vec<anyhow::Result<T>>, Vec<String>) {
        let (sender, receiver) = sync_channel(WAITING);
        let mut done: Vec<anyhow::Result<T>> = records.iter().map(|record| Err(self.missing(record))).collect();
        let (acted, left_out): (Vec<_>, Vec<String>) = std::thread::scope(|scope| {
            let sending = scope.spawn(|| self.send(records, sender));
            let logs = receiver.into_iter().par_bridge();
            let acted = logs.filter_map(|(index, log): (usize, anyhow::Result<Log>)| {
                let record = records.get(index)?;
                Some((index, log.and_then(|log| act(record, log))))
            });
            (acted.collect(), sending.join().unwrap_or_default())
        });
        for (index, result) in acted {
            if let Some(place) = done.get_mut(index) {
                *place = result;
            }
        }
        (done, left_out)
    }

    fn missing(&self, record: &Record) -> anyhow::Error {
        let archives = if self.archives.is_empty() { "" } else { " or in its archives" };
        anyhow::anyhow!("no such log: `{}` in `{}`{archives}", record.log, self.folder.display())
    }

    /// Sends every log with the index of its record, and returns what was not read. Nobody listens any more only when
    /// `each` has panicked.
    fn send(&self, records: &[Record], sender: SyncSender<(usize, anyhow::Result<Log>)>) -> Vec<String> {
        let mut wanted: HashMap<&str, usize> = HashMap::new();
        for (index, record) in records.iter().enumerate() {
            match self.file(&record.log) {
                Some(path) => {
                    let log = File::open(&path).map(Log::File);
                    let log = log.with_context(|| format!("cannot read `{}`", path.display()));
                    let _ = sender.send((index, log));
                }
                None => drop(wanted.insert(&record.log, index)),
            }
        }
        let mut left_out = self.unnamed(records);
        for archive in &self.archives {
            if wanted.is_empty() {
                left_out.push(archive.display().to_string());
            } else if let Err(err) = unpack(archive, &mut wanted, &sender, &mut left_out) {
                // Whatever the archive was to bring is not there for this reason.
                let reason = format!("archive `{}` cannot be read: {err:#}", archive.display());
                for (_, index) in wanted.drain() {
                    let _ = sender.send((index, Err(anyhow::anyhow!(reason.clone()))));
                }
            }
        }
        left_out
    }

    /// Returns the logs in the folder, by their names, that no record names.
    fn unnamed(&self, records: &[Record]) -> Vec<String> {
        if !self.is_folder {
            return Vec::new();
        }
        let named: HashSet<PathBuf> = records.iter().filter_map(|record| self.file(&record.log)).collect();
        let found = records_below(&self.folder).unwrap_or_default();
        found.into_iter().map(|record| record.log).filter(|log| !named.contains(&self.folder.join(log))).collect()
    }

    /// Returns the file of a log; its path may begin with the name of the folder itself.
    fn file(&self, log: &str) -> Option<PathBuf> {
        let path = self.folder.join(log);
        if path.is_file() {
            return Some(path);
        }
        let (first, rest) = log.split_once('/')?;
        let path = self.folder.join(rest);
        let own = self.folder.canonicalize().ok()?;
        (own.file_name()?.to_str()? == first && path.is_file()).then_some(path)
    }
}

fn is_archive(path: &Path) -> bool {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    name.ends_with(".tar") || name.ends_with(".tar.zst")
}

/// Sends the wanted logs of one archive, which are then wanted no more, and names its other logs in `left_out`.
fn unpack(
    path: &Path,
    wanted: &mut HashMap<&str, usize>,
    sender: &SyncSender<(usize, anyhow::Result<Log>)>,
    left_out: &mut Vec<String>,
) -> anyhow::Result<()> {
    let file = File::open(path)?;
    let reader: Box<dyn Read> = match path.extension().is_some_and(|extension| extension == "zst") {
        true => Box::new(zstd::Decoder::new(file)?),
        false => Box::new(file),
    };
    for entry in tar::Archive::new(reader).entries()? {
        let mut entry = entry?;
        let name = entry.path()?.to_string_lossy().into_owned();
        let name = name.strip_prefix("./").unwrap_or(&name);
        if let Some(index) = wanted.remove(name) {
            let _ = sender.send((index, read_entry(&mut entry)));
        } else if entry.header().entry_type().is_file() && instance_of(Path::new(name)).is_some() {
            left_out.push(format!("{}: {name}", path.display()));
        }
    }
    Ok(())
}

fn read_entry(entry: &mut tar::Entry<'_, impl Read>) -> anyhow::Result<Log> {
    if entry.size() > IN_MEMORY {
        let mut file = tempfile::tempfile().context("cannot create a temporary file")?;
        io::copy(entry, &mut file)?;
        file.rewind()?;
        return Ok(Log::File(file));
    }
    let mut bytes = Vec::new();
    entry.read_to_end(&mut bytes)?;
    Ok(Log::Bytes(bytes))
}
