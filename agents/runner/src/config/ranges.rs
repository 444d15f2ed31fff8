//! Which numbers settings may be.

use serde_yaml::Value;

use super::invalid_setting::InvalidSetting;

/// What a number must be.
#[derive(Debug, Clone, Copy)]
enum Range {
    /// More than 0. The text is a hint at what a user who wrote 0 may have meant; `{path}` in it is the setting.
    Positive(&'static str),
    /// 0 or more. The text is a hint at what a user who wrote less may have meant.
    NotNegative(&'static str),
    /// From 0 to another number.
    UpTo(f64),
}

use Range::{NotNegative, Positive, UpTo};

const NO_LIMIT: &str = "`-c {path}=null` sets no limit";
const NO_WAIT: &str = "the wait cannot be unlimited; use a large number instead";
const LEAVES_OPEN: &str = "`-c {path}=null` leaves it open";
const ONCE: &str = "1 is a single attempt";

/// The settings whose range is not "0 or more".
const RANGES: &[(&str, Range)] = &[
    ("limits.steps", Positive(NO_LIMIT)),
    ("limits.tokens", Positive(NO_LIMIT)),
    ("limits.cost", Positive(NO_LIMIT)),
    ("limits.time", Positive(NO_LIMIT)),
    ("limits.observation", Positive("a large number, such as 100000000, cuts nothing")),
    ("context.max_tokens", Positive(LEAVES_OPEN)),
    ("env.eval_timeout", Positive(NO_WAIT)),
    ("evaluation.retries", NotNegative("0 retries nothing; use a large number for practically no limit")),
    ("evaluation.wait", UpTo(3600.0)),
    ("model.retry.max_elapsed", NotNegative("0 is a single attempt; use a large number for practically no limit")),
    ("evaluation.infrastructure", UpTo(1.0)),
    ("sandbox.memory", Positive("write it like `4g`; use a large number, such as `1t`, for practically no limit")),
    ("sandbox.cpus", Positive(NO_LIMIT)),
    ("sandbox.pids", Positive("use a large number, such as 100000, for practically no limit")),
    ("sandbox.timeout", Positive(NO_WAIT)),
    ("sandbox.idle_timeout", Positive(NO_WAIT)),
    ("sandbox.start_timeout", Positive(NO_WAIT)),
    ("sandbox.max_output", Positive("write it like `1m`")),
    ("sandbox.max_file", Positive("write it like `64m`")),
    ("model.top_p", UpTo(1.0)),
    ("model.max_output_tokens", Positive(LEAVES_OPEN)),
    ("model.rate.rpm", Positive(NO_LIMIT)),
    ("model.rate.tpm", Positive(NO_LIMIT)),
    ("model.rate.max_parallel_requests", Positive(NO_LIMIT)),
    ("model.timeout", Positive(NO_WAIT)),
    ("model.connect_timeout", Positive(NO_WAIT)),
    ("embeddings.timeout", Positive(NO_WAIT)),
    ("embeddings.connect_timeout", Positive(NO_WAIT)),
    ("embeddings.batch", Positive("1 sends each text alone")),
    ("embeddings.max_characters", Positive("a large number, such as 100000000, cuts nothing")),
    ("images.memory", Positive("write it like `8g`")),
    ("images.disk", Positive("write it like `100g`, or `null` for no bound")),
    ("images.step_timeout", Positive(NO_WAIT)),
    ("images.pull_attempts", Positive(ONCE)),
    ("permits.load", Positive(LEAVES_OPEN)),
];

/// What may be any number: it goes to the server as it is.
const FREE: &[&str] = &["model.extra", "embeddings.extra", "model.seed", "model.stop"];

/// Checks every number of a configuration.
///
/// # Errors
/// Names the setting, what it must be, and how what was probably meant is written.
pub(crate) fn check_ranges(all: &Value) -> Result<(), InvalidSetting> {
    check(all, &mut String::new())
}

fn check(value: &Value, path: &mut String) -> Result<(), InvalidSetting> {
    if FREE.contains(&path.as_str()) {
        return Ok(());
    }
    let Value::Mapping(mapping) = value else { return check_number(value, path) };
    for (key, value) in mapping {
        let length = path.len();
        if length > 0 {
            path.push('.');
        }
        path.push_str(key.as_str().unwrap_or_default());
        check(value, path)?;
        path.truncate(length);
    }
    Ok(())
}

fn check_number(value: &Value, path: &str) -> Result<(), InvalidSetting> {
    let range = RANGES.iter().find(|(name, _)| *name == path).map(|(_, range)| *range);
    let number = match value {
        Value::Number(number) => number.as_f64(),
        // Sizes, such as `0g`.
        Value::String(text) if range.is_some() => {
            text.trim().trim_end_matches(|letter: char| letter.is_ascii_alphabetic()).parse().ok()
        }
        _ => None,
    };
    let Some(number) = number else { return Ok(()) };
    let (fits, what, hint) = match range.unwrap_or(NotNegative("")) {
        Positive(hint) => (number > 0.0, "a number above 0".to_owned(), Some(hint)),
        NotNegative(hint) => (number >= 0.0, "a number of at least 0".to_owned(), Some(hint)),
        UpTo(most) => ((0.0..=most).contains(&number), format!("a number from 0 to {most}"), None),
    };
    if fits && number.is_finite() {
        return Ok(());
    }
    let hint = hint
        .filter(|hint| !hint.is_empty())
        .map(|hint| format!("\nhint: {}", hint.replace("{path}", path)))
        .unwrap_or_default();
    let shown = serde_yaml::to_string(value).unwrap_or_default();
    Err(InvalidSetting::new(path, format!("`{path}` must be {what}, not {}{hint}", shown.trim())))
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    fn check(yaml: &str, expected: &Expect) {
        let checked = check_ranges(&serde_yaml::from_str(yaml).unwrap());
        expected.assert_eq(&checked.err().map(|unfit| unfit.to_string()).unwrap_or_default());
    }

    #[test]
    fn numbers_that_cannot_work_are_refused_with_what_was_probably_meant() {
        check(
            "limits: {cost: 0}",
            &expect![[r#"
                `limits.cost` must be a number above 0, not 0
                hint: `-c limits.cost=null` sets no limit"#]],
        );
        check(
            "limits: {time: .nan}",
            &expect![[r#"
                `limits.time` must be a number above 0, not .nan
                hint: `-c limits.time=null` sets no limit"#]],
        );
        check(
            "limits: {time: .inf}",
            &expect![[r#"
                `limits.time` must be a number above 0, not .inf
                hint: `-c limits.time=null` sets no limit"#]],
        );
        check(
            "sandbox: {memory: 0g}",
            &expect![[r#"
                `sandbox.memory` must be a number above 0, not 0g
                hint: write it like `4g`; use a large number, such as `1t`, for practically no limit"#]],
        );
        check(
            "evaluation: {retries: -1}",
            &expect![[r#"
                `evaluation.retries` must be a number of at least 0, not -1
                hint: 0 retries nothing; use a large number for practically no limit"#]],
        );
        check(
            "evaluation: {infrastructure: 1.5}",
            &expect!["`evaluation.infrastructure` must be a number from 0 to 1, not 1.5"],
        );
        check("model: {retry: {base: -0.5}}", &expect!["`model.retry.base` must be a number of at least 0, not -0.5"]);
        check("moatless: {retries: -2}", &expect!["`moatless.retries` must be a number of at least 0, not -2"]);
    }

    #[test]
    fn others_are_left_alone() {
        let yaml = "{limits: {cost: null, steps: 1}, model: {temperature: 0, seed: -1, extra: {presence_penalty: -2}}, \
                    evaluation: {wait: 0, retries: 0}, sandbox: {memory: 4g, grace: 0}, env: {dataset: '0'}}";
        check(yaml, &expect![""]);
    }
}
