//! Shortens long text in the middle.

/// Returns `text` with its middle cut out when it has more than `limit` characters, head and tail in equal parts, and
/// between them what `notice` says of the number of characters that are gone.
pub fn clip(text: String, limit: usize, notice: impl FnOnce(usize) -> String) -> String {
    if text.len() <= limit {
        return text;
    }
    let total = text.chars().count();
    if total <= limit {
        return text;
    }
    let head = limit.div_ceil(2);
    let tail = limit - head;
    let head_end = byte_index(&text, head);
    let tail_start = byte_index(&text, total - tail);
    let (head_text, tail_text) = (&text[..head_end], &text[tail_start..]);
    format!("{head_text}\n{}\n{tail_text}", notice(total - limit))
}

/// Returns the byte index of the character with this number, or the end.
fn byte_index(text: &str, character: usize) -> usize {
    text.char_indices().nth(character).map_or(text.len(), |(index, _)| index)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_head_and_tail_at_character_boundaries() {
        let check = |text: &str, limit| clip(text.to_owned(), limit, |omitted| format!("-{omitted}"));
        assert_eq!(check("short", 5), "short");
        assert_eq!(check("äöüß", 4), "äöüß");
        assert_eq!(check("äöüßabc", 3), "äö\n-4\nc");
        assert_eq!(check("abc", 0), "\n-3\n");
    }
}
