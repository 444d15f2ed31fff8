//! Predictions as files hold them: our own, the official harness's, mini-swe-agent's, SWE-agent's and OpenHands'.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use env_core::Patch;
use serde::de::{Deserialize, Deserializer, IgnoredAny};
use serde::{Deserialize as Parse, Serialize};
use serde_json::Value;

use crate::given::{skip_mark, without_halves};
use crate::rows::{Raw, split_list, split_object};

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
    /// Whether the patch held half characters, which no file can hold; each stands as U+FFFD. It cannot be applied, as
    /// in the official harness.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) spoiled: bool,
}

impl Prediction {
    /// Returns the text of the patch, empty when there is none.
    pub(crate) fn patch_text(&self) -> &str {
        self.model_patch.as_deref().unwrap_or_default()
    }

    /// Returns whether another prediction is judged as this one is.
    fn is_same(&self, other: &Self) -> bool {
        let patch = |one: &Self| Patch::from_prediction(one.patch_text());
        self.spoiled == other.spoiled && patch(self) == patch(other)
    }
}

/// The predictions of a file, and what a person should know of it.
#[derive(Debug)]
pub(crate) struct Given {
    /// The predictions, one at most for an instance by a model.
    pub(crate) predictions: Vec<Prediction>,
    /// Rows that are spoiled or there twice.
    pub(crate) remarks: Vec<String>,
}

/// Name of the file of predictions in a run folder.
pub(crate) const PREDICTIONS: &str = "preds.jsonl";
/// How many ids with two patches are listed.
const LISTED: usize = 10;

