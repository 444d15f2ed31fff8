//! Packs of git, read from their start to their end or one object at a time.

use std::collections::HashMap;
use std::io::{self, BufRead, Read};
use std::rc::Rc;

use flate2::bufread::ZlibDecoder;

use super::object::{LARGEST, Object, ObjectKind, broken};

/// Bytes of objects that are kept for those that build on them.
const KEPT: usize = 64 << 20;

/// What an entry of a pack is made of.
pub(crate) enum Entry {
    Whole(ObjectKind),
    /// What is changed of the entry that many bytes before.
    Before(u64),
    /// What is changed of another object.
    Of([u8; 20]),
}

/// Calls `each` with every object of a pack, in its order, and with whether it is whole: of one that builds on what is
/// no longer at hand only the new pieces are given, as a blob.
pub(crate) fn each_object(reader: impl BufRead, each: &mut dyn FnMut(&Object, bool)) -> io::Result<()> {
    let mut reader = Counted { inner: reader, at: 0 };
    let mut head = [0; 12];
    reader.read_exact(&mut head)?;
    if !head.starts_with(b"PACK") {
        return Err(broken());
    }
    let count = u32::from_be_bytes([head[8], head[9], head[10], head[11]]);
    let (mut kept, mut size) = (HashMap::<u64, Rc<Object>>::new(), 0);
    for _ in 0..count {
        let start = reader.at;
        let entry = read_head(&mut reader)?;
        let data = inflate(&mut reader)?;
        let (object, is_whole) = match entry {
            Entry::Whole(kind) => (Object { kind, data }, true),
            Entry::Before(back) => match start.checked_sub(back).and_then(|base| kept.get(&base).cloned()) {
                // One that is too large or broken is no reason to give up the others.
                Some(base) => match patched(&base.data, &data) {
                    Some(made) => (Object { kind: base.kind, data: made }, true),
                    None => (Object { kind: ObjectKind::Blob, data: pieces(&data) }, false),
                },
                None => (Object { kind: ObjectKind::Blob, data: pieces(&data) }, false),
            },
            Entry::Of(_) => (Object { kind: ObjectKind::Blob, data: pieces(&data) }, false),
        };
        each(&object, is_whole);
        if is_whole {
            size += object.data.len();
            if size > KEPT {
                kept.clear();
                size = object.data.len();
            }
            kept.insert(start, Rc::new(object));
        }
    }
    Ok(())
}

/// Reads what is before the data of an entry.
pub(crate) fn read_head(reader: &mut dyn Read) -> io::Result<Entry> {
    let mut byte = || -> io::Result<u8> {
        let mut one = [0];
        reader.read_exact(&mut one)?;
        Ok(one[0])
    };
    let first = byte()?;
    let mut last = first;
    while last & 0x80 != 0 {
        last = byte()?;
    }
    match (first >> 4) & 7 {
        6 => {
            let mut last = byte()?;
            let mut back = u64::from(last & 0x7f);
            while last & 0x80 != 0 {
                last = byte()?;
                back = back.checked_add(1).and_then(|back| back.checked_mul(128)).ok_or_else(broken)?;
                back |= u64::from(last & 0x7f);
            }
            Ok(Entry::Before(back))
        }
        7 => {
            let mut id = [0; 20];
            for one in &mut id {
                *one = byte()?;
            }
            Ok(Entry::Of(id))
        }
        number => ObjectKind::of_number(number).map(Entry::Whole).ok_or_else(broken),
    }
}

/// Returns the data of an entry, of which nothing follows that was read.
pub(crate) fn inflate(reader: &mut impl BufRead) -> io::Result<Vec<u8>> {
    let (mut data, mut decoder) = (Vec::new(), ZlibDecoder::new(reader));
    decoder.by_ref().take(LARGEST).read_to_end(&mut data)?;
    io::copy(&mut decoder, &mut io::sink())?;
    Ok(data)
}

/// Returns what a delta makes of its base.
pub(crate) fn patched(base: &[u8], delta: &[u8]) -> Option<Vec<u8>> {
    let mut rest = delta;
    let (_, length) = (size(&mut rest)?, size(&mut rest)?);
    let mut made = Vec::new();
    while let Some((code, after)) = rest.split_first() {
        rest = after;
        if code & 0x80 != 0 {
            let mut number = |bits: std::ops::Range<u8>| {
                let mut value = 0_usize;
                for (at, bit) in bits.enumerate() {
                    if code & (1 << bit) != 0 {
                        let (byte, after) = rest.split_first()?;
                        rest = after;
                        value |= usize::from(*byte) << (8 * at);
                    }
                }
                Some(value)
            };
            let (start, count) = (number(0..4)?, number(4..7)?);
            let count = if count == 0 { 0x10000 } else { count };
            made.extend_from_slice(base.get(start..start.checked_add(count)?)?);
        } else {
            let (piece, after) = rest.split_at_checked(usize::from(*code))?;
            made.extend_from_slice(piece);
            rest = after;
        }
        if made.len() as u64 > LARGEST {
            return None;
        }
    }
    (made.len() == length).then_some(made)
}

/// Returns what a delta adds, a line break between any two pieces.
fn pieces(delta: &[u8]) -> Vec<u8> {
    let mut rest = delta;
    let (mut found, _) = (Vec::new(), (size(&mut rest), size(&mut rest)));
    while let Some((code, after)) = rest.split_first() {
        let count = if code & 0x80 != 0 { (code & 0x7f).count_ones() } else { u32::from(*code) };
        let Some((piece, after)) = after.split_at_checked(count as usize) else { break };
        if code & 0x80 == 0 {
            found.extend_from_slice(piece);
            found.push(b'\n');
        }
        rest = after;
    }
    found
}

fn size(rest: &mut &[u8]) -> Option<usize> {
    let (mut value, mut shift) = (0_usize, 0_u32);
    loop {
        let (byte, after) = rest.split_first()?;
        *rest = after;
        value |= usize::from(byte & 0x7f).checked_shl(shift)?;
        shift += 7;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
}

/// A reader that counts.
struct Counted<R> {
    inner: R,
    at: u64,
}

impl<R: BufRead> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.at += read as u64;
        Ok(read)
    }
}

impl<R: BufRead> BufRead for Counted<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.inner.fill_buf()
    }

    fn consume(&mut self, amount: usize) {
        self.at += amount as u64;
        self.inner.consume(amount);
    }
}
