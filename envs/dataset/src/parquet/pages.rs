//! Checks the page headers of a Parquet file before its reader sees them.
//!
//! The reader makes room for what a header claims before it looks at the data, passes over fields that it does not know
//! one by one, and gives up the process when there is no room. So each claim must fit what the file has.

use parquet::basic::{Compression, Type};
use parquet::file::metadata::{ColumnChunkMetaData, ParquetMetaData, RowGroupMetaData};
use parquet::file::reader::ChunkReader;

use crate::parquet::expand;
use crate::parquet::page_header::{Contents, PageHeader};

/// The largest header in bytes; other readers refuse longer ones too.
const HEADER: u64 = 16 << 20;

/// The largest page in bytes, uncompressed. Writers begin a new one after a few megabytes.
const PAGE: u64 = 1 << 30;

/// Values that a column chunk may have beyond eight for each byte: a run of the same value takes next to no room.
const RUN: u64 = 1 << 24;

/// Encodings in which a page has the lengths of its texts as differences.
const DELTAS: [i32; 2] = [6, 7];

/// Checks the headers of the pages of every column chunk. Returns the row groups and columns, from 0 on, whose pages
/// need a look at their data too.
///
/// # Errors
/// The first page that claims what cannot be, with its column, row group and offset.
pub(crate) fn check(input: &impl ChunkReader, metadata: &ParquetMetaData) -> Result<Vec<(usize, usize)>, String> {
    let (mut ranges, mut deltas) = (Vec::new(), Vec::new());
    for (group_index, group) in metadata.row_groups().iter().enumerate() {
        for (column_index, column) in group.columns().iter().enumerate() {
            let place = place(column, group_index);
            let (start, end) = range(column, input.len()).map_err(|reason| format!("{place} {reason}"))?;
            let mut chunk = Chunk { column, rows: count(group)?, values: 0, uncompressed: 0, deltas: false };
            chunk.check(input, start, end).map_err(|reason| format!("{place}{reason}"))?;
            if chunk.deltas {
                deltas.push((group_index, column_index));
            }
            if start < end {
                ranges.push((start, end, place));
            }
        }
    }
    // Chunks in the same place could be many times larger together than the file is.
    ranges.sort();
    match ranges.iter().zip(ranges.iter().skip(1)).find(|(first, second)| first.1 > second.0) {
        Some((first, second)) => Err(format!("{} lies on top of {}", second.2, first.2)),
        None => Ok(deltas),
    }
}

/// Names a column chunk; row groups are counted from 1 on.
pub(crate) fn place(column: &ColumnChunkMetaData, group: usize) -> String {
    format!("column `{}` in row group {}", column.column_path().string(), group + 1)
}

/// Returns where a column chunk begins and ends, in bytes.
fn range(column: &ColumnChunkMetaData, file: u64) -> Result<(u64, u64), String> {
    let start = column.dictionary_page_offset().unwrap_or_else(|| column.data_page_offset());
    let length = column.compressed_size();
    let inside = || {
        let start = u64::try_from(start).ok()?;
        let end = start.checked_add(u64::try_from(length).ok()?)?;
        (end <= file).then_some((start, end))
    };
    inside().ok_or_else(|| format!("claims {length} bytes from byte {start} on; the file has {file}"))
}

fn count(group: &RowGroupMetaData) -> Result<u64, String> {
    u64::try_from(group.num_rows()).map_err(|_| format!("a row group claims {} rows", group.num_rows()))
}

/// A column chunk, and what its pages have had so far.
struct Chunk<'a> {
    column: &'a ColumnChunkMetaData,
    rows: u64,
    values: u64,
    uncompressed: u64,
    deltas: bool,
}

