//! One file of a journal: lines with a checksum each, added at the end and never changed.

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

use crate::files::{without_secrets, write_stream};
use crate::journal::entry::{Entry, Line, VERSION};
use crate::owner::Owner;

/// How a line begins; its checksum follows.
const HEAD: &str = "{\"check\":\"";
/// Digits of a checksum.
const DIGITS: usize = 8;
/// What is between the checksum and the rest of the line.
const AFTER: &str = "\",";

/// A file of a journal that this process alone appends to.
#[derive(Debug)]
pub(crate) struct Log {
    file: File,
    path: PathBuf,
    /// Bytes of whole lines.
    length: u64,
    /// When the last line was written, by its own word.
    last: f64,
}

impl Log {
    /// Starts a file of its own in the folder of a journal, with lines that come after all that were written at
    /// `after`.
    pub(crate) fn create(folder: &Path, after: f64) -> anyhow::Result<Self> {
        let cannot = || format!("cannot write to the journal `{}`", folder.display());
        fs::create_dir_all(folder).with_context(cannot)?;
        let owner = Owner::this();
        for number in 1.. {
            let path = folder.join(format!("{}-{number}.jsonl", owner.file_name()));
            match OpenOptions::new().append(true).create_new(true).open(&path) {
                Ok(file) => {
                    let mut log = Self { file, path, length: 0, last: after };
                    let begun = Entry::Opened { version: VERSION, spotter: env!("CARGO_PKG_VERSION").to_owned() };
                    log.append(&mut [Line::now("", begun)])?;
                    // The name of the file has to outlive a power cut as well.
                    File::open(folder).and_then(|folder| folder.sync_all()).with_context(cannot)?;
                    return Ok(log);
                }
                Err(err) if err.kind() == ErrorKind::AlreadyExists => {}
                Err(err) => return Err(err).with_context(cannot),
            }
        }
        bail!("there is no free file name left in the journal `{}`", folder.display())
    }

    /// Returns the path of the file.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Appends lines in one write; where one must not be lost, all are on the disk when this returns.
    pub(crate) fn append(&mut self, lines: &mut [Line]) -> anyhow::Result<()> {
        let cannot = || format!("cannot write the journal `{}`", self.path.display());
        for line in &mut *lines {
            // Lines are read in the order of their times, and a clock may be set back.
            line.at = line.at.max(self.last);
            self.last = line.at;
        }
        let texts = lines.iter().map(write_line).collect::<anyhow::Result<Vec<_>>>()?.concat();
        if let Err(err) = self.file.write_all(&texts) {
            // Half a line would take the next one with it.
            let _ = self.file.set_len(self.length);
            return Err(err).with_context(cannot);
        }
        self.length += texts.len() as u64;
        if lines.iter().any(|line| line.entry.is_paid_for()) {
            self.file.sync_data().with_context(cannot)?;
        }
        Ok(())
    }
}

/// Reads the whole lines of a file from an offset on; returns them and the offset after them.
///
/// A last line that is not whole is left for later: its writer may still be at it, or was killed. A line with a wrong
/// checksum is skipped and told.
pub(crate) fn read(path: &Path, offset: u64) -> anyhow::Result<(Vec<Line>, u64)> {
    let cannot = || format!("cannot read the journal `{}`", path.display());
    let mut file = File::open(path).with_context(cannot)?;
    file.seek(SeekFrom::Start(offset)).with_context(cannot)?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes).with_context(cannot)?;
    let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |last| last + 1);
    let mut lines = Vec::new();
    for line in bytes[..whole].split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        match parse_line(line) {
            Some(Line { entry: Entry::Opened { version, spotter }, .. }) if version > VERSION => bail!(
                "`{}` is a journal of a later version ({version}, by Spotter {spotter})\nhint: read it with that version",
                path.display()
            ),
            Some(line) => lines.push(line),
            None => tracing::warn!("`{}` has a damaged line, which is skipped", path.display()),
        }
    }
    Ok((lines, offset + whole as u64))
}

