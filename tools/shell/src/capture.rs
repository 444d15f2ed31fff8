//! The output of a command, bounded where it is read.

/// Keeps the start and the end of a stream, and counts what it drops in between.
#[derive(Debug)]
pub(crate) struct Capture {
    half: usize,
    head: Vec<u8>,
    /// Twice as long as it has to be at most, so that bytes are moved in large pieces and seldom.
    tail: Vec<u8>,
    omitted: u64,
}

/// What a [`Capture`] kept.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Captured {
    pub(crate) head: Vec<u8>,
    pub(crate) tail: Vec<u8>,
    /// Bytes dropped between head and tail.
    pub(crate) omitted: u64,
}

impl Capture {
    /// Returns an empty capture that keeps `limit` bytes.
    pub(crate) fn new(limit: usize) -> Self {
        Self { half: limit.div_ceil(2), head: Vec::new(), tail: Vec::new(), omitted: 0 }
    }

    /// Takes bytes in.
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        let free = self.half.saturating_sub(self.head.len()).min(bytes.len());
        let (head, rest) = bytes.split_at(free);
        self.head.extend_from_slice(head);
        let kept = &rest[rest.len().saturating_sub(self.half)..];
        self.omitted += (rest.len() - kept.len()) as u64;
        self.tail.extend_from_slice(kept);
        if self.tail.len() > self.half * 2 {
            self.shorten();
        }
    }

    fn shorten(&mut self) {
        let excess = self.tail.len().saturating_sub(self.half);
        self.tail.drain(..excess);
        self.omitted += excess as u64;
    }

    /// Returns what was kept. Where something was dropped, no character is cut in two.
    pub(crate) fn finish(mut self) -> Captured {
        self.shorten();
        let Self { mut head, mut tail, mut omitted, .. } = self;
        if omitted > 0 {
            let whole = head.len() - torn_end(&head);
            omitted += (head.len() - whole) as u64;
            head.truncate(whole);
            let torn = tail.iter().take(3).take_while(|byte| is_continuation(**byte)).count();
            omitted += torn as u64;
            tail.drain(..torn);
        }
        Captured { head, tail, omitted }
    }
}

fn is_continuation(byte: u8) -> bool {
    byte & 0b1100_0000 == 0b1000_0000
}

/// Returns how many bytes at the end of `bytes` begin a UTF-8 character that is not complete.
fn torn_end(bytes: &[u8]) -> usize {
    let back = bytes.iter().rev().take(3).take_while(|byte| is_continuation(**byte)).count();
    let Some(lead) = bytes.len().checked_sub(back + 1).map(|index| bytes[index]) else { return 0 };
    let length = match lead {
        0xC2..=0xDF => 2,
        0xE0..=0xEF => 3,
        0xF0..=0xF4 => 4,
        _ => return 0,
    };
    if length > back + 1 { back + 1 } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(limit: usize, pieces: &[&str]) -> (String, String, u64) {
        let mut capture = Capture::new(limit);
        for piece in pieces {
            capture.push(piece.as_bytes());
        }
        let Captured { head, tail, omitted } = capture.finish();
        (String::from_utf8(head).unwrap(), String::from_utf8(tail).unwrap(), omitted)
    }

    #[test]
    fn keeps_head_and_tail() {
        assert_eq!(check(10, &["abc"]), ("abc".into(), "".into(), 0));
        assert_eq!(check(10, &["abcdefghij"]), ("abcde".into(), "fghij".into(), 0));
        assert_eq!(check(10, &["abcdef", "ghijk"]), ("abcde".into(), "ghijk".into(), 1));
        assert_eq!(check(4, &["abcdefgh", "i", "jklmno"]), ("ab".into(), "no".into(), 11));
        assert_eq!(check(0, &["abc"]), ("".into(), "".into(), 3));
    }

    #[test]
    fn cuts_between_characters() {
        assert_eq!(check(6, &["aé€xyzé€"]), ("aé".into(), "€".into(), 8));
        assert_eq!(check(8, &["ab😀cd😀"]), ("ab".into(), "😀".into(), 6));
    }

    #[test]
    fn memory_stays_bounded() {
        let mut capture = Capture::new(1000);
        for _ in 0..10_000 {
            capture.push(&[b'x'; 999]);
        }
        assert!(capture.head.capacity() + capture.tail.capacity() < 8_000);
        assert_eq!(capture.finish().omitted, 9_989_000);
    }
}
