//! Lists the settings in which two configurations differ.

use agent_core::{Header, Origin, Parent};
use serde_yaml::Value;

/// How many are named.
const NAMED: usize = 8;

/// Returns each setting that differs, as "`model.temperature` was 0.0 and is 0.7".
pub fn differences(then: &Value, now: &Value) -> Vec<String> {
    let mut found = Vec::new();
    compare("", then, now, &mut found);
    found
}

/// Returns the settings in which two configurations differ in one line.
pub fn in_words(found: &[String]) -> String {
    let more = found.len().saturating_sub(NAMED);
    let named = found.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", ");
    if more == 0 { named } else { format!("{named}, and {more} more") }
}

/// Returns how an episode differs from one that would be made now.
pub(crate) fn different(header: &Header, now: &Origin, fingerprint: &str) -> Vec<String> {
    let then = &header.origin;
    // Earlier versions kept no more than a fingerprint.
    if then.settings.is_null() {
        let is_other = header.config != fingerprint;
        return is_other.then(|| "its settings".to_owned()).into_iter().collect();
    }
    let yaml = |value: &serde_json::Value| serde_yaml::to_value(value).unwrap_or_default();
    let mut found = differences(&yaml(&then.settings), &yaml(&now.settings));
    let parts = [
        ("the text of the instance", &then.instance, &now.instance),
        ("the text of the prompts", &then.prompts, &now.prompts),
    ];
    found.extend(parts.iter().filter(|(_, then, now)| then != now).map(|(name, ..)| format!("{name} differs")));
    if let (Some(then), Some(now)) = (&then.texts, &now.texts)
        && then != now
    {
        found.push("the texts of the tools differ".to_owned());
    }
    if let (Some(then), Some(now)) = (&then.image, &now.image)
        && then != now
    {
        found.push(format!("the image was `{then}` and is `{now}`"));
    }
    if then.parent != now.parent {
        let begins = |parent: &Option<Parent>| parent.as_ref().map_or_else(|| "nothing".to_owned(), Parent::to_string);
        found.push(format!(
            "it continued from `{}` and now continues from `{}`",
            begins(&then.parent),
            begins(&now.parent)
        ));
    }
    found
}

fn compare(path: &str, then: &Value, now: &Value, found: &mut Vec<String>) {
    match (then, now) {
        (Value::Mapping(then), Value::Mapping(now)) => {
            let added = now.iter().filter(|(key, _)| !then.contains_key(*key)).map(|(key, _)| key);
            for key in then.keys().chain(added) {
                let name = key.as_str().map_or_else(|| shown(key), str::to_owned);
                let path = if path.is_empty() { name } else { format!("{path}.{name}") };
                let value = |mapping: &serde_yaml::Mapping| mapping.get(key).cloned().unwrap_or_default();
                compare(&path, &value(then), &value(now), found);
            }
        }
        _ if then == now => {}
        _ => found.push(format!("`{path}` was {} and is {}", shown(then), shown(now))),
    }
}

/// Returns a value on one line, cut where it is long.
fn shown(value: &Value) -> String {
    let text = serde_json::to_string(value).unwrap_or_default();
    match text.char_indices().nth(60) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_episode_of_another_making_says_what_is_other() {
        let origin = |instance: &str, prompts: &str, image: Option<&str>, steps: u32| Origin {
            settings: serde_json::json!({ "limits": { "steps": steps } }),
            instance: instance.to_owned(),
            prompts: prompts.to_owned(),
            image: image.map(str::to_owned),
            spotter: format!("{steps}"),
            started: f64::from(steps),
            ..Origin::default()
        };
        let header = |origin: Origin| {
            let fields = serde_json::json!({
                "version": 1, "instance_id": "i", "environment": "e", "agent": "a", "model": "m", "config": "c", "root": "/",
                "sandbox": "local", "isolated": false, "history_kept": false, "tools": [], "origin": origin,
            });
            serde_json::from_value::<Header>(fields).unwrap()
        };
        let now = Origin { texts: Some("s".to_owned()), ..origin("x", "p", Some("sha256:1"), 5) };
        for (then, expected) in [
            (origin("x", "p", Some("sha256:1"), 5), ""),
            (origin("x", "p", None, 5), ""),
            (Origin { spotter: "0".to_owned(), started: 1.0, ..now.clone() }, ""),
            (origin("y", "p", Some("sha256:1"), 5), "the text of the instance differs"),
            (origin("x", "q", Some("sha256:1"), 5), "the text of the prompts differs"),
            (origin("x", "p", Some("sha256:2"), 5), "the image was `sha256:2` and is `sha256:1`"),
            (origin("x", "p", Some("sha256:1"), 6), "`limits.steps` was 6 and is 5"),
            (Origin { texts: Some("t".to_owned()), ..now.clone() }, "the texts of the tools differ"),
            (
                Origin { parent: Some(Parent { run: "r".to_owned(), step: 2, ..Parent::default() }), ..now.clone() },
                "it continued from `r// after step 2` and now continues from `nothing`",
            ),
        ] {
            assert_eq!(in_words(&different(&header(then), &now, "c")), expected);
        }
        // A header of an earlier version has a fingerprint alone.
        assert!(different(&header(Origin::default()), &now, "c").is_empty());
        assert_eq!(in_words(&different(&header(Origin::default()), &now, "d")), "its settings");
    }

    #[test]
    fn each_setting_that_differs_is_named_with_both_values() {
        let parse = |text: &str| serde_yaml::from_str::<Value>(text).unwrap();
        let then = parse("{model: {name: a, stop: []}, limits: {steps: 5}, codeact: {x: 1}}");
        let now = parse("{model: {name: b, stop: [x]}, limits: {steps: 5}, bashonly: 1}");
        assert_eq!(
            in_words(&differences(&then, &now)),
            r#"`model.name` was "a" and is "b", `model.stop` was [] and is ["x"], `codeact` was {"x":1} and is null, `bashonly` was null and is 1"#
        );
        assert!(differences(&then, &then).is_empty());
    }
}
