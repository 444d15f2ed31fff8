//! What a free text asks for: words with weights, and the names and files that it mentions.

use std::collections::HashMap;

use crate::cut::language::LANGUAGES;
use crate::index::tokens::CodeTokenizer;
use crate::rank::weights::Weights;

/// Words beyond the most telling ones only cost time.
const WORDS: usize = 96;
/// Names and files beyond these are a log, not a hint.
const NAMES: usize = 64;
/// What repeats of a word can add at most.
const REPEATS: f32 = 3.0;

/// What every report of a bug says, whatever it is about.
const BOILERPLATE: &str = "
expected actual behavior behaviour result description reproduce reproduction step bug issue problem version please
minimal example code traceback recent last file line output python work working seem use using like see would
";

/// What a free text asks for.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Query {
    /// Words with their weight.
    pub(crate) words: Vec<(String, f32)>,
    /// Identifiers as they are written, with their weight.
    pub(crate) names: Vec<(String, f32)>,
    /// Paths, and dotted names that may be modules, in their parts.
    pub(crate) mentions: Vec<Vec<String>>,
}

impl Query {
    /// Reads a text. A long one is taken for an issue, whose first line is its title.
    pub(crate) fn read(text: &str, tokenizer: &CodeTokenizer, weights: &Weights) -> Self {
        let text = without_comments(text);
        let boilerplate: Vec<&str> = BOILERPLATE.split_whitespace().collect();
        let mut words: HashMap<String, f32> = HashMap::new();
        let mut names: HashMap<String, f32> = HashMap::new();
        let mut query = Self::default();
        let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
        for (index, line) in lines.iter().enumerate() {
            let place = if index == 0 && lines.len() > 1 { weights.title } else { 1.0 };
            tokenizer.words(line, |word, kind| {
                let weight = place * kind.weight(weights);
                if lines.len() == 1 || !boilerplate.contains(&word) {
                    *words.entry(word.to_owned()).or_default() += weight;
                }
            });
            for chain in chains(line) {
                for name in chain.split(['.', '/']).filter(|name| is_name(name)) {
                    *names.entry(name.to_owned()).or_default() += place;
                }
                query.mention(chain);
            }
        }
        query.words = strongest(words, WORDS);
        query.names = strongest(names, NAMES);
        query
    }

    fn mention(&mut self, chain: &str) {
        let is_file = LANGUAGES
            .iter()
            .flat_map(|row| row.extensions)
            .any(|extension| chain.strip_suffix(extension).is_some_and(|rest| rest.ends_with('.')));
        let parts: Vec<String> = if is_file {
            chain.split('/').filter(|part| !part.is_empty()).map(str::to_owned).collect()
        } else {
            chain.split(['.', '/']).filter(|part| !part.is_empty()).map(str::to_owned).collect()
        };
        let useful = if is_file { !parts.is_empty() } else { parts.len() > 1 };
        if useful && self.mentions.len() < NAMES && !self.mentions.contains(&parts) {
            self.mentions.push(parts);
        }
    }
}

/// Returns the heaviest entries, repeats damped, in a fixed order.
fn strongest(entries: HashMap<String, f32>, most: usize) -> Vec<(String, f32)> {
    let damped = |weight: f32| weight * (1.0 + REPEATS) / (weight + REPEATS);
    let mut entries: Vec<(String, f32)> = entries.into_iter().map(|(word, weight)| (word, damped(weight))).collect();
    entries.sort_by(|a, b| b.1.total_cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    entries.truncate(most);
    entries
}

/// Returns the runs of characters of which names, dotted names and paths are made.
fn chains(line: &str) -> impl Iterator<Item = &str> {
    let part = |c: char| c.is_alphanumeric() || matches!(c, '_' | '.' | '/' | '-');
    let trimmed = line.split(move |c| !part(c)).map(|chain| chain.trim_matches(['.', '/', '-']));
    trimmed.filter(|chain| chain.len() > 2)
}

fn is_name(text: &str) -> bool {
    let first = text.chars().next().is_some_and(|c| c.is_alphabetic() || c == '_');
    first && text.len() > 2 && text.chars().all(|c| c.is_alphanumeric() || c == '_')
}

/// Removes what a template of issues tells its writer.
fn without_comments(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("<!--") {
        kept.push_str(before);
        rest = after.split_once("-->").map_or("", |(_, rest)| rest);
    }
    kept + rest
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    fn check(text: &str, expected: Expect) {
        let query = Query::read(text, &CodeTokenizer::new(), &Weights::default());
        let words: Vec<String> = query.words.iter().map(|(word, weight)| format!("{word} {weight:.1}")).collect();
        let names: Vec<&str> = query.names.iter().map(|(name, _)| name.as_str()).collect();
        let mentions: Vec<String> = query.mentions.iter().map(|parts| parts.join(" ")).collect();
        expected.assert_eq(&format!("{}\n{}\n{}\n", words.join(", "), names.join(", "), mentions.join(", ")));
    }

    #[test]
    fn a_title_weighs_more_and_boilerplate_nothing() {
        check(
            "Crash in bulk_create\n\n<!-- Describe\nthe bug -->\nExpected behavior: no crash",
            expect![[r#"
                bulk_create 2.7, crash 2.3, no 1.0, bulk 0.9, create 0.9
                Crash, bulk_create, Expected, behavior, crash

            "#]],
        );
    }

    #[test]
    fn a_short_query_is_taken_as_it_is() {
        check(
            "expected behavior",
            expect![[r#"
            behavior 1.0, expected 1.0
            behavior, expected

        "#]],
        );
    }

    #[test]
    fn files_and_modules_are_noticed() {
        let text = "It fails.\nFile \"/usr/lib/site-packages/django/db/models/query.py\", line 3\nin django.utils.text.slugify()";
        check(
            text,
            expect![[r#"
            fail 2.0, django 1.6, db 1.0, lib 1.0, model 1.0, package 1.0, py 1.0, query 1.0, site 1.0, slugify 1.0, text 1.0, usr 1.0, util 1.0
            fails, django, File, lib, line, models, query, slugify, text, usr, utils
            usr lib site-packages django db models query.py, django utils text slugify
        "#]],
        );
    }
}
