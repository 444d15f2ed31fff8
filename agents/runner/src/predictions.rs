//! Predictions as files hold them: our own, the official harness's, mini-swe-agent's, SWE-agent's and OpenHands'.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize as Parse, Serialize};
use serde_json::Value;

/// One prediction, as the official harness reads it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Parse)]
pub(crate) struct Prediction {
    /// The instance.
    pub(crate) instance_id: String,
    /// Who made the patch.
    pub(crate) model_name_or_path: String,
    /// The patch; empty when nothing was changed.
    #[serde(default)]
    pub(crate) model_patch: Option<String>,
}

impl Prediction {
    /// Returns the text of the patch, empty when there is none.
    pub(crate) fn patch_text(&self) -> &str {
        self.model_patch.as_deref().unwrap_or_default()
    }
}

/// Name of the file of predictions in a run folder.
pub(crate) const PREDICTIONS: &str = "preds.jsonl";

/// Reads predictions from a file of any of the known forms, or from the folder of a run.
///
/// The forms are told apart by what is in the file: a list, an object keyed by instance id, or one object a line. A
/// line may be one of OpenHands' `output.jsonl`. Of a large line only the prediction is kept.
pub(crate) fn read_predictions(path: &Path) -> anyhow::Result<Vec<Prediction>> {
    let is_run = path.is_dir();
    let path = if is_run { in_folder(path)? } else { path.to_owned() };
    let found = match form(&path)? {
        // The run may go on, or may have been killed.
        Form::Lines if is_run => Lines::open(&path)?.torn().collect(),
        Form::Lines => Lines::open(&path)?.collect(),
        Form::List => whole::<Vec<Row>>(&path)?.into_iter().map(|row| row.prediction(None)).collect(),
        Form::Keyed => whole::<Keyed>(&path)?.0.into_iter().map(|(id, row)| row.prediction(Some(&id))).collect(),
    };
    let found: anyhow::Result<Vec<Prediction>> = found;
    let found = found.with_context(|| format!("predictions `{}`", path.display()))?;
    if found.is_empty() {
        bail!("predictions `{}`: it holds none", path.display());
    }
    check_twice(&found).with_context(|| format!("predictions `{}`", path.display()))?;
    Ok(found)
}

/// Returns the predictions in the folder of a run: the only cell's where the folder has several levels.
fn in_folder(folder: &Path) -> anyhow::Result<PathBuf> {
    let own = folder.join(PREDICTIONS);
    if own.is_file() {
        return Ok(own);
    }
    let entries = fs::read_dir(folder).with_context(|| format!("cannot read `{}`", folder.display()))?;
    let mut below: Vec<PathBuf> = entries.flatten().map(|entry| entry.path().join(PREDICTIONS)).collect();
    below.retain(|path| path.is_file());
    match below.as_slice() {
        [only] => Ok(only.clone()),
        [] => bail!("`{}` is no folder of a run: it has no `{PREDICTIONS}`", folder.display()),
        _ => bail!(
            "`{}` has {} cells with predictions\nhint: name the folder of one of them",
            folder.display(),
            below.len()
        ),
    }
}

fn check_twice(predictions: &[Prediction]) -> anyhow::Result<()> {
    let mut seen = HashMap::with_capacity(predictions.len());
    for prediction in predictions {
        if let Some(former) = seen.insert(prediction.instance_id.to_lowercase(), &prediction.instance_id) {
            bail!("two predictions for `{former}`");
        }
    }
    Ok(())
}

/// How a file holds its predictions.
#[derive(Debug, PartialEq, Eq)]
enum Form {
    List,
    Keyed,
    Lines,
}

