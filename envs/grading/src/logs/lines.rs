//! Files of lines, which may be compressed.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use anyhow::Context;

use crate::given::skip_mark;

/// Opens a file of lines, which is decompressed when its name ends with `.zst`.
pub(crate) fn open_lines(path: &Path) -> anyhow::Result<Box<dyn BufRead>> {
    let place = || format!("cannot read `{}`", path.display());
    let file = File::open(path).with_context(place)?;
    let mut reader: Box<dyn BufRead> = match path.extension().is_some_and(|extension| extension == "zst") {
        true => Box::new(BufReader::new(zstd::Decoder::new(file).with_context(place)?)),
        false => Box::new(BufReader::new(file)),
    };
    skip_mark(&mut reader).with_context(place)?;
    Ok(reader)
}
