//! Members of zip archives, read from the start on: wheels and eggs are such.

use std::io::{self, BufRead, Read};

use flate2::bufread::DeflateDecoder;

/// What is handed each member: its name, and what it holds.
pub(super) type EachMember<'a> = &'a mut dyn FnMut(&str, &mut dyn Read) -> io::Result<()>;

/// Calls `each` with the members of an archive, which may be behind something else.
pub(super) fn members(reader: &mut dyn BufRead, each: EachMember<'_>) -> io::Result<()> {
    while next(reader)? {
        let mut head = [0; 26];
        reader.read_exact(&mut head)?;
        let short = |at: usize| u16::from_le_bytes([head[at], head[at + 1]]);
        let long = |at: usize| u32::from_le_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
        let (flags, method, packed) = (short(2), short(4), long(14));
        let mut name = vec![0; usize::from(short(22))];
        reader.read_exact(&mut name)?;
        let mut extra = vec![0; usize::from(short(24))];
        reader.read_exact(&mut extra)?;
        let name = String::from_utf8_lossy(&name).into_owned();
        let size = if packed == u32::MAX { large(&extra).unwrap_or(u64::MAX) } else { u64::from(packed) };
        if flags & 8 != 0 && size == 0 {
            // Its size comes after it, so that it has to end by itself.
            match method {
                8 => {
                    let mut decoder = DeflateDecoder::new(&mut *reader);
                    each(&name, &mut decoder)?;
                    io::copy(&mut decoder, &mut io::sink())?;
                }
                0 if name.ends_with('/') => {}
                _ => {
                    return Err(io::Error::new(
                        io::ErrorKind::Unsupported,
                        format!("the end of `{name}` is not known"),
                    ));
                }
            }
            continue;
        }
        let mut own = (&mut *reader).take(size);
        match method {
            _ if flags & 1 != 0 => {}
            0 => each(&name, &mut own)?,
            8 => each(&name, &mut DeflateDecoder::new(&mut own))?,
            12 => each(&name, &mut bzip2::bufread::BzDecoder::new(&mut own))?,
            93 => each(&name, &mut zstd::Decoder::with_buffer(&mut own)?)?,
            95 => each(&name, &mut lzma_rust2::XzReader::new(&mut own, true))?,
            _ => {}
        }
        io::copy(&mut own, &mut io::sink())?;
    }
    Ok(())
}

/// Goes behind the next mark of a member; `false` when there is none.
fn next(reader: &mut dyn BufRead) -> io::Result<bool> {
    let mut last = [0; 4];
    loop {
        let piece = reader.fill_buf()?;
        if piece.is_empty() {
            return Ok(false);
        }
        for (at, byte) in piece.iter().enumerate() {
            last = [last[1], last[2], last[3], *byte];
            match &last {
                b"PK\x03\x04" => {
                    reader.consume(at + 1);
                    return Ok(true);
                }
                b"PK\x01\x02" | b"PK\x05\x06" => return Ok(false),
                _ => {}
            }
        }
        let length = piece.len();
        reader.consume(length);
    }
}

/// Returns the packed size in the extra field of a large member.
fn large(extra: &[u8]) -> Option<u64> {
    let mut rest = extra;
    while let [a, b, c, d, after @ ..] = rest {
        let length = usize::from(u16::from_le_bytes([*c, *d]));
        let (field, after) = after.split_at_checked(length)?;
        if u16::from_le_bytes([*a, *b]) == 1 {
            // The size unpacked is first.
            return Some(u64::from_le_bytes(field.get(8..16)?.try_into().ok()?));
        }
        rest = after;
    }
    None
}