/// Looks no further into a file than to the end of its first value.
fn form(path: &Path) -> anyhow::Result<Form> {
    #[derive(Parse)]
    struct First {
        instance_id: Option<IgnoredAny>,
    }
    let cannot = || format!("cannot read predictions `{}`", path.display());
    let mut reader = BufReader::new(File::open(path).with_context(cannot)?);
    if first_byte(&mut reader).with_context(cannot)? == Some(b'[') {
        return Ok(Form::List);
    }
    let begin = reader.stream_position().with_context(cannot)?;
    let mut values = serde_json::Deserializer::from_reader(&mut reader).into_iter::<First>();
    let first = values.next();
    let end = begin + values.byte_offset() as u64;
    drop(values);
    let is_json = path.extension().is_some_and(|extension| extension == "json");
    match first {
        Some(Ok(First { instance_id: None })) => {}
        // Only a whole file can tell where it is damaged.
        Some(Err(err)) if is_json && err.line() > 1 => return Ok(Form::Keyed),
        _ => return Ok(Form::Lines),
    }
    reader.seek(SeekFrom::Start(end)).with_context(cannot)?;
    let alone = first_byte(&mut reader).with_context(cannot)?.is_none();
    Ok(if alone && is_json { Form::Keyed } else { Form::Lines })
}

/// Skips blanks and returns the byte after them, which is not taken.
fn first_byte(reader: &mut impl BufRead) -> std::io::Result<Option<u8>> {
    loop {
        let buffer = reader.fill_buf()?;
        if buffer.is_empty() {
            return Ok(None);
        }
        let blanks = buffer.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
        let found = buffer.get(blanks).copied();
        reader.consume(blanks);
        if found.is_some() {
            return Ok(found);
        }
    }
}

/// Reads a file that is one value.
fn whole<T: for<'de> Deserialize<'de>>(path: &Path) -> anyhow::Result<T> {
    let file = File::open(path).with_context(|| format!("cannot read predictions `{}`", path.display()))?;
    let read = parse(&mut serde_json::Deserializer::from_reader(BufReader::new(file)));
    read.map_err(anyhow::Error::msg).with_context(|| format!("predictions `{}`", path.display()))
}

/// Reads one value and nothing behind it; an error names the field.
fn parse<'de, R: serde_json::de::Read<'de>, T: Deserialize<'de>>(
    deserializer: &mut serde_json::Deserializer<R>,
) -> Result<T, String> {
    let value = serde_path_to_error::deserialize(&mut *deserializer).map_err(|err| err.to_string())?;
    deserializer.end().map_err(|err| err.to_string())?;
    Ok(value)
}

/// The predictions of a file with one a line, read as they are asked for.
pub(crate) struct Lines<R> {
    reader: R,
    number: usize,
    may_be_torn: bool,
}

impl Lines<BufReader<File>> {
    pub(crate) fn open(path: &Path) -> anyhow::Result<Self> {
        let file = File::open(path).with_context(|| format!("cannot read predictions `{}`", path.display()))?;
        Ok(Self { reader: BufReader::new(file), number: 0, may_be_torn: false })
    }

    /// Returns the same without a last line that is torn, as a killed process leaves one.
    pub(crate) fn torn(self) -> Self {
        Self { may_be_torn: true, ..self }
    }
}

impl<R: BufRead> Iterator for Lines<R> {
    type Item = anyhow::Result<Prediction>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut line = Vec::new();
        loop {
            line.clear();
            self.number += 1;
            match self.reader.read_until(b'\n', &mut line) {
                Ok(0) => return None,
                Ok(_) if line.trim_ascii().is_empty() => {}
                Ok(_) => break,
                Err(err) => return Some(Err(err.into())),
            }
        }
        let row = parse::<_, Row>(&mut serde_json::Deserializer::from_slice(&line));
        // The parser counts lines from this one on.
        let row = row.map_err(|err| anyhow::Error::msg(err.replace(" at line 1 column ", " at column ")));
        let read = row.and_then(|row| row.prediction(None));
        if read.is_err() && self.may_be_torn && !line.ends_with(b"\n") {
            return None;
        }
        Some(read.with_context(|| format!("line {}", self.number)))
    }
}

/// An object keyed by instance id, its order and what is there twice kept.
struct Keyed(Vec<(String, Row)>);

impl<'de> Deserialize<'de> for Keyed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries;
        impl<'de> Visitor<'de> for Entries {
            type Value = Keyed;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("an object keyed by instance id")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Keyed, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(Keyed(entries))
            }
        }
        deserializer.deserialize_map(Entries)
    }
}

