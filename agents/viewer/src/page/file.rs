//! One file of everything.

use std::fs::File;
use std::io::{BufReader, BufWriter, Seek, Write};
use std::path::Path;

use anyhow::Context;
use rayon::prelude::*;
use serde_json::json;

use super::assets;
use super::blocks::{Blocks, compress, element};
use super::compact::compact;
use crate::gather::{Gathered, Row, Settings, Source};
use crate::why;

/// What was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Written {
    /// Episodes in the file, with those that have not begun.
    pub episodes: usize,
    /// Bytes of records, patches, logs and reports in it.
    pub taken: u64,
    /// Bytes of the file.
    pub size: u64,
}

/// Name of the file of a record.
const RECORD: &str = "trajectory.jsonl";
/// Bytes of records that are read before they are written, about.
const AT_ONCE: u64 = 32 << 20;

/// Writes runs as one HTML file. It is there as a whole or not at all.
///
/// Records are read and written in parts, so that the memory does not grow with their number but for the index, a few
/// hundred bytes an episode, and for what the journals hold.
///
/// # Errors
/// When a run cannot be read, or the file not be written. A record that is damaged is shown as such.
pub fn write(sources: &[Source], settings: &Settings, out: &Path) -> anyhow::Result<Written> {
    let folder = out.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let temporary = || tempfile::Builder::new().prefix(".view").tempfile_in(folder);
    let cannot = || format!("cannot write in `{}`", folder.display());
    let data = temporary().with_context(cannot)?;
    let gathered = Gathered::new(sources, settings)?;
    let (rows, gold, taken) = write_data(&gathered, data.as_file())?;
    let mut index = gathered.index(&rows)?;
    index["gold"] = json!(gold);
    index["rules"] = json!(why::RULES);
    let page = temporary().with_context(cannot)?;
    let mut file = BufWriter::with_capacity(1 << 20, page.as_file());
    let mut modules = Vec::new();
    element(&mut modules, "modules", &deflated(assets::modules().as_bytes())?)?;
    let (before, after) = assets::page(&gathered.title(), "file");
    let whole = || -> anyhow::Result<()> {
        file.write_all(before.as_bytes())?;
        file.write_all(&modules)?;
        let level = if rows.len() > 5000 { 9 } else { 19 };
        element(&mut file, "index", &compress(&serde_json::to_vec(&index)?, level)?)?;
        file.write_all(after.as_bytes())?;
        let mut data = data.as_file();
        data.rewind()?;
        std::io::copy(&mut BufReader::with_capacity(1 << 20, data), &mut file)?;
        file.write_all(b"<script id=\"end\"></script></body></html>\n")?;
        file.flush()?;
        Ok(())
    };
    let mut whole = whole;
    whole().with_context(|| format!("cannot write `{}`", out.display()))?;
    drop(file);
    page.as_file().sync_data().with_context(|| format!("cannot write `{}`", out.display()))?;
    let size = page.as_file().metadata().map(|metadata| metadata.len()).unwrap_or_default();
    readable(page.as_file())?;
    page.persist(out).with_context(|| format!("cannot write `{}`", out.display()))?;
    Ok(Written { episodes: rows.len(), taken, size })
}

/// Lets others read the file, as any other that is written; a temporary file is for its owner alone.
fn readable(file: &File) -> anyhow::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    file.set_permissions(std::fs::Permissions::from_mode(0o644)).context("cannot make the page readable")
}

/// What was read of an episode.
type Read = (Row, Vec<(String, Vec<u8>)>);

/// Returns what was read of an episode without what is said twice. The patch is in the outcome, but where the record has
/// none, or another one.
fn shortened((row, files): Read) -> Read {
    let patch = files
        .iter()
        .find(|(name, _)| name == "patch.diff")
        .and_then(|(_, text)| serde_json::to_vec(&String::from_utf8_lossy(text)).ok());
    let record = files.iter().find(|(name, _)| name == RECORD).map(|(_, text)| text.as_slice()).unwrap_or_default();
    let last = record.trim_ascii_end().rsplit(|byte| *byte == b'\n').next().unwrap_or_default();
    let held = patch.is_some_and(|patch| {
        let field = [b"\"patch\":".as_slice(), &patch].concat();
        last.starts_with(b"{\"type\":\"outcome\"") && memchr::memmem::find(last, &field).is_some()
    });
    let shorter = |(name, text): (String, Vec<u8>)| {
        let text = if name == RECORD { compact(&text) } else { text };
        (name, text)
    };
    let files = files.into_iter().filter(|(name, _)| !(held && name == "patch.diff")).map(shorter);
    (row, files.collect())
}

/// Returns bytes as a browser inflates them by itself: what decodes the rest is among them.
fn deflated(bytes: &[u8]) -> anyhow::Result<Vec<u8>> {
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(bytes)?;
    Ok(encoder.finish()?)
}

/// The places of what is known of instances.
type Places = serde_json::Map<String, serde_json::Value>;

/// Writes records, patches, logs and reports, and returns the rows with their places.
fn write_data(gathered: &Gathered<'_>, file: &File) -> anyhow::Result<(Vec<Row>, Places, u64)> {
    let mut blocks = Blocks::new(BufWriter::with_capacity(1 << 20, file), gathered.bytes());
    let (mut rows, mut places) = (Vec::new(), Places::new());
    for part in gathered.parts(AT_ONCE) {
        let read: Vec<_> = part.par_iter().map(|item| shortened(gathered.read(item))).collect();
        for (mut row, files) in read {
            if let Some(gold) = gathered.gold(&row.id).filter(|_| !places.contains_key(&row.id)) {
                places.insert(row.id.clone(), json!(blocks.put(&serde_json::to_vec(gold)?)?));
            }
            for (name, bytes) in files {
                let place = blocks.put(&bytes)?;
                row.files.insert(name, json!(place));
            }
            rows.push(row);
        }
    }
    let taken = blocks.taken;
    blocks.finish()?.flush().context("cannot write the data of the page")?;
    Ok((rows, places, taken))
}
