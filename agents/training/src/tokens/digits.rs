//! Numbers as JSON, many at a time.

/// Numbers below this have seven digits at most, so that one fits into eight bytes with a comma behind it.
const SHORT: u32 = 10_000_000;

/// Bytes that the longest number takes, with its comma.
const LONGEST: usize = 11;

/// Adds an array of the ids of tokens, or, where one is `None`, of `other` in its place.
///
/// Data sets are hundreds of millions of such numbers, of which a formatter that takes them one by one makes as much work
/// as the tokenizer.
pub(super) fn add_array(json: &mut Vec<u8>, ids: impl ExactSizeIterator<Item = Option<u32>>, other: &[u8; 4]) {
    json.push(b'[');
    let (mut at, empty) = (json.len(), ids.len() == 0);
    json.resize(at + LONGEST * ids.len(), 0);
    let [a, b, c, d] = *other;
    let other = (u64::from_le_bytes([a, b, c, d, b',', 0, 0, 0]), 5);
    for id in ids {
        let (bytes, length) = match id {
            None => other,
            Some(id) if id < SHORT => short(id),
            Some(id) => {
                let text = format!("{id},");
                json[at..at + text.len()].copy_from_slice(text.as_bytes());
                at += text.len();
                continue;
            }
        };
        json[at..at + 8].copy_from_slice(&bytes.to_le_bytes());
        at += length;
    }
    json.truncate(at - usize::from(!empty));
    json.push(b']');
}

/// Returns the digits of a number of up to seven with a comma behind them, the first in the lowest byte, and how many
/// bytes that is.
#[inline]
fn short(number: u32) -> (u64, usize) {
    let number = u64::from(number);
    // Four and four digits, then twice two and two, then all eight, each division as a multiplication in its part.
    let fours = (number / 10_000) | (number % 10_000) << 32;
    let hundreds = ((fours * 10_486) >> 20) & 0x0000_007f_0000_007f;
    let twos = hundreds | (fours - hundreds * 100) << 16;
    let tens = ((twos * 103) >> 10) & 0x000f_000f_000f_000f;
    let ones = tens | (twos - tens * 10) << 8;
    // A lone zero is a digit.
    let zeros = (ones.trailing_zeros() as usize / 8).min(7);
    let digits = (ones | 0x3030_3030_3030_3030) >> (8 * zeros);
    let length = 8 - zeros;
    (digits | u64::from(b',') << (8 * length), length + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(ids: &[Option<u32>]) -> String {
        let mut json = b"x".to_vec();
        add_array(&mut json, ids.iter().copied(), b"-100");
        String::from_utf8(json).unwrap()
    }

    #[test]
    fn every_number_is_as_a_formatter_writes_it() {
        let some: Vec<u32> = (0..SHORT).step_by(7).chain(0..100_000).chain([SHORT - 1, SHORT, u32::MAX]).collect();
        let expected: Vec<String> = some.iter().map(u32::to_string).collect();
        let ids: Vec<Option<u32>> = some.into_iter().map(Some).collect();
        assert_eq!(text(&ids), format!("x[{}]", expected.join(",")));
    }

    #[test]
    fn what_is_no_id_is_what_stands_in_its_place() {
        assert_eq!(text(&[]), "x[]");
        assert_eq!(text(&[None]), "x[-100]");
        assert_eq!(text(&[Some(0), None, Some(12)]), "x[0,-100,12]");
    }
}
