//! Inspect's `.eval`: a zip of a header, a file a sample, and summaries of these.

mod header;
mod message;
mod sample;
mod usage;

use std::io::{BufWriter, Seek, Write};
use std::path::Path;

use anyhow::Context;
use journal::{Episode, write_stream_with};
use serde::Serialize;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use super::group::Group;
use super::source::Source;
use super::written::Written;
use crate::counts::Counts;
use header::Log;

/// Writes the episodes of a cell as a log; samples of an instance are its epochs.
///
/// # Errors
/// When a record cannot be read, or something cannot be written.
pub(super) fn write_log(
    group: &Group<'_>,
    episodes: Vec<Episode>,
    path: &Path,
    written: &mut Written,
    losses: &mut Counts,
) -> anyhow::Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).with_context(|| format!("cannot make `{}`", folder.display()))?;
    }
    written.episodes += write_stream_with(path, |file| {
        let mut zip = Zip(ZipWriter::new(file));
        let mut log = Log::new(&group.run, &group.cell);
        for episode in episodes {
            let source = Source::read(&group.run, episode)?;
            let sample = sample::sample(&source, losses);
            let place = format!("samples/{}_epoch_{}.json", source.episode.instance_id, source.episode.sample + 1);
            zip.put(&place, &sample)?;
            log.add(&source, &sample);
        }
        let count = log.samples();
        for (place, value) in log.finish() {
            zip.put(place, &value)?;
        }
        zip.0.finish()?;
        Ok(count)
    })?;
    Ok(())
}

/// A zip under way, a file at a time.
struct Zip<W: Write + Seek>(ZipWriter<W>);

impl<W: Write + Seek> Zip<W> {
    fn put(&mut self, name: &str, value: &impl Serialize) -> anyhow::Result<()> {
        // Without a time, so that the same episodes are the same bytes.
        let options = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated).large_file(true);
        self.0.start_file(name, options)?;
        let mut file = BufWriter::new(&mut self.0);
        serde_json::to_writer(&mut file, value)?;
        Ok(file.flush()?)
    }
}
