//! Blocks of compressed text, written as they fill.

use std::io::Write;

use anyhow::Context;
use rayon::prelude::*;
use serde::Serialize;

use super::pack::pack;

/// Where the bytes of something are: the number of its block, and from which to which byte of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) struct Place(u32, usize, usize);

/// How hard it is tried to make a file small.
#[derive(Debug, Clone, Copy)]
struct Effort {
    /// Up to how many bytes of records.
    most: u64,
    /// Level of zstd.
    level: i32,
    /// Bytes of a block. What is alike in a block is stored once; one is decoded to show an episode of it.
    block: usize,
}

/// Small files where that takes seconds, and speed where there is much.
const EFFORTS: [Effort; 3] = [
    Effort { most: 96 << 20, level: 19, block: 12 << 20 },
    Effort { most: 256 << 20, level: 12, block: 8 << 20 },
    Effort { most: u64::MAX, level: 5, block: 4 << 20 },
];

/// Above so many bytes a block is compressed fast.
const LARGE: usize = 24 << 20;

/// Takes texts and writes them in blocks, each compressed; blocks are compressed side by side.
pub(super) struct Blocks<W> {
    out: W,
    level: i32,
    block: usize,
    filling: Vec<u8>,
    full: Vec<Vec<u8>>,
    /// Number of the block that is being filled.
    number: u32,
    /// Bytes taken.
    pub(super) taken: u64,
}

impl<W: Write> Blocks<W> {
    /// Begins, for about so many bytes.
    pub(super) fn new(out: W, expected: u64) -> Self {
        let [Effort { level, block, .. }, ..] = EFFORTS;
        let effort = EFFORTS.iter().find(|effort| expected <= effort.most);
        let (level, block) = effort.map_or((level, block), |effort| (effort.level, effort.block));
        Self { out, level, block, filling: Vec::new(), full: Vec::new(), number: 0, taken: 0 }
    }

    /// Takes a text, which stays whole in one block.
    pub(super) fn put(&mut self, bytes: &[u8]) -> anyhow::Result<Place> {
        if !self.filling.is_empty() && self.filling.len() + bytes.len() > self.block {
            self.seal()?;
        }
        let from = self.filling.len();
        self.filling.extend_from_slice(bytes);
        self.taken += bytes.len() as u64;
        Ok(Place(self.number, from, self.filling.len()))
    }

    /// Ends the block that is being filled.
    fn seal(&mut self) -> anyhow::Result<()> {
        self.full.push(std::mem::take(&mut self.filling));
        self.number += 1;
        if self.full.len() >= rayon::current_num_threads() { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> anyhow::Result<()> {
        let level = self.level;
        let full = std::mem::take(&mut self.full);
        let first = self.number - u32::try_from(full.len()).unwrap_or_default();
        let compressed: anyhow::Result<Vec<Vec<u8>>> =
            full.into_par_iter().map(|block| compress(&block, level)).collect();
        for (number, block) in (first..).zip(compressed?) {
            element(&mut self.out, &format!("b{number}"), &block)?;
        }
        Ok(())
    }

    /// Writes what is left, and returns what was written to.
    pub(super) fn finish(mut self) -> anyhow::Result<W> {
        self.seal()?;
        self.flush()?;
        Ok(self.out)
    }
}

/// Returns bytes compressed, with their size in the head.
pub(super) fn compress(bytes: &[u8], level: i32) -> anyhow::Result<Vec<u8>> {
    let level = if bytes.len() > LARGE { level.min(3) } else { level };
    zstd::bulk::compress(bytes, level).context("cannot compress the data of the page")
}

/// Writes an element that holds bytes.
pub(super) fn element(out: &mut impl Write, id: &str, bytes: &[u8]) -> anyhow::Result<()> {
    let mut text = format!("<script type=\"application/octet-stream\" id=\"{id}\">").into_bytes();
    pack(bytes, &mut text);
    text.extend_from_slice(b"</script>\n");
    out.write_all(&text).context("cannot write the page")
}