/// Reads predictions from a file of any of the known forms, or from the folder of a run.
///
/// The forms are told apart by what is in the file: a list, an object keyed by instance id, or one object a line. A
/// line may be one of OpenHands' `output.jsonl`. Of a large line only the prediction is kept.
pub(crate) fn read_predictions(path: &Path) -> anyhow::Result<Given> {
    let is_run = path.is_dir();
    let path = if is_run { in_folder(path)? } else { path.to_owned() };
    let read = || -> anyhow::Result<Given> {
        let numbered = match form(&path)? {
            Form::Lines => {
                let lines = Lines::open(&path)?;
                // The run may go on, or may have been killed.
                let lines = if is_run { lines.torn() } else { lines };
                lines.numbered().collect::<anyhow::Result<Vec<_>>>()?
            }
            Form::List => rows(split_list(&whole(&path)?)?)?,
            Form::Keyed => rows(split_object(&whole(&path)?)?)?,
        };
        if numbered.is_empty() {
            bail!("it holds none");
        }
        without_doubles(numbered)
    };
    read().with_context(|| format!("predictions `{}`", path.display()))
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

/// Returns the predictions without those that are there more than once, which must be equal.
fn without_doubles(numbered: Vec<(usize, Prediction)>) -> anyhow::Result<Given> {
    let mut seen: HashMap<(String, String), usize> = HashMap::with_capacity(numbered.len());
    let mut kept: Vec<(usize, Prediction)> = Vec::with_capacity(numbered.len());
    let (mut remarks, mut different) = (Vec::new(), Vec::new());
    for (line, prediction) in numbered {
        let key = (prediction.instance_id.to_lowercase(), prediction.model_name_or_path.clone());
        if let Some((first, former)) = seen.get(&key).and_then(|index| kept.get(*index)) {
            let Prediction { instance_id, model_name_or_path, .. } = former;
            let of = format!("`{instance_id}` by `{model_name_or_path}`");
            match former.is_same(&prediction) {
                true => remarks.push(format!("line {line}: the same prediction for {of} as in line {first}")),
                false => different.push(format!("  {of}: lines {first} and {line}")),
            }
            continue;
        }
        if prediction.spoiled {
            remarks.push(format!(
                "line {line}: the patch for `{}` holds half a character or other bytes that are no text, and counts as \
                 one that does not apply",
                prediction.instance_id
            ));
        }
        seen.insert(key, kept.len());
        kept.push((line, prediction));
    }
    if different.is_empty() {
        return Ok(Given { predictions: kept.into_iter().map(|(_, prediction)| prediction).collect(), remarks });
    }
    let more = different.len().saturating_sub(LISTED);
    different.truncate(LISTED);
    if more > 0 {
        different.push(format!("  and {more} more"));
    }
    let listed = different.join("\n");
    bail!("two predictions that differ for one instance\n{listed}\nhint: keep one of each in the file")
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
    let cannot = || "the file cannot be read";
    let mut reader = BufReader::new(File::open(path).with_context(cannot)?);
    skip_mark(&mut reader)?;
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

/// Returns the contents of a file that is one value.
fn whole(path: &Path) -> anyhow::Result<Vec<u8>> {
    let mut reader = BufReader::new(File::open(path).context("the file cannot be read")?);
    skip_mark(&mut reader)?;
    let mut bytes = Vec::new();
    reader.read_to_end(&mut bytes).context("the file cannot be read")?;
    Ok(bytes)
}

/// Returns the predictions of the rows of a list or an object, each with its line.
fn rows(rows: Vec<Raw<'_>>) -> anyhow::Result<Vec<(usize, Prediction)>> {
    let read = |raw: Raw<'_>| {
        let read = prediction(raw.json, raw.key.as_deref(), raw.line);
        Ok((raw.line, read.with_context(|| format!("line {}", raw.line))?))
    };
    rows.into_iter().map(read).collect()
}

/// Returns the prediction of a row that begins on a line. Where half characters keep it from being read, each is
/// replaced; a patch that held one is spoiled.
fn prediction(json: &[u8], key: Option<&str>, line: usize) -> anyhow::Result<Prediction> {
    let read = |json: &[u8]| {
        let row = parse::<Row>(json).map_err(|err| anyhow::Error::msg(in_file(&err, line)));
        row.and_then(|row| row.prediction(key))
    };
    let err = match read(json) {
        Ok(prediction) => return Ok(prediction),
        Err(err) => err,
    };
    let Some(mended) = without_halves(json, '\u{fffd}') else { return Err(err) };
    let prediction = read(&mended)?;
    // With another stand-in the patch is another exactly where one stands in it.
    let other = without_halves(json, '\u{fffc}').map(|json| read(&json)).transpose()?;
    let spoiled = other.is_some_and(|other| other.model_patch != prediction.model_patch);
    Ok(Prediction { spoiled, ..prediction })
}

/// Returns a parser's error, which counts lines from the row's first one on, with the line of the file where that is
/// another one.
fn in_file(err: &str, first: usize) -> String {
    let Some((what, place)) = err.rsplit_once(" at line ") else { return err.to_owned() };
    match place.split_once(" column ").map(|(line, column)| (line.parse::<usize>(), column)) {
        Some((Ok(1), column)) => format!("{what} at column {column}"),
        Some((Ok(line), column)) => format!("{what} at line {} column {column}", first + line - 1),
        _ => err.to_owned(),
    }
}

/// Reads one value and nothing behind it; an error names the field.
fn parse<'de, T: Deserialize<'de>>(json: &'de [u8]) -> Result<T, String> {
    let mut deserializer = serde_json::Deserializer::from_slice(json);
    let value = serde_path_to_error::deserialize(&mut deserializer).map_err(|err| err.to_string())?;
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
        let cannot = || format!("cannot read predictions `{}`", path.display());
        let mut reader = BufReader::new(File::open(path).with_context(cannot)?);
        skip_mark(&mut reader).with_context(cannot)?;
        Ok(Self { reader, number: 0, may_be_torn: false })
    }

    /// Returns the same without a last line that is torn, as a killed process leaves one.
    pub(crate) fn torn(self) -> Self {
        Self { may_be_torn: true, ..self }
    }
}

impl<R: BufRead> Lines<R> {
    /// Returns the predictions with the numbers of their lines.
    fn numbered(mut self) -> impl Iterator<Item = anyhow::Result<(usize, Prediction)>> {
        std::iter::from_fn(move || {
            let next = self.next()?;
            Some(next.map(|prediction| (self.number, prediction)))
        })
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
        let read = prediction(&line, None, self.number);
        if read.is_err() && self.may_be_torn && !line.ends_with(b"\n") {
            return None;
        }
        Some(read.with_context(|| format!("line {}", self.number)))
    }
}

/// A prediction in any of the known spellings.
#[derive(Parse)]
struct Row {
    instance_id: Option<String>,
    model_name_or_path: Option<String>,
    #[serde(default, deserialize_with = "present")]
    model_patch: Option<Option<String>>,
    /// Our own.
    #[serde(default)]
    spoiled: bool,
    /// OpenHands', as earlier versions write it.
    #[serde(default, deserialize_with = "present")]
    git_patch: Option<Value>,
    /// OpenHands': `{"git_patch": …}`, or `{}` when the episode ended without one.
    test_result: Option<Value>,
    /// OpenHands'.
    metadata: Option<Value>,
}

/// Tells null, which is a patch that was not made, from a field that is not there.
fn present<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