/// A prediction in any of the known spellings.
#[derive(Parse)]
struct Row {
    instance_id: Option<String>,
    model_name_or_path: Option<String>,
    #[serde(default, deserialize_with = "present")]
    model_patch: Option<Option<String>>,
    /// OpenHands': `{"git_patch": …}`, or `{}` when the episode ended without one.
    test_result: Option<Value>,
    /// OpenHands'.
    metadata: Option<Value>,
}

/// Tells null, which is a patch that was not made, from a field that is not there.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<String>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

impl Row {
    fn prediction(self, key: Option<&str>) -> anyhow::Result<Prediction> {
        let instance_id = match (self.instance_id, key) {
            (Some(id), Some(key)) if id != key => bail!("`{key}`: its field `instance_id` says `{id}`"),
            (Some(id), _) => id,
            (None, key) => key.context("missing field `instance_id`")?.to_owned(),
        };
        let is_openhands = self.test_result.is_some() || self.metadata.is_some();
        let model_patch = match (self.model_patch, &self.test_result) {
            (Some(patch), _) => patch,
            // As OpenHands' own evaluation has it, what is no text is no patch.
            (None, Some(result)) => result["git_patch"].as_str().map(str::to_owned),
            (None, None) if is_openhands => None,
            (None, None) => bail!("`{instance_id}`: missing field `model_patch`"),
        };
        let metadata = self.metadata.unwrap_or_default();
        let model = metadata["llm_config"]["model"].as_str().or(metadata["llm"]["model"].as_str());
        let unnamed = is_openhands.then_some("openhands");
        let name = self.model_name_or_path.or(model.or(unnamed).map(str::to_owned));
        let name = name.with_context(|| format!("`{instance_id}`: missing field `model_name_or_path`"))?;
        Ok(Prediction { instance_id, model_name_or_path: name, model_patch })
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    /// Reads a file of this name and text and shows the predictions, or the error without the file's place.
    fn check(name: &str, text: &str, expected: &Expect) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        let shown = match read_predictions(&path) {
            Ok(found) => found.iter().map(show).collect::<Vec<_>>().join("\n"),
            Err(err) => format!("{err:#}").replace(&format!("{}/", folder.path().display()), ""),
        };
        expected.assert_eq(&shown);
    }

    fn show(prediction: &Prediction) -> String {
        let Prediction { instance_id, model_name_or_path, model_patch } = prediction;
        format!("{instance_id} by {model_name_or_path}: {model_patch:?}")
    }

    const A: &str = r#"{"instance_id": "a__a-1", "model_name_or_path": "m", "model_patch": "x\n"}"#;
    const B: &str = r#"{"instance_id": "b__b-2", "model_name_or_path": "m", "model_patch": null, "more": [1]}"#;

