//! Configuration as raw layers: merged by key, checked against the known keys, and only then given types.

use anyhow::{Context, bail};
use serde_yaml::{Mapping, Value};

/// Raw configuration: defaults with other layers laid over them.
#[derive(Debug, Clone)]
pub(crate) struct Layers {
    merged: Value,
}

impl Layers {
    /// Returns the layers with only the defaults, whose keys are the known ones.
    pub(crate) fn new(defaults: Value) -> Self {
        Self { merged: defaults }
    }

    /// Returns the merged value.
    pub(crate) fn into_value(self) -> Value {
        self.merged
    }

    /// Returns the value at a key path.
    pub(crate) fn get(&self, path: &str) -> Option<&Value> {
        path.split('.').try_fold(&self.merged, |value, key| value.get(key))
    }

    /// Lays YAML text over what is there; `origin` names it in errors.
    pub(crate) fn lay_text(&mut self, text: &str, origin: &str) -> anyhow::Result<()> {
        let value: Value = serde_yaml::from_str(text).with_context(|| format!("`{origin}` is not valid YAML"))?;
        match value {
            Value::Null => Ok(()),
            Value::Mapping(_) => self.lay(value, origin),
            _ => bail!("`{origin}` must hold a mapping of keys to values"),
        }
    }

    /// Lays `key.path=value` over what is there; the value is YAML.
    pub(crate) fn lay_assignment(&mut self, assignment: &str) -> anyhow::Result<()> {
        let Some((path, text)) = assignment.split_once('=') else {
            bail!("`{assignment}` is neither a file nor `key.path=value`");
        };
        let value: Value =
            serde_yaml::from_str(text).with_context(|| format!("the value of `{path}` is not valid YAML"))?;
        self.lay_at(path, value)
    }

    /// Lays one value over what is there.
    pub(crate) fn lay_at(&mut self, path: &str, value: Value) -> anyhow::Result<()> {
        let nested = path.rsplit('.').fold(value, |inner, key| {
            let mut mapping = Mapping::new();
            mapping.insert(Value::from(key.trim()), inner);
            Value::Mapping(mapping)
        });
        self.lay(nested, path)
    }

    fn lay(&mut self, over: Value, origin: &str) -> anyhow::Result<()> {
        merge(&mut self.merged, over, "").with_context(|| format!("in `{origin}`"))
    }
}

/// Merges `over` into `base`; a key that `base` lacks is an error, except below an empty mapping or null.
fn merge(base: &mut Value, over: Value, path: &str) -> anyhow::Result<()> {
    match (base, over) {
        (Value::Mapping(base), Value::Mapping(over)) if !base.is_empty() => {
            for (key, value) in over {
                let name = key.as_str().map_or_else(|| format!("{key:?}"), str::to_owned);
                let full = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                match base.get_mut(&key) {
                    Some(slot) => merge(slot, value, &full)?,
                    None => bail!("unknown key `{full}`{}", hint(base, path, &name)),
                }
            }
            Ok(())
        }
        (Value::Mapping(base), Value::Null) if !base.is_empty() => {
            let keys: Vec<&str> = base.keys().filter_map(Value::as_str).collect();
            bail!("`{path}` has no value\nhint: its keys are `{}`", keys.join("`, `"))
        }
        (Value::Mapping(base), over) if !base.is_empty() => {
            let keys: Vec<&str> = base.keys().filter_map(Value::as_str).collect();
            let given = serde_yaml::to_string(&over).unwrap_or_default();
            bail!("`{path}` takes keys (`{}`), not the value `{}`", keys.join("`, `"), given.trim())
        }
        (slot, over) => {
            *slot = over;
            Ok(())
        }
    }
}

/// Returns a hint that names the nearest known key.
fn hint(known: &Mapping, path: &str, name: &str) -> String {
    let nearest = known.keys().filter_map(Value::as_str).min_by_key(|key| strsim::damerau_levenshtein(key, name));
    let prefix = if path.is_empty() { String::new() } else { format!("{path}.") };
    nearest.map(|key| format!("\nhint: did you mean `{prefix}{key}`?")).unwrap_or_default()
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
            Ok(()) => serde_json::to_string(&merged.into_value()).unwrap(),
            Err(err) => format!("{err:#}"),
        };
        expected.assert_eq(&shown);
    }

    #[test]
    fn later_layers_win_and_leave_the_rest() {
        check(
            &["limits: {steps: 3}", "limits.cost=1.5", "model.extra.top_k=5", "model.name=a:b"],
            &expect![[r#"{"limits":{"steps":3,"cost":1.5},"model":{"name":"a:b","extra":{"top_k":5}},"run":"x"}"#]],
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
        check(&["limits=3"], &expect!["in `limits`: `limits` takes keys (`steps`, `cost`), not the value `3`"]);
        check(&["[1]"], &expect!["`layer.yaml` must hold a mapping of keys to values"]);
    }
}
