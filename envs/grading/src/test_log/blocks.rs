//! A log in blocks of whole lines, so that memory does not grow with the log.

use std::borrow::Cow;
use std::io::{self, Read};

use memchr::memrchr2;

/// How much is read at a time.
const BLOCK: usize = 256 << 10;
/// A longer line may lose its middle.
const LONGEST: usize = 1 << 20;

/// Cuts a log into blocks, each of which ends where a line ends: at `\n`, `\r\n` or a lone `\r`.
pub(super) struct Blocks<R> {
    log: R,
    buffer: Vec<u8>,
    /// How much of the buffer was handed out.
    given: usize,
    ended: bool,
    /// Whether the line that the buffer starts with lost its middle.
    cut: bool,
    /// How many lines lost their middle.
    pub(super) long_lines: u64,
    /// How many places were not UTF-8.
    pub(super) invalid_bytes: u64,
}

impl<R: Read> Blocks<R> {
    pub(super) fn new(log: R) -> Self {
        Self { log, buffer: Vec::new(), given: 0, ended: false, cut: false, long_lines: 0, invalid_bytes: 0 }
    }

    /// Returns the next block, with U+FFFD for what is not UTF-8; none after the last.
    pub(super) fn next(&mut self) -> io::Result<Option<Cow<'_, str>>> {
        self.buffer.drain(..self.given);
        self.given = 0;
        loop {
            self.fill()?;
            let whole = if self.ended { self.buffer.len() } else { whole_lines(&self.buffer) };
            if whole > 0 {
                self.long_lines += u64::from(self.cut);
                (self.given, self.cut) = (whole, false);
                break;
            }
            if self.ended {
                return Ok(None);
            }
            if self.buffer.len() > LONGEST {
                cut_middle(&mut self.buffer);
                self.cut = true;
            }
        }
        let bytes = self.buffer.get(..self.given).unwrap_or_default();
        if let Ok(text) = std::str::from_utf8(bytes) {
            return Ok(Some(Cow::Borrowed(text)));
        }
        let mut text = String::with_capacity(bytes.len());
        for chunk in bytes.utf8_chunks() {
            text.push_str(chunk.valid());
            if !chunk.invalid().is_empty() {
                text.push(char::REPLACEMENT_CHARACTER);
                self.invalid_bytes += 1;
            }
        }
        Ok(Some(Cow::Owned(text)))
    }

    fn fill(&mut self) -> io::Result<()> {
        self.buffer.reserve(BLOCK);
        let read = self.log.by_ref().take(BLOCK as u64).read_to_end(&mut self.buffer)?;
        self.ended = read < BLOCK;
        Ok(())
    }
}

/// Returns the length of the whole lines that `bytes` starts with. A `\r` at the very end may be half a line end.
fn whole_lines(bytes: &[u8]) -> usize {
    let known = bytes.strip_suffix(b"\r").unwrap_or(bytes);
    memrchr2(b'\n', b'\r', known).map_or(0, |end| end + 1)
}

/// Shortens one long line to its first and last part, each of whole characters.
fn cut_middle(line: &mut Vec<u8>) {
    let is_inside = |byte: Option<&u8>| byte.is_some_and(|byte| byte & 0xC0 == 0x80);
    let (mut from, mut to) = (LONGEST / 2, line.len() - LONGEST / 2);
    while from > 0 && is_inside(line.get(from)) {
        from -= 1;
    }
    while is_inside(line.get(to)) {
        to += 1;
    }
    line.drain(from..to);
}
