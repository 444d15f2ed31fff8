//! Moves texts from one sandbox's repository to another's.

/// Returns `text` with the path `from` replaced by `to`, but not where it is a part of a longer name, as `/testbed` is
/// in `/opt/miniconda3/envs/testbed` and in `/testbed-old`.
pub fn moved(text: &str, from: &str, to: &str) -> String {
    if from.is_empty() || from == to {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(from) {
        let (before, found) = rest.split_at(at);
        let after = &found[from.len()..];
        let last = before.chars().next_back().or_else(|| out.chars().next_back());
        let joined = last.is_some_and(is_of_name) || after.starts_with(|next| is_of_name(next) && next != '.');
        out.push_str(before);
        out.push_str(if joined { from } else { to });
        rest = after;
    }
    out.push_str(rest);
    out
}

fn is_of_name(character: char) -> bool {
    character.is_alphanumeric() || matches!(character, '_' | '-' | '.')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_moves_but_not_a_longer_name() {
        let moves = |text| moved(text, "/testbed", "/tmp/a b/testbed");
        assert_eq!(moves("cd /testbed && ls '/testbed/x'."), "cd /tmp/a b/testbed && ls '/tmp/a b/testbed/x'.");
        assert_eq!(moves("in /testbed."), "in /tmp/a b/testbed.");
        for kept in ["/opt/envs/testbed/bin/python", "/testbed-old", "/testbed2/x", "testbed"] {
            assert_eq!(moves(kept), kept);
        }
    }
}
