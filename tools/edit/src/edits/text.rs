//! The text of a file, and the way back to its bytes.

use similar::{Algorithm, DiffOp, capture_diff_slices};
use tool_core::Texts;

use crate::{Change, EditError};

/// The text of a file with `\n` line ends, and what is needed to write it back: encoding, byte order mark, line ends.
///
/// Whatever an edit does not touch comes back byte for byte, also in files that are not UTF-8.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text {
    body: String,
    encoding: Encoding,
    bom: bool,
    endings: Endings,
}

/// How the bytes of a file stand for characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Encoding {
    Utf8,
    /// Not UTF-8, and no sequence in it that looks like UTF-8: one byte is one character.
    Latin1,
    /// UTF-8 with stray bytes, which are held as characters from [`STRAY`] on.
    Stray,
}

/// How the lines of a file end.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Endings {
    Lf,
    Crlf,
    /// For each line end in turn, whether it is `\r\n`.
    Mixed(Vec<bool>),
}

/// The private-use character that stands for the stray byte 0; byte `n` is the `n`th after it.
const STRAY: u32 = 0x0010_FE00;

const BOM: char = '\u{FEFF}';

impl Text {
    /// Returns the text of `bytes`.
    ///
    /// # Errors
    /// [`EditError::Binary`] when they are not text.
    pub fn decode(bytes: &[u8]) -> Result<Self, EditError> {
        let (text, encoding) = characters(bytes).ok_or(EditError::Binary(bytes.len()))?;
        let (text, bom) = match text.strip_prefix(BOM) {
            Some(rest) if encoding != Encoding::Latin1 => (rest.to_owned(), true),
            _ => (text, false),
        };
        let endings = Endings::of(&text);
        let body = if endings == Endings::Lf { text } else { text.replace("\r\n", "\n") };
        Ok(Self { body, encoding, bom, endings })
    }

    /// Returns the text, all line ends as `\n`.
    pub fn body(&self) -> &str {
        &self.body
    }

    /// Returns a word on what is unusual about the file, for the header of a view.
    pub fn remark(&self, texts: &dyn Texts) -> Option<String> {
        let name = match (&self.endings, self.encoding) {
            (Endings::Lf, Encoding::Utf8) => return None,
            (Endings::Crlf, Encoding::Utf8) => "edit/crlf",
            (Endings::Mixed(_), Encoding::Utf8) => "edit/mixed",
            (_, Encoding::Latin1) => "edit/latin1",
            (_, Encoding::Stray) => "edit/stray",
        };
        Some(texts.plain(name))
    }

    /// Returns `text` as it may be shown: stray bytes as the replacement character.
    pub fn display(&self, text: &str) -> String {
        match self.encoding {
            Encoding::Stray => text.chars().map(|c| if stray_byte(c).is_some() { '\u{FFFD}' } else { c }).collect(),
            Encoding::Utf8 | Encoding::Latin1 => text.to_owned(),
        }
    }

    /// Returns the bytes of the file with `body` for its text: what is equal to the old text keeps its line ends, what
    /// is new takes those of its surroundings.
    ///
    /// # Errors
    /// [`EditError::Unencodable`] when the encoding has no such character.
    pub fn encode(&self, body: &str) -> Result<Vec<u8>, EditError> {
        self.with_endings(body, || carried_over(&self.body, self.mixed(), body, false))
    }

    /// Returns the bytes of the file after a change of its text: all outside of the change is as it was.
    ///
    /// # Errors
    /// [`EditError::Unencodable`] when the encoding has no such character.
    pub fn encode_change(&self, change: &Change) -> Result<Vec<u8>, EditError> {
        let breaks = |text: Option<&str>| text.unwrap_or_default().matches('\n').count();
        let (old, new) = (&self.body, &change.body);
        self.with_endings(new, || {
            let (head, rest) = self.mixed().split_at_checked(breaks(old.get(..change.head))).unwrap_or_default();
            let tail = breaks(old.get(old.len() - change.tail..));
            let (middle, tail) = rest.split_at_checked(rest.len().saturating_sub(tail)).unwrap_or_default();
            let part = |text: &str| text.get(change.head..text.len() - change.tail).unwrap_or_default().to_owned();
            let default = head.last().or(tail.first()).copied().unwrap_or(false);
            [head, &carried_over(&part(old), middle, &part(new), default), tail].concat()
        })
    }

