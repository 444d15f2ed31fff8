//! Keeps the values of keys out of what is shown and recorded.

use std::borrow::Cow;
use std::fmt;

use memchr::memmem;

/// Shorter values stand for no key, and would be found in ordinary words.
const SHORTEST: usize = 8;

/// Values that must not be shown, each with the name of what holds it.
#[derive(Clone, Default)]
pub struct Secrets(Vec<(String, String)>);

impl Secrets {
    /// Takes names and values; values of less than 8 characters are left out.
    pub fn new(pairs: impl IntoIterator<Item = (String, String)>) -> Self {
        let trimmed = pairs.into_iter().map(|(name, value)| (name, value.trim().to_owned()));
        let mut pairs: Vec<(String, String)> = trimmed.filter(|(_, value)| value.len() >= SHORTEST).collect();
        // The longest first: one may be a part of another.
        pairs.sort_by(|a, b| b.1.len().cmp(&a.1.len()).then_with(|| a.0.cmp(&b.0)));
        Self(pairs)
    }

    /// Returns the text with each value replaced by the name of what holds it.
    pub fn redact(&self, mut text: String) -> String {
        for (name, value) in &self.0 {
            if text.contains(value) {
                text = text.replace(value, &format!("[redacted {name}]"));
            }
        }
        text
    }

    /// Returns bytes with each value replaced as [`Secrets::redact`] does.
    pub fn redact_bytes<'a>(&self, bytes: &'a [u8]) -> Cow<'a, [u8]> {
        let mut bytes = Cow::Borrowed(bytes);
        for (name, value) in &self.0 {
            let places: Vec<usize> = memmem::find_iter(&bytes, value).collect();
            if places.is_empty() {
                continue;
            }
            let (mut out, mut from) = (Vec::with_capacity(bytes.len()), 0);
            for at in places {
                out.extend_from_slice(&bytes[from..at]);
                out.extend_from_slice(format!("[redacted {name}]").as_bytes());
                from = at + value.len();
            }
            out.extend_from_slice(&bytes[from..]);
            bytes = Cow::Owned(out);
        }
        bytes
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_list().entries(self.0.iter().map(|(name, _)| name)).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::Secrets;

    #[test]
    fn values_are_replaced_by_names_and_short_ones_stay() {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let secrets = Secrets::new([pair("A", "sk-12345678"), pair("B", "sk-12345678-long\n"), pair("C", "EMPTY")]);
        let text = "A=sk-12345678 B=sk-12345678-long C=EMPTY".to_owned();
        assert_eq!(secrets.redact_bytes(text.as_bytes()).as_ref(), b"A=[redacted A] B=[redacted B] C=EMPTY");
        assert_eq!(secrets.redact(text), "A=[redacted A] B=[redacted B] C=EMPTY");
        assert!(!format!("{secrets:?}").contains("sk-"));
    }
}
