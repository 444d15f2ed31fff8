//! The samples of a cell, and what is different for some.

use std::collections::BTreeMap;

use serde_yaml::Value;

use super::cells::{Set, text};
use crate::file::{File, Problem, join};

/// Returns the settings that single samples have of their own, by the number of the sample.
///
/// # Errors
/// When a key is neither a number nor a range of numbers, or beyond the samples that there are.
pub(super) fn overrides(file: &File) -> Result<BTreeMap<u32, Vec<Set>>, Problem> {
    let count = file.spec.samples.count.unwrap_or(1);
    let mut found: BTreeMap<u32, Vec<Set>> = BTreeMap::new();
    for (key, settings) in &file.spec.samples.overrides {
        let at = join("samples.overrides", &text(key));
        let wrong = |message: String| file.source.at(&at, message);
        let (from, to) = range(&text(key))
            .ok_or_else(|| wrong(format!("`{}` is not a sample\nhint: write `0`, or `1-15` for several", text(key))))?;
        if to >= count {
            return Err(wrong(format!(
                "there is no sample {to}: `samples.count` is {count}, and they are counted from 0"
            )));
        }
        let Value::Mapping(settings) = settings else {
            return Err(wrong("a sample takes key paths with values, as in `{model.temperature: 0}`".to_owned()));
        };
        for path in settings.keys().map(text) {
            refuse(file, &path, &join(&at, &path), OF_CELLS, "the samples of a cell have the same")?;
        }
        for sample in from..=to {
            let sets = settings.iter().map(|(path, value)| {
                let path = text(path);
                Set { at: join(&at, &path), path, value: value.clone() }
            });
            found.entry(sample).or_default().extend(sets);
        }
    }
    Ok(found)
}

/// What all samples of a cell share.
const OF_CELLS: &[&str] = &["agent", "env", "run", "runs", "permits", "images"];

/// Refuses a setting below one of these keys.
pub(super) fn refuse(file: &File, path: &str, at: &str, keys: &[&str], why: &str) -> Result<(), Problem> {
    let top = path.split('.').next().unwrap_or_default();
    if keys.contains(&top) {
        return Err(file.source.at(at, format!("{why} `{top}`\nhint: it belongs in `base`")));
    }
    Ok(())
}

/// Reads `3` or `1-15`.
fn range(text: &str) -> Option<(u32, u32)> {
    let (from, to) = text.split_once('-').unwrap_or((text, text));
    let (from, to) = (from.trim().parse().ok()?, to.trim().parse().ok()?);
    (from <= to).then_some((from, to))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use expect_test::{Expect, expect};

    use super::*;

    fn check(text: &str, expected: &Expect) {
        let found = File::parse(Path::new("s.yaml"), text.to_owned()).and_then(|file| overrides(&file));
        let shown = |(sample, sets): (&u32, &Vec<Set>)| {
            let sets: Vec<String> =
                sets.iter().map(|set| format!("{}={} at {}", set.path, serde_json::json!(set.value), set.at)).collect();
            format!("{sample}: {}\n", sets.join(", "))
        };
        expected.assert_eq(&found.map_or_else(|err| err.to_string(), |found| found.iter().map(shown).collect()));
    }

    #[test]
    fn single_samples_and_ranges_have_settings_of_their_own() {
        check(
            "samples:\n  count: 4\n  overrides:\n    0: {model.temperature: 0}\n    1-2: {model.seed: 7}\n    '2': {model.seed: 8}\n",
            &expect![[r#"
                0: model.temperature=0 at samples.overrides.0.model.temperature
                1: model.seed=7 at samples.overrides.1-2.model.seed
                2: model.seed=7 at samples.overrides.1-2.model.seed, model.seed=8 at samples.overrides.2.model.seed
            "#]],
        );
        check(
            "samples: {count: 2, overrides: {2: {}}}\n",
            &expect!["s.yaml:1:33: there is no sample 2: `samples.count` is 2, and they are counted from 0"],
        );
        check(
            "samples: {count: 2, overrides: {first: {}}}\n",
            &expect![[r#"
            s.yaml:1:33: `first` is not a sample
            hint: write `0`, or `1-15` for several"#]],
        );
        check(
            "samples: {count: 2, overrides: {1-0: {}}}\n",
            &expect![[r#"
            s.yaml:1:33: `1-0` is not a sample
            hint: write `0`, or `1-15` for several"#]],
        );
        check(
            "samples:\n  count: 2\n  overrides: {0: 0.5}\n",
            &expect!["s.yaml:3:15: a sample takes key paths with values, as in `{model.temperature: 0}`"],
        );
    }
}
