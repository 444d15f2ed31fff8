//! Configuration as raw layers: merged by key, checked against the known keys, and only then given types.

use std::collections::BTreeMap;

use anyhow::{Context, bail};
use env_core::nearest;
use serde_yaml::{Mapping, Value};

use super::invalid_setting::InvalidSetting;

/// Raw configuration: defaults, overridden by other layers.
#[derive(Debug, Clone)]
pub(crate) struct Layers {
    /// What the known keys are taken from.
    known: Value,
    merged: Value,
    /// Where a value comes from that is not the default, by its key path.
    origins: BTreeMap<String, String>,
}

impl Layers {
    /// Returns the layers with only the defaults, whose keys are the known ones.
    pub(crate) fn new(defaults: Value) -> Self {
        Self { known: defaults.clone(), merged: defaults, origins: BTreeMap::new() }
    }

    /// Returns the merged value, and where what is not a default in it comes from, by key path.
    pub(crate) fn into_parts(self) -> (Value, BTreeMap<String, String>) {
        (self.merged, self.origins)
    }

    /// Returns the value at a key path.
    pub(crate) fn get(&self, path: &str) -> Option<&Value> {
        path.split('.').try_fold(&self.merged, |value, key| value.get(key))
    }

    /// Applies a layer of YAML text; `origin` names it in errors.
    pub(crate) fn lay_text(&mut self, text: &str, origin: &str) -> anyhow::Result<()> {
        let value: Value = serde_yaml::from_str(text).with_context(|| format!("`{origin}` is not valid YAML"))?;
        self.lay_value(value, origin)
    }

    /// Applies a layer that is a mapping; `origin` names it in errors.
    pub(crate) fn lay_value(&mut self, value: Value, origin: &str) -> anyhow::Result<()> {
        match value {
            Value::Null => Ok(()),
            Value::Mapping(_) => {
                note(&value, "", origin, &mut self.origins);
                self.merge(value, origin)
            }
            _ => bail!("`{origin}` must hold a mapping of keys to values"),
        }
    }

    /// Applies an assignment `key.path=value`, whose value is YAML.
    pub(crate) fn lay_assignment(&mut self, assignment: &str) -> anyhow::Result<()> {
        let Some((path, text)) = assignment.split_once('=') else {
            bail!("`{assignment}` is neither a file nor `key.path=value`");
        };
        let value: Value =
            serde_yaml::from_str(text).with_context(|| format!("the value of `{path}` is not valid YAML"))?;
        self.lay_from(path, value, &format!("-c {assignment}"))
    }

    /// Applies a single value; `origin` says where it comes from.
    pub(crate) fn lay_from(&mut self, path: &str, value: Value, origin: &str) -> anyhow::Result<()> {
        let nested = path.rsplit('.').fold(value, |inner, key| {
            let mut mapping = Mapping::new();
            mapping.insert(Value::from(key.trim()), inner);
            Value::Mapping(mapping)
        });
        note(&nested, "", origin, &mut self.origins);
        self.merge(nested, path)
    }

    fn merge(&mut self, over: Value, origin: &str) -> anyhow::Result<()> {
        merge(&mut self.merged, &self.known, over, "").with_context(|| format!("in `{origin}`"))
    }
}

/// Notes where each value below a key path comes from.
fn note(over: &Value, path: &str, origin: &str, origins: &mut BTreeMap<String, String>) {
    match over {
        Value::Mapping(mapping) => {
            for (key, value) in mapping {
                let key = key.as_str().unwrap_or_default();
                let path = if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
                note(value, &path, origin, origins);
            }
        }
        _ => drop(origins.insert(path.to_owned(), origin.to_owned())),
    }
}

/// Merges `over` into `base`; a key that `known` lacks is an error, except below an empty mapping or null.
fn merge(base: &mut Value, known: &Value, over: Value, path: &str) -> anyhow::Result<()> {
    let Value::Mapping(keys) = known else {
        *base = over;
        return Ok(());
    };
    let over = match over {
        Value::Mapping(over) => over,
        over if keys.is_empty() => {
            *base = over;
            return Ok(());
        }
        over => {
            let listed: Vec<&str> = keys.keys().filter_map(Value::as_str).collect();
            let given = serde_yaml::to_string(&over).unwrap_or_default();
            let message = format!("`{path}` takes keys (`{}`), not the value `{}`", listed.join("`, `"), given.trim());
            return Err(InvalidSetting::new(path, message).into());
        }
    };
    for (key, value) in over {
        let name = key.as_str().map_or_else(|| format!("{key:?}"), str::to_owned);
        let full = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        if !keys.is_empty() && !keys.contains_key(&key) {
            let message = format!("unknown key `{full}`{}", hint(keys, path, &name));
            return Err(InvalidSetting::new(full, message).into());
        }
        if !base.is_mapping() {
            *base = Value::Mapping(Mapping::new());
        }
        let below = keys.get(&key).unwrap_or(&Value::Null);
        if let Some(mapping) = base.as_mapping_mut() {
            merge(mapping.entry(key).or_insert(Value::Null), below, value, &full)?;
        }
    }
    Ok(())
}

/// Returns a hint that names the nearest known key, or all where none is near.
fn hint(known: &Mapping, path: &str, name: &str) -> String {
    let keys: Vec<&str> = known.keys().filter_map(Value::as_str).collect();
    let prefix = if path.is_empty() { String::new() } else { format!("{path}.") };
    match nearest(name, keys.iter().copied()) {
        Some(key) => format!("\nhint: did you mean `{prefix}{key}`?"),
        None => format!("\nhint: the keys{} are `{}`", place(path), keys.join("`, `")),
    }
}

fn place(path: &str) -> String {
    if path.is_empty() { String::new() } else { format!(" of `{path}`") }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    fn check(layers: &[&str], expected: &Expect) {
        let defaults = "limits: {steps: 100, cost: null}\nmodel: {name: null, extra: {}}\nrun: x\n";
        let mut merged = Layers::new(serde_yaml::from_str(defaults).unwrap());
        let laid = layers.iter().try_for_each(|layer| match layer.contains('=') {
            true => merged.lay_assignment(layer),
            false => merged.lay_text(layer, "layer.yaml"),
        });
        let shown = match laid {
            Ok(()) => serde_json::to_string(&merged.into_parts().0).unwrap(),
            Err(err) => format!("{err:#}"),
        };
        expected.assert_eq(&shown);
    }

    #[test]
    fn later_layers_win_and_leave_the_rest() {
        check(
            &["limits: {steps: 3}", "limits.cost=1.5", "model.extra.k=5", "model.extra.p=1", "model.name=a:b"],
            &expect![[r#"{"limits":{"steps":3,"cost":1.5},"model":{"name":"a:b","extra":{"k":5,"p":1}},"run":"x"}"#]],
        );
    }

    #[test]
    fn unknown_keys_name_the_nearest_known_one() {
        check(
            &["limits.step=3"],
            &expect![[r#"
            in `limits.step`: unknown key `limits.step`
            hint: did you mean `limits.steps`?"#]],
        );
        check(
            &["limit: {steps: 1}"],
            &expect![[r#"
            in `layer.yaml`: unknown key `limit`
            hint: did you mean `limits`?"#]],
        );
        check(
            &["limits.price=3"],
            &expect![[r#"
            in `limits.price`: unknown key `limits.price`
            hint: the keys of `limits` are `steps`, `cost`"#]],
        );
        check(&["limits=3"], &expect!["in `limits`: `limits` takes keys (`steps`, `cost`), not the value `3`"]);
        check(&["[1]"], &expect!["`layer.yaml` must hold a mapping of keys to values"]);
    }
}
