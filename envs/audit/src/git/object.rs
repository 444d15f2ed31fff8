//! One object of git.

use std::io::{self, BufRead, Read};

use flate2::bufread::ZlibDecoder;
use sha1::{Digest, Sha1};

/// The name of an object.
pub(crate) type Id = [u8; 20];

/// Largest object that is held in memory, in bytes.
pub(crate) const LARGEST: u64 = 64 << 20;

/// What an object is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ObjectKind {
    Commit,
    Tree,
    Blob,
    Tag,
}

/// One object.
#[derive(Debug, Clone)]
pub(crate) struct Object {
    pub(crate) kind: ObjectKind,
    pub(crate) data: Vec<u8>,
}

impl ObjectKind {
    fn name(self) -> &'static str {
        match self {
            Self::Commit => "commit",
            Self::Tree => "tree",
            Self::Blob => "blob",
            Self::Tag => "tag",
        }
    }

    pub(crate) fn of_name(name: &[u8]) -> Option<Self> {
        [Self::Commit, Self::Tree, Self::Blob, Self::Tag].into_iter().find(|kind| kind.name().as_bytes() == name)
    }

    /// Returns the kind by its number in a pack.
    pub(crate) fn of_number(number: u8) -> Option<Self> {
        match number {
            1 => Some(Self::Commit),
            2 => Some(Self::Tree),
            3 => Some(Self::Blob),
            4 => Some(Self::Tag),
            _ => None,
        }
    }
}

impl Object {
    /// Returns the object that a file of an object store holds.
    pub(crate) fn loose(reader: impl BufRead) -> io::Result<Self> {
        let mut data = Vec::new();
        ZlibDecoder::new(reader).take(LARGEST).read_to_end(&mut data)?;
        let end = data.iter().position(|byte| *byte == 0).ok_or_else(broken)?;
        let kind = data.split(|byte| *byte == b' ').next().and_then(ObjectKind::of_name).ok_or_else(broken)?;
        data.drain(..=end);
        Ok(Self { kind, data })
    }

    /// Returns its name.
    pub(crate) fn id(&self) -> Id {
        hash(self.kind, &self.data)
    }

    /// Returns the tree of a commit.
    pub(crate) fn tree(&self) -> Option<Id> {
        let line = self.data.split(|byte| *byte == b'\n').next()?;
        parse_id(std::str::from_utf8(line.strip_prefix(b"tree ")?).ok()?)
    }

    /// Returns the entries of a tree: mode, name and object.
    pub(crate) fn entries(&self) -> Vec<(&[u8], &[u8], Id)> {
        let (mut found, mut rest) = (Vec::new(), self.data.as_slice());
        while let Some(space) = rest.iter().position(|byte| *byte == b' ') {
            let (mode, after) = (&rest[..space], &rest[space + 1..]);
            let Some(end) = after.iter().position(|byte| *byte == 0) else { break };
            let Some(id) = after.get(end + 1..end + 21).and_then(|id| id.try_into().ok()) else { break };
            found.push((mode, &after[..end], id));
            rest = &after[end + 21..];
        }
        found
    }
}

/// Returns the name of an object with these contents.
pub(crate) fn hash(kind: ObjectKind, data: &[u8]) -> Id {
    let mut digest = Sha1::new();
    digest.update(format!("{} {}\0", kind.name(), data.len()));
    digest.update(data);
    digest.finalize().into()
}

/// Reads 40 hex digits.
pub(crate) fn parse_id(text: &str) -> Option<Id> {
    let text = text.trim();
    if text.len() != 40 || !text.is_ascii() {
        return None;
    }
    let mut id = [0; 20];
    for (at, byte) in id.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(2 * at..2 * at + 2)?, 16).ok()?;
    }
    Some(id)
}

pub(crate) fn broken() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "the object is broken")
}
