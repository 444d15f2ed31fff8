//! Predictions as files hold them: our own, the official harness's, mini-swe-agent's, SWE-agent's and OpenHands'.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use grading::{read_prediction, skip_mark};
use serde::de::{Deserialize, Deserializer, IgnoredAny};
use serde::{Deserialize as Parse, Serialize};
use serde_json::Value;

use crate::given::without_halves;
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
        let patch = |one: &Self| read_prediction(one.patch_text());
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
mod tests;
