//! From `matrix`, `include` and `exclude` to cells.

use std::collections::HashMap;

use env_core::nearest;
use journal::file_name;
use serde_yaml::{Mapping, Value};
use sha2::{Digest, Sha256};

use super::samples::refuse;
use crate::file::{File, Problem, join};

/// What distinguishes a cell from the others.
#[derive(Debug, Clone, PartialEq)]
pub struct CellSpec {
    /// Its name, such as `codeact+temperature=0.5`.
    pub name: String,
    /// The agent, where one is named.
    pub agent: Option<String>,
    /// Where in the file it is named.
    pub agent_at: String,
    /// Its settings.
    pub sets: Vec<Set>,
    /// Where in the file it is.
    pub at: String,
}

/// A setting of a cell or of a sample.
#[derive(Debug, Clone, PartialEq)]
pub struct Set {
    /// Its key path.
    pub path: String,
    /// Its value.
    pub value: Value,
    /// Where in the file it is.
    pub at: String,
}

/// The key that names an agent.
const AGENT: &str = "agent";
/// More cells than anyone runs.
const MOST_CELLS: usize = 10_000;
/// What all cells of a sweep share.
const OF_SWEEPS: &[&str] = &["run", "runs", "permits"];
/// Characters of a value in the name of a cell.
const SHOWN: usize = 40;

/// Returns the cells of a sweep; `agent` is that of cells that name none.
///
/// # Errors
/// When a list of values is empty or none, an entry names what is not there, or two cells have one name.
pub(super) fn cells(file: &File, agent: &str) -> Result<Vec<CellSpec>, Problem> {
    let spec = &file.spec;
    let agent = spec.agent.as_deref().unwrap_or(agent);
    let mut found = match &spec.matrix {
        Some(matrix) => of_matrix(file, matrix, agent)?,
        None if spec.include.is_empty() => {
            let name = agent.to_owned();
            vec![CellSpec {
                name,
                agent: spec.agent.clone(),
                agent_at: AGENT.to_owned(),
                sets: Vec::new(),
                at: AGENT.to_owned(),
            }]
        }
        None => Vec::new(),
    };
    for (index, entry) in spec.include.iter().enumerate() {
        found.push(included(file, entry, &format!("include[{index}]"), agent)?);
    }
    let mut names: HashMap<String, usize> = HashMap::new();
    for (index, cell) in found.iter().enumerate() {
        // A file system may not tell capital letters from small ones.
        if names.insert(file_name(&cell.name).to_lowercase(), index).is_some() {
            let message = format!("two cells have the name `{}`\nhint: give one a `name` of its own", cell.name);
            return Err(file.source.at(&cell.at, message));
        }
    }
    if found.is_empty() {
        return Err(file.source.at("exclude", "no cell is left"));
    }
    Ok(found)
}

fn of_matrix(file: &File, matrix: &Mapping, agent: &str) -> Result<Vec<CellSpec>, Problem> {
    let mut ways: Vec<Vec<Set>> = vec![Vec::new()];
    for (key, values) in matrix {
        let path = text(key);
        let at = join("matrix", &path);
        let Value::Sequence(values) = values else {
            let given = serde_yaml::to_string(values).unwrap_or_default();
            let message = format!("`{at}` takes a list of values, as in `[{}]`", given.trim());
            return Err(file.source.at(&at, message));
        };
        if values.is_empty() {
            return Err(file.source.at(&at, format!("`{at}` has no values\nhint: leave it out")));
        }
        if ways.len().saturating_mul(values.len()) > MOST_CELLS {
            return Err(file.source.at("matrix", format!("`matrix` makes more than {MOST_CELLS} cells")));
        }
        refuse(file, &path, &at, OF_SWEEPS, "all cells of a sweep have the same")?;
        let set = |(index, value): (usize, &Value)| Set {
            path: path.clone(),
            value: value.clone(),
            at: format!("{at}[{index}]"),
        };
        let sets: Vec<Set> = values.iter().enumerate().map(set).collect();
        ways = ways
            .iter()
            .flat_map(|way| sets.iter().map(move |set| [way.as_slice(), std::slice::from_ref(set)].concat()))
            .collect();
    }
    let keys: Vec<String> = matrix.keys().map(text).collect();
    for (index, entry) in file.spec.exclude.iter().enumerate() {
        exclude(file, entry, &format!("exclude[{index}]"), &keys, &mut ways)?;
    }
    let labels = labels(&keys);
    ways.into_iter().map(|sets| cell(file, sets, "matrix", agent, &labels)).collect()
}

