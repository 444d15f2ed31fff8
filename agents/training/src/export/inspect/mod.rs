//! Inspect's `.eval`: a zip of a header, a file a sample, and summaries of these.

mod header;
mod message;
mod sample;
mod usage;

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use anyhow::Context;
use journal::{Episode, file_name};
use serde::Serialize;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use super::group::Group;
use super::losses::Losses;
use super::source::Source;
use super::written::Written;
use header::Log;

/// Writes the episodes of a cell as a log; samples of an instance are its epochs.
///
/// # Errors
/// When a record cannot be read, or something cannot be written.
pub(super) fn write_log(
    group: &Group<'_>,
    episodes: Vec<Episode>,
    folder: &Path,
    written: &mut Written,
    losses: &mut Losses,
) -> anyhow::Result<()> {
    std::fs::create_dir_all(folder).with_context(|| format!("cannot make `{}`", folder.display()))?;
    let name = file_name(&format!("{}_{}.eval", group.run, group.cell));
    let (path, temporary) = (folder.join(&name), folder.join(format!("{name}.tmp")));
    let write = || -> anyhow::Result<usize> {
        let mut zip = Zip::create(&temporary)?;
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
        zip.finish()?;
        Ok(count)
    };
    // Half a log would take the room that the disk lacks.
    let count = write().inspect_err(|_| drop(std::fs::remove_file(&temporary)));
    written.episodes += count.with_context(|| format!("cannot write `{}`", path.display()))?;
    std::fs::rename(&temporary, &path).with_context(|| format!("cannot write `{}`", path.display()))
}

/// A zip under way, a file at a time.
struct Zip(ZipWriter<BufWriter<File>>);

impl Zip {
    fn create(path: &Path) -> anyhow::Result<Self> {
        Ok(Self(ZipWriter::new(BufWriter::new(File::create(path)?))))
    }

    fn put(&mut self, name: &str, value: &impl Serialize) -> anyhow::Result<()> {
        // Without a time, so that the same episodes are the same bytes.
        let options = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated).large_file(true);
        self.0.start_file(name, options)?;
        let mut file = BufWriter::new(&mut self.0);
        serde_json::to_writer(&mut file, value)?;
        Ok(file.flush()?)
    }

    fn finish(self) -> anyhow::Result<()> {
        let mut file = self.0.finish()?;
        file.flush()?;
        Ok(file.get_ref().sync_data()?)
    }
}