    #[test]
    fn lines_lists_and_objects_keyed_by_id_hold_the_same() {
        let expected = expect![[r#"
            a__a-1 by m: Some("x\n")
            b__b-2 by m: None"#]];
        check("preds.jsonl", &format!("{A}\n\n{B}\n"), &expected);
        check("preds.jsonl", &format!("{A}\r\n{B}"), &expected);
        check("preds.json", &format!("\n [{A},\n{B}]\n"), &expected);
        check("preds.jsonl", &format!("[{A},{B}]"), &expected);
        check("preds.json", &format!("{{\"a__a-1\": {A},\n \"b__b-2\": {B}}}"), &expected);
        // Some write lines into a file whose name promises one value.
        check("preds.json", &format!("{A}\n{B}"), &expected);
        let without_ids = r#"{"a__a-1": {"model_name_or_path": "m", "model_patch": "x"}}"#;
        check("preds.json", without_ids, &expect![[r#"a__a-1 by m: Some("x")"#]]);
        check("all.json", A, &expect![[r#"a__a-1 by m: Some("x\n")"#]]);
    }

    #[test]
    fn outputs_of_openhands_name_their_model_in_the_metadata() {
        let line = |id: &str, result: &str| {
            let metadata = r#"{"agent_class": "CodeActAgent", "llm_config": {"model": "gpt-4o", "api_key": "***"}}"#;
            let history = r#"[{"id": 0, "args": {"content": "long"}}]"#;
            format!(
                r#"{{"instance_id": "{id}", "test_result": {result}, "metadata": {metadata}, "history": {history}}}"#
            ) + "\n"
        };
        let text = [
            line("a__a-1", r#"{"git_patch": "diff --git a/x b/x\n"}"#),
            line("a__a-2", "{}"),
            line("a__a-3", r#"{"git_patch": null}"#),
            r#"{"instance_id": "a__a-4", "model_patch": "x", "test_result": {"git_patch": "y"}}"#.to_owned(),
        ];
        check(
            "output.jsonl",
            &text.concat(),
            &expect![[r#"
                a__a-1 by gpt-4o: Some("diff --git a/x b/x\n")
                a__a-2 by gpt-4o: None
                a__a-3 by gpt-4o: None
                a__a-4 by openhands: Some("x")"#]],
        );
    }

    #[test]
    fn errors_name_the_line_and_the_field() {
        check(
            "p.jsonl",
            &format!("{A}\n\n{{\"instance_id\": \"b\", \"model_name_or_path\": \"m\", \"model_patch\": 5}}\n"),
            &expect![
                "predictions `p.jsonl`: line 3: model_patch: invalid type: integer `5`, expected a string at column 64"
            ],
        );
        check(
            "p.jsonl",
            r#"{"instance_id": "b", "model_name_or_path": "m", "patch": "x"}"#,
            &expect!["predictions `p.jsonl`: line 1: `b`: missing field `model_patch`"],
        );
        check("p.jsonl", "{}", &expect!["predictions `p.jsonl`: line 1: missing field `instance_id`"]);
        check(
            "p.json",
            &format!("[{A}, {{\"instance_id\": 7}}]"),
            &expect![
                "predictions `p.json`: [1].instance_id: invalid type: integer `7`, expected a string at line 1 column 95"
            ],
        );
        check(
            "p.json",
            &format!("{{\"b__b-1\": {A}}}"),
            &expect!["predictions `p.json`: `b__b-1`: its field `instance_id` says `a__a-1`"],
        );
        check(
            "p.json",
            &format!("[{A}"),
            &expect!["predictions `p.json`: EOF while parsing a list at line 1 column 75"],
        );
        check(
            "p.json",
            &format!("{{\"x\":\n{A}"),
            &expect!["predictions `p.json`: EOF while parsing an object at line 2 column 74"],
        );
        check(
            "p.jsonl",
            &format!("{A} {B}"),
            &expect!["predictions `p.jsonl`: line 1: trailing characters at column 76"],
        );
        check("p.jsonl", "\n", &expect!["predictions `p.jsonl`: it holds none"]);
        check("p.jsonl", "diff --git", &expect!["predictions `p.jsonl`: line 1: expected value at column 1"]);
    }

    #[test]
    fn two_predictions_for_one_id_are_refused_in_every_form() {
        let upper = A.replace("a__a", "A__a");
        check("p.jsonl", &format!("{A}\n{upper}"), &expect!["predictions `p.jsonl`: two predictions for `a__a-1`"]);
        let keyed = format!("{{\"a__a-1\": {A}, \"a__a-1\": {A}}}");
        check("p.json", &keyed, &expect!["predictions `p.json`: two predictions for `a__a-1`"]);
    }

    #[test]
    fn of_a_file_in_the_making_the_torn_line_is_left_out() {
        let read = |text: &str| {
            let lines = Lines { reader: text.as_bytes(), number: 0, may_be_torn: true };
            lines.collect::<anyhow::Result<Vec<_>>>().map(|found| found.len()).map_err(|err| format!("{err:#}"))
        };
        assert_eq!(read(&format!("{A}\n{{\"instance_id\": \"b")), Ok(1));
        assert_eq!(read(&format!("{A}\n{B}")), Ok(2));
        assert!(read(&format!("{A}\n{{\"instance_id\": \"b\n")).is_err());
    }
}
