//! Bytes as characters of an HTML page.

/// Marks that the next byte stands for another one.
const ESCAPE: u8 = b'=';

/// Appends bytes as the text of a `script` element in a page of windows-1252, in which each byte is one character.
///
/// Only four bytes would not come back as they are: NUL and CR, which HTML replaces, `<`, which may end the element, and
/// the mark itself. Compressed data grows by 1.6 % for them, where base64 would add 33 %.
pub(super) fn pack(bytes: &[u8], packed: &mut Vec<u8>) {
    packed.reserve(bytes.len() + bytes.len() / 32);
    for &byte in bytes {
        match byte {
            0 => packed.extend([ESCAPE, b'0']),
            b'\r' => packed.extend([ESCAPE, b'r']),
            b'<' => packed.extend([ESCAPE, b'l']),
            ESCAPE => packed.extend([ESCAPE, b'e']),
            _ => packed.push(byte),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_byte_is_left_that_html_would_change_or_read() {
        let all: Vec<u8> = (0..=255).collect();
        let mut packed = Vec::new();
        pack(&all, &mut packed);
        assert_eq!(packed.len(), 260);
        assert!(!packed.contains(&0) && !packed.contains(&b'\r') && !packed.contains(&b'<'));
    }
}
