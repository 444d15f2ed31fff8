//! Words that a text is looked through for.

use aho_corasick::{AhoCorasick, AhoCorasickKind};

/// Groups of words, all of which are found in one pass over a text.
#[derive(Debug)]
pub(super) struct Lexicon {
    words: Option<AhoCorasick>,
    /// The group of each word.
    groups: Vec<usize>,
}

/// How many groups a lexicon may have.
const GROUPS: usize = 3;

impl Lexicon {
    /// Takes groups of words in lower case; those beyond the third are not looked for.
    pub(super) fn new(groups: &[&[&str]]) -> Self {
        let words = || {
            groups
                .iter()
                .take(GROUPS)
                .enumerate()
                .flat_map(|(group, words)| words.iter().map(move |word| (group, word)))
        };
        let mut builder = AhoCorasick::builder();
        builder.ascii_case_insensitive(true).kind(Some(AhoCorasickKind::DFA));
        // Words of a few letters are far from what an automaton has no room for.
        let found = builder.build(words().map(|(_, word)| word)).ok();
        Self { words: found, groups: words().map(|(group, _)| group).collect() }
    }

    /// Returns for each group whether a text holds one of its words, in letters of any case.
    pub(super) fn groups_in(&self, text: &str) -> [bool; GROUPS] {
        let mut found = [false; GROUPS];
        // A word may stand within another one.
        for word in self.words.iter().flat_map(|words| words.find_overlapping_iter(text)) {
            if let Some(group) = self.groups.get(word.pattern().as_usize()).and_then(|group| found.get_mut(*group)) {
                *group = true;
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_found_in_any_case_and_within_one_another() {
        let lexicon = Lexicon::new(&[&["error:", "failed"], &[" failed"], &["\nok"]]);
        let cases = [
            ("2 FAILED", [true, true, false]),
            ("failed\nOK", [true, false, true]),
            ("TypeError: ü", [true, false, false]),
            ("", [false; 3]),
        ];
        for (text, expected) in cases {
            assert_eq!(lexicon.groups_in(text), expected, "{text}");
        }
    }
}
