//! Tells whether two outputs of one command are equal, apart from what changes from run to run.

use crate::resume::fingerprint::without_times;

/// Digits from which on a number is an id or a part of a second rather than a count.
const LONG: usize = 5;

/// Returns whether two outputs differ at most by times, durations, addresses, long numbers and temporary names. Counts,
/// such as those of passed tests, are no noise.
pub fn same_but_noise(one: &str, other: &str) -> bool {
    one == other || quiet(one) == quiet(other)
}

/// Returns the text with `#` in place of all noise.
fn quiet(text: &str) -> String {
    let text = without_times(&without_temporary(text));
    let mut out = String::with_capacity(text.len());
    let mut rest = text.as_str();
    while let Some(start) = rest.find(|c: char| c.is_ascii_digit()) {
        let (before, number) = rest.split_at(start);
        let end = number.find(|c: char| !c.is_ascii_digit()).unwrap_or(number.len());
        out.push_str(before);
        out.push_str(if end >= LONG { "#" } else { &number[..end] });
        rest = &number[end..];
    }
    out.push_str(rest);
    out
}

/// Returns the text with `#` for the names of files and folders in `/tmp`.
fn without_temporary(text: &str) -> String {
    let mut parts = text.split("/tmp/");
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let end = part.find(|c: char| !(c.is_alphanumeric() || matches!(c, '.' | '-' | '_'))).unwrap_or(part.len());
        out.push_str("/tmp/#");
        out.push_str(&part[end..]);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::same_but_noise;

    #[test]
    fn noise_is_told_from_what_happened() {
        for (one, other) in [
            ("3 passed in 0.12s", "3 passed in 1.50s"),
            ("123456789\n", "987654321\n"),
            ("at 0x7f00 in /tmp/tmp.aB3/x.py", "at 0x7fff in /tmp/tmp.Zz9/x.py"),
            ("Fri 09:30:01", "Fri 10:00:59"),
            ("same", "same"),
        ] {
            assert!(same_but_noise(one, other), "{one} | {other}");
        }
        for (one, other) in [
            ("3 passed in 0.12s", "2 passed, 1 failed in 0.12s"),
            ("ok", "No such file or directory"),
            ("exit 1", "exit 0"),
            ("", "x"),
        ] {
            assert!(!same_but_noise(one, other), "{one} | {other}");
        }
    }
}
