//! Looks through the footer of a Parquet file before its reader does.
//!
//! The reader passes over fields that it does not know, and over a list of two thousand million booleans, which takes no
//! room in the file, it passes for minutes. No writer makes such a list; a damaged file of 60 bytes may hold one.
//! The footer is a struct in Thrift's compact protocol.

use bytes::Buf;

/// The deepest nesting; as deep as the reader goes.
const DEPTH: usize = 64;

/// Returns whether a footer is a whole struct in which no list, map or text is longer than what is left.
pub(crate) fn is_plausible(footer: &[u8]) -> bool {
    Footer(footer).skip_struct(DEPTH).is_some()
}

/// What is left of a footer. Each step returns nothing when there is too little left.
struct Footer<'a>(&'a [u8]);

impl Footer<'_> {
    fn skip_struct(&mut self, depth: usize) -> Option<()> {
        loop {
            let header = self.byte()?;
            if header == 0 {
                return Some(());
            }
            if header >> 4 == 0 {
                self.varint()?;
            }
            self.skip(header & 0x0f, depth.checked_sub(1)?)?;
        }
    }

    /// Passes over a value; a boolean's is in its type.
    fn skip(&mut self, kind: u8, depth: usize) -> Option<()> {
        match kind {
            1 | 2 => Some(()),
            3 => self.byte().map(|_| ()),
            4..=6 => self.varint().map(|_| ()),
            7 => self.bytes(8),
            8 => {
                let length = self.varint()?;
                self.bytes(length)
            }
            9 | 10 => {
                let header = self.byte()?;
                let size = if header >> 4 == 15 { self.varint()? } else { usize::from(header >> 4) };
                self.elements(size, &[header & 0x0f], depth)
            }
            11 => {
                let size = self.varint()?;
                let kinds = if size == 0 { 0 } else { self.byte()? };
                self.elements(size, &[kinds >> 4, kinds & 0x0f], depth)
            }
            12 => self.skip_struct(depth),
            _ => None,
        }
    }

    fn elements(&mut self, size: usize, kinds: &[u8], depth: usize) -> Option<()> {
        if size > self.0.len() {
            return None;
        }
        let depth = depth.checked_sub(1)?;
        (0..size).try_for_each(|_| kinds.iter().try_for_each(|kind| self.skip(*kind, depth)))
    }

    fn byte(&mut self) -> Option<u8> {
        self.0.try_get_u8().ok()
    }

    fn bytes(&mut self, count: usize) -> Option<()> {
        self.0 = self.0.get(count..)?;
        Some(())
    }

    fn varint(&mut self) -> Option<usize> {
        let mut value = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return usize::try_from(value).ok();
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_longer_than_the_file_are_refused() {
        // A struct whose first field is a list of `size` booleans.
        let list = |size: &[u8]| [&[0x19, 0xf1], size, &[0]].concat();
        assert!(is_plausible(&[0x19, 0x11, 0]));
        assert!(is_plausible(&[0x15, 0x02, 0x18, 0x01, b'x', 0]));
        assert!(!is_plausible(&list(&[0xff, 0xff, 0xff, 0xff, 0x07])));
        assert!(!is_plausible(&list(&[0xff; 12])));
        assert!(!is_plausible(&[0x1c; 100]), "nested too deeply");
        assert!(!is_plausible(&[0x18, 0x7f, 0]), "a text that is longer than the footer");
    }
}