impl Chunk<'_> {
    /// Checks the pages between two offsets. What is wrong is said of the column, or of a page with its offset.
    fn check(&mut self, input: &impl ChunkReader, start: u64, end: u64) -> Result<(), String> {
        let mut at = start;
        while at < end {
            let page = header(input, at, end).and_then(|page| {
                self.take(&page, end - at)?;
                self.expand(input, &page, at)?;
                Ok(page)
            });
            let page = page.map_err(|reason| format!(", page at byte {at}: {reason}"))?;
            at += page.length + page.compressed;
        }
        match self.column.num_values() {
            claimed if i64::try_from(self.values) == Ok(claimed) => Ok(()),
            claimed => Err(format!(" claims {claimed} values; its pages have {}", self.values)),
        }
    }

    /// Checks a page of a chunk that has `left` bytes, the page's among them.
    fn take(&mut self, page: &PageHeader, left: u64) -> Result<(), String> {
        let (compressed, uncompressed) = (page.compressed, page.uncompressed);
        if page.length + compressed > left {
            return Err(format!("claims {compressed} bytes; the column has {} left", left.saturating_sub(page.length)));
        }
        let is_compressed = !matches!(page.contents, Contents::Data { is_compressed: false, .. });
        if uncompressed > most(compressed, self.column.compression(), is_compressed) {
            return Err(format!("claims {uncompressed} uncompressed bytes; it has {compressed}"));
        }
        self.uncompressed += uncompressed;
        match page.contents {
            Contents::Index => Ok(()),
            Contents::Dictionary { values } if values > uncompressed / width(self.column) => {
                Err(format!("claims {values} values in {uncompressed} bytes"))
            }
            Contents::Dictionary { .. } => Ok(()),
            Contents::Data { levels, .. } if levels > compressed.min(uncompressed) => {
                Err(format!("claims {levels} bytes of levels; it has {compressed}"))
            }
            Contents::Data { values, encoding, .. } => {
                self.deltas |= DELTAS.contains(&encoding);
                self.take_values(values)
            }
        }
    }

    /// Checks that the data of a page at an offset becomes no larger than its header says.
    fn expand(&self, input: &impl ChunkReader, page: &PageHeader, at: u64) -> Result<(), String> {
        let compression = self.column.compression();
        let levels = match page.contents {
            Contents::Index | Contents::Data { is_compressed: false, .. } => return Ok(()),
            Contents::Dictionary { .. } => 0,
            Contents::Data { levels, .. } => levels,
        };
        if !matches!(compression, Compression::GZIP(_) | Compression::BROTLI(_)) {
            return Ok(());
        }
        if matches!(compression, Compression::BROTLI(_)) && !cfg!(feature = "brotli") {
            return Err("is compressed by Brotli, which this program cannot read\nhint: use `spotter`".to_owned());
        }
        let size = usize::try_from(page.compressed - levels).map_err(|err| err.to_string())?;
        let data = input.get_bytes(at + page.length + levels, size).map_err(|err| format!("cannot be read: {err}"))?;
        match expand::fits(&data, page.uncompressed - levels, compression) {
            true => Ok(()),
            false => Err(format!("becomes larger than the {} bytes that it claims", page.uncompressed)),
        }
    }

    fn take_values(&mut self, values: u64) -> Result<(), String> {
        self.values += values;
        let is_list = self.column.column_descr().max_rep_level() > 0;
        let claimed = u64::try_from(self.column.num_values()).unwrap_or_default();
        let most = if is_list { claimed } else { claimed.min(self.rows) };
        if self.values > most {
            let before = self.values - values;
            return Err(format!("claims {values} values after {before}; the column has {most} in all"));
        }
        if self.values > self.uncompressed * 8 + RUN {
            return Err(format!("claims {values} values; no column has so many in {} bytes", self.uncompressed));
        }
        Ok(())
    }
}

/// Reads the header at an offset, of a page that must end at `end`.
fn header(input: &impl ChunkReader, at: u64, end: u64) -> Result<PageHeader, String> {
    let most = HEADER.min(end - at);
    // Most headers have a hundred bytes; statistics can make one long.
    let mut length = most.min(512);
    loop {
        let bytes = usize::try_from(length).map_err(|err| err.to_string())?;
        let bytes = input.get_bytes(at, bytes).map_err(|err| format!("cannot be read: {err}"))?;
        match PageHeader::parse(&bytes) {
            Some(header) => return header,
            None if length < most => length = most.min(length * 8),
            None => return Err("is not a page, or its header does not end".to_owned()),
        }
    }
}

/// Returns the most bytes that some compressed ones can become.
fn most(compressed: u64, compression: Compression, is_compressed: bool) -> u64 {
    let ratio = match compression {
        _ if !is_compressed => 1,
        Compression::UNCOMPRESSED => 1,
        // 64 bytes from 3.
        Compression::SNAPPY => 22,
        // 255 bytes from 1.
        Compression::LZ4 | Compression::LZ4_RAW => 256,
        // 258 bytes from 2 bits.
        Compression::GZIP(_) | Compression::LZO => 1040,
        // A block of 128 KiB from 4 bytes.
        Compression::ZSTD(_) => 1 << 15,
        Compression::BROTLI(_) => PAGE,
    };
    compressed.saturating_mul(ratio).min(PAGE)
}

/// Returns the fewest bytes of a value in a dictionary.
fn width(column: &ColumnChunkMetaData) -> u64 {
    match column.column_type() {
        Type::BOOLEAN => 1,
        // A byte array begins with its length.
        Type::INT32 | Type::FLOAT | Type::BYTE_ARRAY => 4,
        Type::INT64 | Type::DOUBLE => 8,
        Type::INT96 => 12,
        Type::FIXED_LEN_BYTE_ARRAY => u64::try_from(column.column_descr().type_length()).unwrap_or(1).max(1),
    }
}
