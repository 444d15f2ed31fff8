//! How large compressed data becomes.

use std::io::{Read, copy, sink};

use parquet::basic::Compression;

/// Returns whether data that a reader takes to its end becomes at most `most` bytes. Of other compressions the reader
/// takes no more than it was told.
pub(crate) fn fits(data: &[u8], most: u64, compression: Compression) -> bool {
    let expanded: Box<dyn Read> = match compression {
        Compression::GZIP(_) => Box::new(flate2::read::MultiGzDecoder::new(data)),
        #[cfg(feature = "brotli")]
        Compression::BROTLI(_) => Box::new(brotli::Decompressor::new(data, 1 << 12)),
        _ => return true,
    };
    // What cannot be expanded is the reader's to refuse.
    copy(&mut expanded.take(most.saturating_add(1)), &mut sink()).map_or(true, |size| size <= most)
}