    fn mixed(&self) -> &[bool] {
        match &self.endings {
            Endings::Mixed(endings) => endings,
            Endings::Lf | Endings::Crlf => &[],
        }
    }

    /// Returns the bytes of `body`, with the line ends that `mixed` tells where the file has both kinds.
    fn with_endings(&self, body: &str, mixed: impl FnOnce() -> Vec<bool>) -> Result<Vec<u8>, EditError> {
        let mut text = String::with_capacity(body.len() + 3);
        if self.bom {
            text.push(BOM);
        }
        match &self.endings {
            Endings::Lf => text.push_str(body),
            Endings::Crlf => text.push_str(&body.replace('\n', "\r\n")),
            Endings::Mixed(_) => {
                let mut endings = mixed().into_iter();
                for line in body.split_inclusive('\n') {
                    match line.strip_suffix('\n') {
                        Some(line) if endings.next().unwrap_or(false) => text.extend([line, "\r\n"]),
                        _ => text.push_str(line),
                    }
                }
            }
        }
        match self.encoding {
            Encoding::Utf8 => Ok(text.into_bytes()),
            Encoding::Latin1 => text.chars().map(|c| u8::try_from(c).map_err(|_| EditError::Unencodable(c))).collect(),
            Encoding::Stray => Ok(with_stray_bytes(&text)),
        }
    }
}

impl Endings {
    fn of(text: &str) -> Self {
        let all: Vec<bool> =
            text.match_indices('\n').map(|(at, _)| at > 0 && text.as_bytes().get(at - 1) == Some(&b'\r')).collect();
        match all.iter().filter(|crlf| **crlf).count() {
            0 => Self::Lf,
            count if count == all.len() => Self::Crlf,
            _ => Self::Mixed(all),
        }
    }
}

/// Returns the characters of `bytes`, or nothing when they are not text.
fn characters(bytes: &[u8]) -> Option<(String, Encoding)> {
    if bytes.contains(&0) {
        return None;
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        return Some((text.to_owned(), Encoding::Utf8));
    }
    let control = bytes.iter().filter(|byte| matches!(byte, 1..=8 | 14..=26 | 28..=31 | 127)).count();
    if control * 20 > bytes.len() {
        return None;
    }
    if bytes.utf8_chunks().all(|chunk| chunk.valid().is_ascii()) {
        return Some((bytes.iter().map(|byte| char::from(*byte)).collect(), Encoding::Latin1));
    }
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        text.extend(chunk.invalid().iter().filter_map(|byte| char::from_u32(STRAY + u32::from(*byte))));
    }
    // A file that holds our private-use characters itself would not come back as it was.
    (with_stray_bytes(&text) == bytes).then_some((text, Encoding::Stray))
}

fn stray_byte(character: char) -> Option<u8> {
    u32::from(character).checked_sub(STRAY).and_then(|byte| u8::try_from(byte).ok()).filter(|byte| *byte >= 0x80)
}

fn with_stray_bytes(text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    for character in text.chars() {
        match stray_byte(character) {
            Some(byte) => bytes.push(byte),
            None => bytes.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    bytes
}

/// Returns the line ends of `new`, where `endings` are those of `old`; `default` is for an old text without any.
fn carried_over(old: &str, endings: &[bool], new: &str, default: bool) -> Vec<bool> {
    let breaks = new.matches('\n').count();
    let old: Vec<&str> = old.split_inclusive('\n').collect();
    let new: Vec<&str> = new.split_inclusive('\n').collect();
    let ending = |line: usize| endings.get(line).or(endings.last()).copied().unwrap_or(default);
    let mut carried = Vec::with_capacity(new.len());
    for op in capture_diff_slices(Algorithm::Myers, &old, &new) {
        let (_, from, to) = op.as_tag_tuple();
        let last = match op {
            // What is put in between two lines follows the upper one.
            DiffOp::Insert { .. } => from.start.saturating_sub(1),
            _ => from.end.saturating_sub(1),
        };
        carried.extend((0..to.len()).map(|line| ending((from.start + line).min(last))));
    }
    carried.truncate(breaks);
    carried
}
