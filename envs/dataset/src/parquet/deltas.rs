//! Checks the lengths of texts that are stored as differences, in the pages of a Parquet file.
//!
//! Such lengths begin with their number, for which the reader makes room before it looks for them.

use std::sync::Arc;

use parquet::basic::Encoding;
use parquet::column::page::{Page, PageReader};
use parquet::errors::ParquetError;
use parquet::schema::types::ColumnDescriptor;

use crate::parquet::thrift::varint;

/// Checks that no page of a column has more lengths than values.
///
/// # Errors
/// What is wrong with the first page that has.
pub(crate) fn check(pages: &mut dyn PageReader, column: &Arc<ColumnDescriptor>) -> Result<(), String> {
    while let Some(page) = pages.get_next_page().map_err(|err: ParquetError| err.to_string())? {
        let lists = match page.encoding() {
            Encoding::DELTA_LENGTH_BYTE_ARRAY => 1,
            Encoding::DELTA_BYTE_ARRAY => 2,
            _ => continue,
        };
        let most = page.num_values();
        let mut left = levels(&page, column).and_then(|levels| page.buffer().get(levels..));
        for _ in 0..lists {
            // What has no lengths is the reader's to refuse.
            let Some((count, rest)) = left.and_then(lengths) else { break };
            if count > u64::from(most) {
                return Err(format!("a page of {most} values claims {count} lengths of texts"));
            }
            left = rest;
        }
    }
    Ok(())
}

/// Returns how many bytes of a page come before its values.
fn levels(page: &Page, column: &ColumnDescriptor) -> Option<usize> {
    match page {
        Page::DictionaryPage { .. } => None,
        Page::DataPageV2 { def_levels_byte_len, rep_levels_byte_len, .. } => {
            usize::try_from(def_levels_byte_len.checked_add(*rep_levels_byte_len)?).ok()
        }
        Page::DataPage { buf, num_values, def_level_encoding, rep_level_encoding, .. } => {
            let mut before = 0_usize;
            let kinds = [(column.max_rep_level(), rep_level_encoding), (column.max_def_level(), def_level_encoding)];
            for (highest, encoding) in kinds.into_iter().filter(|(highest, _)| *highest > 0) {
                let size = match encoding {
                    Encoding::RLE => {
                        let size = buf.get(before..)?.first_chunk::<4>()?;
                        usize::try_from(u32::from_le_bytes(*size)).ok()?.checked_add(4)?
                    }
                    _ => {
                        let bits = u64::from(u16::BITS - highest.unsigned_abs().leading_zeros());
                        usize::try_from((u64::from(*num_values) * bits).div_ceil(8)).ok()?
                    }
                };
                before = before.checked_add(size)?;
            }
            Some(before)
        }
    }
}

/// Returns how many whole numbers a list of differences claims, and what follows it; nothing follows a list that ends
/// too early.
fn lengths(text: &[u8]) -> Option<(u64, Option<&[u8]>)> {
    let mut rest = text;
    let [block, parts, count, _first] =
        [varint(&mut rest)?, varint(&mut rest)?, varint(&mut rest)?, varint(&mut rest)?];
    let part = block.checked_div(parts)?;
    Some((count, after(rest, parts, part, count.saturating_sub(1))))
}

/// Passes over `count` differences in blocks of `parts` parts, each of which has `part` of them in its own width.
fn after(mut rest: &[u8], parts: u64, part: u64, count: u64) -> Option<&[u8]> {
    let mut left = count;
    while left > 0 {
        let _lowest = varint(&mut rest)?;
        let (widths, data) = rest.split_at_checked(usize::try_from(parts).ok()?)?;
        rest = data;
        for width in widths {
            if left > 0 {
                let size = u64::from(*width).checked_mul(part)? / 8;
                rest = rest.get(usize::try_from(size).ok()?..)?;
                left = left.saturating_sub(part.max(1));
            }
        }
    }
    Some(rest)
}