/// Leaves out the cells that have all values of an entry.
fn exclude(file: &File, entry: &Mapping, at: &str, keys: &[String], ways: &mut Vec<Vec<Set>>) -> Result<(), Problem> {
    for key in entry.keys().map(text) {
        if !keys.contains(&key) {
            let near = nearest(&key, keys.iter().map(String::as_str));
            let hint = near.map_or_else(
                || format!("its keys are `{}`", keys.join("`, `")),
                |near| format!("did you mean `{near}`?"),
            );
            return Err(file.source.at(&join(at, &key), format!("`matrix` has no `{key}`\nhint: {hint}")));
        }
    }
    let before = ways.len();
    let has = |way: &[Set], key: &str, value: &Value| way.iter().any(|set| set.path == key && same(&set.value, value));
    ways.retain(|way| !entry.iter().all(|(key, value)| has(way, &text(key), value)));
    if ways.len() == before || entry.is_empty() {
        return Err(file
            .source
            .at(at, "this leaves no cell of `matrix` out\nhint: its values must be those of `matrix`"));
    }
    Ok(())
}

/// Returns whether two values are the same; 1 and 1.0 are.
fn same(one: &Value, other: &Value) -> bool {
    one == other || matches!((one.as_f64(), other.as_f64()), (Some(one), Some(other)) if one == other)
}

fn included(file: &File, entry: &Mapping, at: &str, agent: &str) -> Result<CellSpec, Problem> {
    let mut name = None;
    let mut sets = Vec::new();
    for (key, value) in entry {
        let (path, at) = (text(key), join(at, &text(key)));
        match (path.as_str(), value) {
            ("name", Value::String(given)) if !given.trim().is_empty() => name = Some(given.clone()),
            ("name", _) => return Err(file.source.at(&at, "`name` must be a text")),
            _ => sets.push(Set { path, value: value.clone(), at }),
        }
    }
    let labels = labels(&sets.iter().map(|set| set.path.clone()).collect::<Vec<_>>());
    let made = cell(file, sets, at, agent, &labels)?;
    Ok(CellSpec { name: name.unwrap_or(made.name), ..made })
}

fn cell(
    file: &File,
    sets: Vec<Set>,
    at: &str,
    agent: &str,
    labels: &HashMap<String, String>,
) -> Result<CellSpec, Problem> {
    let (agents, sets): (Vec<Set>, Vec<Set>) = sets.into_iter().partition(|set| set.path == AGENT);
    let named = match agents.first() {
        None => file.spec.agent.clone(),
        Some(set) => match set.value.as_str() {
            Some(agent) => Some(agent.to_owned()),
            None => return Err(file.source.at(&set.at, "an agent is named by a text")),
        },
    };
    let at = sets.last().or(agents.last()).map_or_else(|| at.to_owned(), |set| set.at.clone());
    let mut name = named.as_deref().unwrap_or(agent).to_owned();
    for set in &sets {
        let label = labels.get(&set.path).map_or(set.path.as_str(), String::as_str);
        name.push_str(&format!("+{label}={}", shown(&set.value)));
    }
    let agent_at = agents.first().map_or_else(|| AGENT.to_owned(), |set| set.at.clone());
    Ok(CellSpec { name, agent: named, agent_at, sets, at })
}

/// Returns what stands for each key path in names: its last key that says something, where no other has the same.
fn labels(keys: &[String]) -> HashMap<String, String> {
    let last = |key: &str| key.trim_end_matches(".name").rsplit('.').next().unwrap_or_default().to_owned();
    let label = |key: &String| {
        let is_shared = keys.iter().filter(|other| last(other) == last(key)).count() > 1;
        (key.clone(), if is_shared { key.clone() } else { last(key) })
    };
    keys.iter().map(label).collect()
}

