//! Finds many texts in a stream at once.

use std::collections::BTreeSet;
use std::io::{self, Read};

/// Bytes that the shift of a position is worked out from.
const BLOCK: usize = 3;
/// Entries of the table of shifts.
const TABLE: usize = 1 << 16;
/// Bytes that are read at once.
const PIECE: usize = 256 << 10;

/// What has to be around a text where it is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Edge {
    /// No letter, digit or underscore next to one of its own.
    Word,
    /// Its length, as the constants of byte code have it in front.
    Length,
}

/// Finds many texts in a stream at once, by the tables of Wu and Manber: most positions are skipped.
pub(crate) struct Search {
    patterns: Vec<(Vec<u8>, Edge)>,
    /// How far to go on from a block.
    shifts: Vec<u8>,
    /// Which patterns may end their first `least` bytes with a block.
    ends: Vec<Vec<u16>>,
    /// Length of the shortest pattern.
    least: usize,
    longest: usize,
}

impl Search {
    /// Returns a search for these texts, each of at least [`Search::LEAST`] bytes.
    pub(crate) fn new(patterns: Vec<(Vec<u8>, Edge)>) -> Self {
        let least = patterns.iter().map(|(text, _)| text.len()).min().unwrap_or(Self::LEAST).min(200);
        let longest = patterns.iter().map(|(text, _)| text.len()).max().unwrap_or_default();
        let far = u8::try_from(least - BLOCK + 1).unwrap_or(u8::MAX);
        let (mut shifts, mut ends) = (vec![far; TABLE], vec![Vec::new(); TABLE]);
        for (number, (text, _)) in patterns.iter().enumerate() {
            for (at, block) in text[..least].windows(BLOCK).enumerate() {
                let slot = slot(block);
                let shift = least - BLOCK - at;
                shifts[slot] = shifts[slot].min(u8::try_from(shift).unwrap_or(u8::MAX));
                if shift == 0 {
                    ends[slot].push(u16::try_from(number).unwrap_or(u16::MAX));
                }
            }
        }
        Self { patterns, shifts, ends, least, longest }
    }

    /// Least bytes of a text.
    pub(crate) const LEAST: usize = 8;

    /// Adds the numbers of the texts that are in what a reader gives, and returns how many bytes that was.
    ///
    /// `buffer` is where they are held meanwhile, whatever is in it.
    pub(crate) fn read(
        &self,
        reader: &mut dyn Read,
        buffer: &mut Vec<u8>,
        hits: &mut BTreeSet<u16>,
    ) -> io::Result<u64> {
        let overlap = self.longest + 8;
        buffer.resize(PIECE + overlap, 0);
        let (mut held, mut total, mut is_start) = (0, 0_u64, true);
        loop {
            let (read, failed) = fill(reader, &mut buffer[held..]);
            total += read as u64;
            let end = held + read;
            let is_last = end < buffer.len();
            self.find(&buffer[..end], is_start, hits);
            if let Some(err) = failed {
                return Err(err);
            }
            if is_last {
                return Ok(total);
            }
            buffer.copy_within(end - overlap..end, 0);
            (held, is_start) = (overlap, false);
        }
    }

    /// Adds the numbers of the texts that are in a piece; `is_start` says that nothing is before it.
    pub(crate) fn find(&self, piece: &[u8], is_start: bool, hits: &mut BTreeSet<u16>) {
        if self.patterns.is_empty() {
            return;
        }
        // One past the block.
        let mut at = self.least;
        while at <= piece.len() {
            let slot = slot(&piece[at - BLOCK..at]);
            let shift = self.shifts[slot];
            if shift > 0 {
                at += usize::from(shift);
                continue;
            }
            let start = at - self.least;
            for number in &self.ends[slot] {
                let (text, edge) = &self.patterns[usize::from(*number)];
                if piece[start..].starts_with(text) && fits(piece, start, text, *edge, is_start) {
                    hits.insert(*number);
                }
            }
            at += 1;
        }
    }
}

fn slot(block: &[u8]) -> usize {
    ((usize::from(block[0]) << 10) ^ (usize::from(block[1]) << 5) ^ usize::from(block[2])) & (TABLE - 1)
}

fn fits(piece: &[u8], start: usize, text: &[u8], edge: Edge, is_start: bool) -> bool {
    let end = start + text.len();
    let before = |back: usize| start.checked_sub(back).map(|at| piece[at]);
    match edge {
        Edge::Length => {
            let length = u32::try_from(text.len()).unwrap_or_default().to_le_bytes();
            let short = text.len() < 256 && before(1) == Some(length[0]);
            short || (start >= 4 && piece[start - 4..start] == length)
        }
        Edge::Word => {
            let is_escape = before(2) == Some(b'\\') && matches!(before(1), Some(b'n' | b't' | b'r'));
            let opens = !text.first().copied().is_some_and(is_word)
                || before(1).map_or(is_start, |byte| !is_word(byte))
                || is_escape;
            let closes = !text.last().copied().is_some_and(is_word) || !piece.get(end).copied().is_some_and(is_word);
            opens && closes
        }
    }
}

pub(crate) fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80
}

/// Reads until the buffer is full or there is no more, and returns how much that was; with the error that ended it.
pub(crate) fn fill(reader: &mut dyn Read, buffer: &mut [u8]) -> (usize, Option<io::Error>) {
    let mut filled = 0;
    while filled < buffer.len() {
        match reader.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(err) if err.kind() == io::ErrorKind::Interrupted => {}
            Err(err) => return (filled, Some(err)),
        }
    }
    (filled, None)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(patterns: &[(&str, Edge)], text: &[u8]) -> Vec<u16> {
        let search = Search::new(patterns.iter().map(|(text, edge)| (text.as_bytes().to_vec(), *edge)).collect());
        let mut hits = BTreeSet::new();
        search.read(&mut &*text, &mut Vec::new(), &mut hits).unwrap();
        hits.into_iter().collect()
    }

    #[test]
    fn every_text_is_found_wherever_it_is() {
        let patterns =
            [("auth = parsed.auth", Edge::Word), ("return netloc", Edge::Word), ("netloc = None", Edge::Word)];
        assert_eq!(found(&patterns, b"x\n  auth = parsed.auth\n  return netloc"), [0, 1]);
        assert_eq!(found(&patterns, b"{\"patch\": \"\\n+auth = parsed.auth\\nnetloc = None\\n\"}"), [0, 2]);
        assert_eq!(found(&patterns, b"auth = parsed.authority, my_netloc = None, return netlocs"), [] as [u16; 0]);
        // Across the pieces in which a stream is read.
        for at in PIECE - 40..PIECE + 60 {
            let mut text = vec![b' '; at];
            text.extend_from_slice(b"return netloc;");
            assert_eq!(found(&patterns, &text), [1], "{at}");
        }
    }

    #[test]
    fn constants_of_byte_code_have_their_length_in_front() {
        let patterns = [("may not be empty", Edge::Length)];
        assert_eq!(found(&patterns, b"z\x10may not be emptyr\x01"), [0]);
        assert_eq!(found(&patterns, b"s\x10\0\0\0may not be emptyr\x01"), [0]);
        assert_eq!(found(&patterns, b"z\x1fname may not be empty"), [] as [u16; 0]);
    }
}