impl Row {
    fn prediction(self, key: Option<&str>) -> anyhow::Result<Prediction> {
        let instance_id = match (&self.instance_id, key) {
            (Some(id), Some(key)) if id != key => bail!("`{key}`: its field `instance_id` says `{id}`"),
            (Some(id), _) => id.clone(),
            (None, key) => key.context("missing field `instance_id`")?.to_owned(),
        };
        let is_openhands = self.test_result.is_some() || self.metadata.is_some() || self.git_patch.is_some();
        let model_patch = match &self.model_patch {
            Some(Some(patch)) => Some(patch.clone()),
            Some(None) => self.openhands_patch(),
            None if is_openhands => self.openhands_patch(),
            None => bail!("`{instance_id}`: missing field `model_patch`"),
        };
        let metadata = self.metadata.unwrap_or_default();
        let model = metadata["llm_config"]["model"].as_str().or(metadata["llm"]["model"].as_str());
        let unnamed = is_openhands.then_some("openhands");
        let name = self.model_name_or_path.or(model.or(unnamed).map(str::to_owned));
        let name = name.with_context(|| format!("`{instance_id}`: missing field `model_name_or_path`"))?;
        Ok(Prediction { instance_id, model_name_or_path: name, model_patch, spoiled: self.spoiled })
    }