/// Returns a value as it stands in the name of a cell.
fn shown(value: &Value) -> String {
    let plain = match value {
        Value::String(text) => text.clone(),
        Value::Mapping(_) | Value::Sequence(_) | Value::Tagged(_) => String::new(),
        other => serde_yaml::to_string(other).unwrap_or_default().trim().to_owned(),
    };
    if !plain.is_empty() && plain.chars().count() <= SHOWN {
        return plain;
    }
    let whole = serde_json::to_string(value).unwrap_or_default();
    let digest: String = Sha256::digest(whole.as_bytes()).iter().take(4).map(|byte| format!("{byte:02x}")).collect();
    let start: String = plain.chars().take(SHOWN).collect();
    if start.is_empty() { digest } else { format!("{start}-{digest}") }
}

/// Returns a key as a text.
pub(super) fn text(key: &Value) -> String {
    match key {
        Value::String(text) => text.trim().to_owned(),
        other => serde_yaml::to_string(other).unwrap_or_default().trim().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use expect_test::{Expect, expect};

    use super::*;

    fn check(text: &str, expected: &Expect) {
        let cells = File::parse(Path::new("s.yaml"), text.to_owned()).and_then(|file| cells(&file, "codeact"));
        let shown = |cell: &CellSpec| {
            let sets: Vec<String> = cell.sets.iter().map(|set| format!("{}={}", set.path, shown(&set.value))).collect();
            format!("{} ({}) {}\n", cell.name, cell.agent.as_deref().unwrap_or("-"), sets.join(" "))
        };
        expected.assert_eq(&cells.map_or_else(|err| err.to_string(), |cells| cells.iter().map(shown).collect()));
    }

    #[test]
    fn every_way_to_choose_is_a_cell() {
        check(
            "samples: 2\n",
            &expect![[r#"
            codeact (-) 
        "#]],
        );
        check(
            "matrix: {agent: [codeact, moatless], model.temperature: [0, 0.5], model.name: [a/b]}\n\
             exclude: [{agent: moatless, model.temperature: 0.0}]\n",
            &expect![[r#"
                codeact+temperature=0+model=a/b (codeact) model.temperature=0 model.name=a/b
                codeact+temperature=0.5+model=a/b (codeact) model.temperature=0.5 model.name=a/b
                moatless+temperature=0.5+model=a/b (moatless) model.temperature=0.5 model.name=a/b
            "#]],
        );
        check(
            "include: [{name: teacher, model: {name: x}}, {agent: bashonly, limits.steps: 3}]\n",
            &expect![[r#"
            teacher (-) model=0229d37e
            bashonly+steps=3 (bashonly) limits.steps=3
        "#]],
        );
        check(
            "matrix: {model.name: [a], embeddings.name: [b], model.extra: [{a: 1}]}\n",
            &expect![[r#"
                codeact+model=a+embeddings=b+extra=015abd7f (-) model.name=a embeddings.name=b model.extra=015abd7f
            "#]],
        );
    }

    #[test]
    fn what_makes_no_cell_is_refused() {
        check(
            "matrix:\n  model.temperature: 0.5\n",
            &expect!["s.yaml:2:3: `matrix.model.temperature` takes a list of values, as in `[0.5]`"],
        );
        check(
            "matrix:\n  model.temperature: []\n",
            &expect![[r#"
            s.yaml:2:3: `matrix.model.temperature` has no values
            hint: leave it out"#]],
        );
        check(
            "matrix: {model.name: [a, A]}\n",
            &expect![[r#"
                s.yaml:1:26: two cells have the name `codeact+model=A`
                hint: give one a `name` of its own"#]],
        );
        check(
            "matrix: {model.name: [a]}\ninclude: [{model.name: a}]\n",
            &expect![[r#"
                s.yaml:2:12: two cells have the name `codeact+model=a`
                hint: give one a `name` of its own"#]],
        );
        check(
            "matrix: {model.name: [a]}\nexclude: [{model.nam: a}]\n",
            &expect![[r#"
            s.yaml:2:12: `matrix` has no `model.nam`
            hint: did you mean `model.name`?"#]],
        );
        check(
            "matrix: {model.name: [a]}\nexclude: [{model.name: b}]\n",
            &expect![[r#"
            s.yaml:2:11: this leaves no cell of `matrix` out
            hint: its values must be those of `matrix`"#]],
        );
        check("matrix: {model.name: [a]}\nexclude: [{model.name: a}]\n", &expect!["s.yaml:2:1: no cell is left"]);
        check("matrix: {agent: [1]}\n", &expect!["s.yaml:1:18: an agent is named by a text"]);
    }
}
