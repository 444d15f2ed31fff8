//! Thrift's compact protocol, as the footer and the page headers of a Parquet file use it.

use bytes::Buf;

/// Kinds of a field, of which a boolean's value is part.
pub(crate) const TRUE: u8 = 1;
pub(crate) const FALSE: u8 = 2;
pub(crate) const INT32: u8 = 5;
pub(crate) const STRUCT: u8 = 12;

/// The deepest nesting that is skipped; as deep as the reader of the `parquet` crate goes.
pub(crate) const DEPTH: usize = 64;

/// What is left of a text in the protocol. Each step returns nothing when there is too little left.
pub(crate) struct Thrift<'a> {
    left: &'a [u8],
    /// How many elements lists and maps may still have. A boolean in a list takes no room, so that lists in a list
    /// could be far longer together than the text is.
    elements: usize,
}

impl<'a> Thrift<'a> {
    pub(crate) fn new(text: &'a [u8]) -> Self {
        Self { left: text, elements: text.len() }
    }

    /// Returns how many bytes are left.
    pub(crate) fn left(&self) -> usize {
        self.left.len()
    }

    /// Goes through a struct; `field` gets the number and the kind of each field, and reads its value or passes over
    /// it.
    pub(crate) fn fields(&mut self, mut field: impl FnMut(&mut Self, i16, u8) -> Option<()>) -> Option<()> {
        let mut number = 0_i16;
        loop {
            let header = self.byte()?;
            if header == 0 {
                return Some(());
            }
            number = match header >> 4 {
                0 => i16::try_from(self.integer()?).ok()?,
                more => number.checked_add(i16::from(more))?,
            };
            field(self, number, header & 0x0f)?;
        }
    }

    /// Reads a whole number, with its sign in the lowest bit.
    pub(crate) fn integer(&mut self) -> Option<i64> {
        let value = self.varint()?;
        let half = i64::try_from(value >> 1).ok()?;
        Some(if value & 1 == 0 { half } else { -half - 1 })
    }

    /// Passes over a value; a boolean's is in its kind.
    pub(crate) fn skip(&mut self, kind: u8, depth: usize) -> Option<()> {
        match kind {
            TRUE | FALSE => Some(()),
            3 => self.byte().map(|_| ()),
            4..=6 => self.varint().map(|_| ()),
            7 => self.bytes(8),
            8 => {
                let length = self.count()?;
                self.bytes(length)
            }
            9 | 10 => {
                let header = self.byte()?;
                let size = if header >> 4 == 15 { self.count()? } else { usize::from(header >> 4) };
                self.skip_elements(size, &[header & 0x0f], depth)
            }
            11 => {
                let size = self.count()?;
                let kinds = if size == 0 { 0 } else { self.byte()? };
                self.skip_elements(size, &[kinds >> 4, kinds & 0x0f], depth)
            }
            STRUCT => {
                let depth = depth.checked_sub(1)?;
                self.fields(|thrift, _, kind| thrift.skip(kind, depth))
            }
            _ => None,
        }
    }

    fn skip_elements(&mut self, size: usize, kinds: &[u8], depth: usize) -> Option<()> {
        self.elements = self.elements.checked_sub(size)?;
        let depth = depth.checked_sub(1)?;
        (0..size).try_for_each(|_| kinds.iter().try_for_each(|kind| self.skip(*kind, depth)))
    }

    fn byte(&mut self) -> Option<u8> {
        self.left.try_get_u8().ok()
    }

    fn bytes(&mut self, count: usize) -> Option<()> {
        self.left = self.left.get(count..)?;
        Some(())
    }

    fn count(&mut self) -> Option<usize> {
        usize::try_from(self.varint()?).ok()
    }

    fn varint(&mut self) -> Option<u64> {
        varint(&mut self.left)
    }
}

/// Takes a number of seven bits a byte, the lowest first, from the front of `left`.
pub(crate) fn varint(left: &mut &[u8]) -> Option<u64> {
    let mut value = 0_u64;
    for shift in (0..64).step_by(7) {
        let (byte, after) = left.split_first()?;
        *left = after;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}