    /// Returns the patch of a line of OpenHands': the first of its places that holds any text. As OpenHands' own
    /// evaluation has it, the top of the line comes first, and what is no text is no patch.
    fn openhands_patch(&self) -> Option<String> {
        let result = self.test_result.as_ref();
        let places = [
            self.git_patch.as_ref(),
            result.map(|result| &result["git_patch"]),
            result.map(|result| &result["result"]["git_patch"]),
        ];
        let texts: Vec<&str> = places.into_iter().flatten().filter_map(Value::as_str).collect();
        let found = texts.iter().find(|text| !text.trim().is_empty()).or(texts.first());
        found.map(|text| (*text).to_owned())
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
            Ok(found) => found.predictions.iter().map(show).chain(found.remarks).collect::<Vec<_>>().join("\n"),
            Err(err) => format!("{err:#}").replace(&format!("{}/", folder.path().display()), ""),
        };
        expected.assert_eq(&shown);
    }

    fn show(prediction: &Prediction) -> String {
        let Prediction { instance_id, model_name_or_path, model_patch, spoiled } = prediction;
        let spoiled = if *spoiled { " (spoiled)" } else { "" };
        format!("{instance_id} by {model_name_or_path}: {model_patch:?}{spoiled}")
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
            // Earlier versions have it at the top, or one level further down.
            "\n".to_owned() + r#"{"instance_id": "a__a-5", "git_patch": "x", "test_result": {"git_patch": "y"}}"#,
            "\n".to_owned() + r#"{"instance_id": "a__a-6", "git_patch": null, "test_result": {"git_patch": "y"}}"#,
            "\n".to_owned() + r#"{"instance_id": "a__a-7", "git_patch": "", "test_result": {}}"#,
            "\n".to_owned() + r#"{"instance_id": "a__a-8", "test_result": {"result": {"git_patch": "z"}}}"#,
            "\n".to_owned() + r#"{"instance_id": "a__a-9", "model_patch": null, "git_patch": "x"}"#,
        ];
        check(
            "output.jsonl",
            &text.concat(),
            &expect![[r#"
                a__a-1 by gpt-4o: Some("diff --git a/x b/x\n")
                a__a-2 by gpt-4o: None
                a__a-3 by gpt-4o: None
                a__a-4 by openhands: Some("x")
                a__a-5 by openhands: Some("x")
                a__a-6 by openhands: Some("y")
                a__a-7 by openhands: Some("")
                a__a-8 by openhands: Some("z")
                a__a-9 by openhands: Some("x")"#]],
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
                "predictions `p.json`: line 1: instance_id: invalid type: integer `7`, expected a string at column 17"
            ],
        );
        check(
            "p.json",
            &format!("{{\"b__b-1\": {A}}}"),
            &expect!["predictions `p.json`: line 1: `b__b-1`: its field `instance_id` says `a__a-1`"],
        );
        check("p.json", &format!("[{A}"), &expect!["predictions `p.json`: line 1: the file ends where `,` must be"]);
        check(
            "p.json",
            &format!("{{\"x\":\n{A}"),
            &expect!["predictions `p.json`: line 2: the file ends where `,` must be"],
        );
        check(
            "p.jsonl",
            &format!("{A} {B}"),
            &expect!["predictions `p.jsonl`: line 1: trailing characters at column 76"],
        );
        check(
            "p.json",
            &format!("[{A},\n{{\n\"instance_id\":\n7}}]"),
            &expect![
                "predictions `p.json`: line 2: instance_id: invalid type: integer `7`, expected a string at line 4 column 1"
            ],
        );
        check(
            "p.json",
            &format!("[{A},\n{{\"x\": 1]"),
            &expect!["predictions `p.json`: line 2: expected `,` or `}` at column 8"],
        );
        check("p.json", &format!("[{A}] {A}"), &expect!["predictions `p.json`: line 1: there is more behind the end"]);
        check(
            "p.json",
            &format!("[{A}\n{A}]"),
            &expect!["predictions `p.json`: line 2: there is `{` where `,` must be"],
        );
        check("p.jsonl", "\n", &expect!["predictions `p.jsonl`: it holds none"]);
        check("p.jsonl", "diff --git", &expect!["predictions `p.jsonl`: line 1: expected value at column 1"]);
    }

    #[test]
    fn predictions_that_differ_for_one_id_are_refused_in_every_form_and_equal_ones_are_one() {
        // The same patch after what is done to it before it is judged, and the id in another case.
        let same = A.replace("a__a", "A__a").replace(r"x\n", r"x\n\n");
        let one = expect![[r#"
            a__a-1 by m: Some("x\n")
            line 3: the same prediction for `a__a-1` by `m` as in line 1"#]];
        let other = A.replace(r"x\n", "y");
        let refused = expect![[r#"
            predictions `p.json`: two predictions that differ for one instance
              `a__a-1` by `m`: lines 1 and 3
            hint: keep one of each in the file"#]];
        for (second, expected) in [(&same, one), (&other, refused)] {
            let key = if second.contains("A__a") { "A__a-1" } else { "a__a-1" };
            check("p.json", &format!("{A}\n\n{second}"), &expected);
            check("p.json", &format!("[{A},\n\n{second}]"), &expected);
            check("p.json", &format!("{{\"a__a-1\": {A},\n\n\"{key}\": {second}}}"), &expected);
        }
        let by_another = A.replace("\"m\"", "\"n\"");
        check(
            "p.jsonl",
            &format!("{A}\n{by_another}"),
            &expect![[r#"
            a__a-1 by m: Some("x\n")
            a__a-1 by n: Some("x\n")"#]],
        );
    }

    #[test]
    fn half_characters_spoil_the_patch_that_holds_them_and_no_other() {
        let spoiled = B.replace("null", r#""+ \ud800\n""#);
        let beside = A.replace("}", r#", "history": ["\udc00"], "test_result": {"x": "\ud800"}}"#);
        let expected = expect![[r#"
            a__a-1 by m: Some("x\n")
            b__b-2 by m: Some("+ �\n") (spoiled)
            line 2: the patch for `b__b-2` holds half a character or other bytes that are no text, and counts as one that does not apply"#]];
        check("p.json", &format!("{beside}\n{spoiled}\n"), &expected);
        check("p.json", &format!("[{beside},\n{spoiled}]"), &expected);
        check("p.json", &format!("{{\"a__a-1\": {beside},\n\"b__b-2\": {spoiled}}}"), &expected);
        let bytes = A.replace(r"x\n", "caf?").into_bytes();
        let bytes: Vec<u8> = bytes.into_iter().map(|byte| if byte == b'?' { 0xe9 } else { byte }).collect();
        let read = prediction(&bytes, None, 1).unwrap();
        assert_eq!((read.patch_text(), read.spoiled), ("caf\u{fffd}", true));
    }

    #[test]
    fn a_byte_order_mark_is_skipped_and_utf_16_is_told() {
        let expected = expect![[r#"a__a-1 by m: Some("x\n")"#]];
        check("p.jsonl", &format!("\u{feff}{A}\n"), &expected);
        check("p.json", &format!("\u{feff}[{A}]"), &expected);
        check("p.json", &format!("\u{feff}{{\"a__a-1\": {A}}}"), &expected);
        let folder = tempfile::tempdir().unwrap();
        let wide: Vec<u8> = format!("\u{feff}{A}").encode_utf16().flat_map(u16::to_le_bytes).collect();
        fs::write(folder.path().join("p.jsonl"), wide).unwrap();
        let err = read_predictions(&folder.path().join("p.jsonl")).unwrap_err();
        assert!(
            format!("{err:#}")
                .ends_with("it is UTF-16\nhint: save the file as UTF-8, as with `iconv -f UTF-16 -t UTF-8`")
        );
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