/// Writes a file of lines that is there as a whole or not at all.
pub(crate) fn write_whole_log(path: &Path, lines: &[Line]) -> anyhow::Result<()> {
    let texts = lines.iter().map(write_line).collect::<anyhow::Result<Vec<_>>>()?;
    write_stream(path, |file| texts.iter().try_for_each(|text| file.write_all(text)))
}

fn write_line(line: &Line) -> anyhow::Result<Vec<u8>> {
    let body = serde_json::to_vec(line)?;
    // A patch is judged as it was made, whatever is in it.
    let body = if matches!(line.entry, Entry::Predicted { .. }) { body } else { without_secrets(&body).into_owned() };
    let rest = body.strip_prefix(b"{").unwrap_or(&body);
    let head = format!("{HEAD}{:08x}{AFTER}", crc32fast::hash(rest));
    Ok([head.as_bytes(), rest, b"\n"].concat())
}

/// Returns a line whose checksum is right.
fn parse_line(line: &[u8]) -> Option<Line> {
    let (check, rest) = line.strip_prefix(HEAD.as_bytes())?.split_at_checked(DIGITS)?;
    let rest = rest.strip_prefix(AFTER.as_bytes())?;
    let check = u32::from_str_radix(std::str::from_utf8(check).ok()?, 16).ok()?;
    (check == crc32fast::hash(rest)).then(|| serde_json::from_slice(&[b"{", rest].concat()).ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(id: &str) -> Line {
        Line {
            at: 1e12,
            cell: "codeact".to_owned(),
            entry: Entry::Asked { sample: 0, instance_ids: vec![id.to_owned()] },
        }
    }

    #[test]
    fn torn_and_damaged_lines_are_passed_over() {
        let folder = tempfile::tempdir().unwrap();
        let mut log = Log::create(folder.path(), 0.0).unwrap();
        for id in ["a", "b\n\u{2028}", "c"] {
            log.append(&mut [line(id)]).unwrap();
        }
        let path = log.path().to_owned();
        let ids = |lines: &[Line]| -> Vec<String> {
            let asked = lines.iter().filter_map(|line| match &line.entry {
                Entry::Asked { instance_ids, .. } => instance_ids.first().cloned(),
                _ => None,
            });
            asked.collect()
        };
        let (lines, end) = read(&path, 0).unwrap();
        assert_eq!(ids(&lines), ["a", "b\n\u{2028}", "c"]);
        // Half a line is read once it is whole.
        let next = write_line(&line("d")).unwrap();
        fs::write(&path, [fs::read(&path).unwrap().as_slice(), &next[..20]].concat()).unwrap();
        assert_eq!(read(&path, end).unwrap(), (Vec::new(), end));
        fs::write(&path, [&fs::read(&path).unwrap()[..], &next[20..]].concat()).unwrap();
        assert_eq!(ids(&read(&path, end).unwrap().0), ["d"]);
        // One bit that was turned costs the line that it is in and no other.
        let mut bytes = fs::read(&path).unwrap();
        let at = bytes.windows(3).position(|window| window == b"[\"a").unwrap() + 2;
        bytes[at] ^= 1;
        fs::write(&path, bytes).unwrap();
        assert_eq!(ids(&read(&path, 0).unwrap().0), ["b\n\u{2028}", "c", "d"]);
    }

    #[test]
    fn a_clock_that_is_set_back_changes_no_order_and_a_later_version_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let mut log = Log::create(folder.path(), 2e12).unwrap();
        log.append(&mut [line("a"), line("b")]).unwrap();
        let (lines, _) = read(log.path(), 0).unwrap();
        assert!(lines.windows(2).all(|pair| pair[0].at <= pair[1].at) && lines[0].at >= 2e12, "{lines:?}");
        let entry = Entry::Opened { version: VERSION + 1, spotter: "9".to_owned() };
        log.append(&mut [Line::now("", entry)]).unwrap();
        assert!(read(log.path(), 0).unwrap_err().to_string().contains("later version (2, by Spotter 9)"));
    }

    #[test]
    fn each_writer_has_a_file_of_its_own() {
        let folder = tempfile::tempdir().unwrap();
        let logs: Vec<Log> = (0..3).map(|_| Log::create(folder.path(), 0.0).unwrap()).collect();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), logs.len());
    }
}
