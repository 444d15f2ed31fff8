//! Files of other programs, written as a run.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use agent_core::{ExitStatus, Header, Limit, Origin, Outcome, Record as Line, Spending, Usage};
use dataset::{DatasetError, Record};
use env_core::Patch;
use grading::read_prediction;
use journal::{Ended, Import, Imported, ImportedEpisode, Journal, Judged, Prediction, Subject, exit_status, file_name};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::batches::records_side_by_side;
use super::foreign::Foreign;
use super::recognise;
use crate::hex::hex;

/// How a verdict was reached that another program's record tells of.
const JUDGING: &str = "imported";

/// Where episodes go.
#[derive(Debug, Clone)]
pub struct Target {
    /// The folder of all runs.
    pub runs: PathBuf,
    /// The run.
    pub run: String,
    /// The cell; `None` for one named after the agent and the model of each episode.
    pub cell: Option<String>,
}

/// What was found in a file.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct FileCounts {
    /// Episodes and patches that were taken in.
    pub imported: usize,
    /// Those that the run held already.
    pub known: usize,
    /// Of those taken in, how many have a trajectory.
    pub trajectories: usize,
    /// Messages in them, answers and observations included.
    pub messages: usize,
    /// Answers of the model in them.
    pub answers: usize,
    /// Calls of tools in them.
    pub calls: usize,
    /// Observations in them.
    pub observations: usize,
    /// Patches that are not empty.
    pub patches: usize,
    /// Those with a verdict: resolved, and not.
    pub labels: [usize; 2],
    /// How many are of each format.
    pub formats: BTreeMap<String, usize>,
    /// How many are in each cell.
    pub cells: BTreeMap<String, usize>,
    /// What could not be read, with its line or row.
    pub errors: Vec<String>,
}

/// Takes the episodes of files of other programs into a run, and returns what was found in each file.
///
/// What the run holds already is not taken in again. What cannot be read is told in the counts of its file, and the rest
/// of it, and the files behind it, are taken in.
///
/// # Errors
/// When the run cannot be written. What came before stays.
pub fn import(
    files: &[PathBuf],
    target: &Target,
    mut tell: impl FnMut(&Path, &FileCounts),
) -> anyhow::Result<Vec<FileCounts>> {
    let journal = Journal::open(&target.runs.join(file_name(&target.run)))?;
    let mut into = Import::begin(&journal)?;
    let mut all = Vec::with_capacity(files.len());
    for file in files {
        let (counts, ended) = import_file(file, target.cell.as_deref(), &mut into);
        if let Err(err) = ended {
            // What was written of earlier episodes is kept, whatever broke.
            into.finish()?;
            return Err(err);
        }
        tell(file, &counts);
        all.push(counts);
    }
    into.finish()?;
    Ok(all)
}

/// Why a file was not gone through to its end.
enum Broken {
    /// It cannot be read on.
    File(DatasetError),
    /// The run cannot be written.
    Run(anyhow::Error),
}

/// Takes in what can be read of a file. An error is one of the run.
fn import_file(file: &Path, cell: Option<&str>, into: &mut Import) -> (FileCounts, anyhow::Result<()>) {
    let mut counts = FileCounts::default();
    let ended = match read_file(file, cell, into, &mut counts) {
        Err(Broken::File(err)) => {
            counts.errors.push(format!("{}: {err}", file.display()));
            Ok(())
        }
        Err(Broken::Run(err)) => Err(err.context(format!("cannot import `{}`", file.display()))),
        Ok(()) => Ok(()),
    };
    if counts == FileCounts::default() {
        counts.errors.push(format!("{}: holds no rows", file.display()));
    }
    (counts, ended)
}

fn read_file(file: &Path, cell: Option<&str>, into: &mut Import, counts: &mut FileCounts) -> Result<(), Broken> {
    let mut taken = Taken { seen: HashMap::new(), into, counts };
    records_side_by_side(file, |number, record| read(file, number, record, cell), |read| taken.take(read))
        .map_err(Broken::Run)?
        .map_err(Broken::File)
}

/// A file that is being taken in.
struct Taken<'a> {
    /// How often each record came in this file: the same patch twice is two samples.
    seen: HashMap<(String, String), usize>,
    into: &'a mut Import,
    counts: &'a mut FileCounts,
}

/// An episode as it goes into its cell, and what is counted of it.
struct Read {
    cell: String,
    episode: ImportedEpisode,
    counts: FileCounts,
}

impl Taken<'_> {
    /// Takes in the episodes of a record.
    fn take(&mut self, read: Result<Vec<Read>, String>) -> anyhow::Result<()> {
        match read {
            Ok(episodes) => episodes.into_iter().try_for_each(|read| self.put(read)),
            Err(err) => {
                self.counts.errors.push(err);
                Ok(())
            }
        }
    }

    fn put(&mut self, read: Read) -> anyhow::Result<()> {
        let Read { cell, episode, counts } = read;
        let digest = &episode.imported.digest;
        let times = self.seen.entry((cell.clone(), digest.clone())).or_default();
        *times += 1;
        if self.into.count(&cell, digest)? >= *times {
            self.counts.known += 1;
            return Ok(());
        }
        self.counts.add(counts);
        self.into.add(&cell, episode)?;
        Ok(())
    }
}

/// Reads the episodes of a record. An error names its place.
fn read(file: &Path, number: usize, record: Record, cell: Option<&str>) -> Result<Vec<Read>, String> {
    let place = format!("{}:{number}", file.display());
    let at = |err: String| format!("{place}: {err}");
    let record = record.map_err(at)?;
    let digest = digest(&record).map_err(at)?;
    let episodes = recognise::episodes(record, &file.to_string_lossy()).map_err(at)?;
    if episodes.iter().any(|episode| episode.instance_id.is_empty()) {
        return Err(at("does not say which instance it is of".to_owned()));
    }
    let one = |(index, episode): (usize, Foreign)| {
        let cell = cell.map_or_else(|| episode.cell(), str::to_owned);
        let digest = if index == 0 { digest.clone() } else { format!("{digest}.{index}") };
        let episode = without_answers(episode);
        let counts = FileCounts::of(&episode, &cell);
        let (format, place) = (episode.format.to_owned(), place.clone());
        let imported = Imported { digest, format, place, record: Map::new() };
        Ok(Read { cell, episode: entry(episode, imported).map_err(|err| at(err.to_string()))?, counts })
    };
    episodes.into_iter().enumerate().map(one).collect()
}

impl FileCounts {
    /// Returns what is counted of an episode.
    fn of(episode: &Foreign, cell: &str) -> Self {
        let mut counts = Self { imported: 1, ..Self::default() };
        counts.trajectories = usize::from(!episode.records.is_empty());
        for record in &episode.records {
            match record {
                Line::Completion { completion, .. } => {
                    counts.answers += 1;
                    counts.calls += completion.message.tool_calls.len();
                }
                Line::Observation { .. } => counts.observations += 1,
                Line::Message { message, .. } => counts.calls += message.tool_calls.len(),
                _ => continue,
            }
            counts.messages += 1;
        }
        counts.patches = usize::from(episode.patch.as_ref().is_some_and(|patch| !patch.is_empty()));
        if let Some(resolved) = episode.resolved {
            counts.labels[usize::from(!resolved)] = 1;
        }
        counts.formats.insert(episode.format.to_owned(), 1);
        counts.cells.insert(cell.to_owned(), 1);
        counts
    }

    fn add(&mut self, other: Self) {
        self.imported += other.imported;
        self.trajectories += other.trajectories;
        self.messages += other.messages;
        self.answers += other.answers;
        self.calls += other.calls;
        self.observations += other.observations;
        self.patches += other.patches;
        self.labels.iter_mut().zip(other.labels).for_each(|(sum, more)| *sum += more);
        for (sums, more) in [(&mut self.formats, other.formats), (&mut self.cells, other.cells)] {
            more.into_iter().for_each(|(name, number)| *sums.entry(name).or_default() += number);
        }
    }
}

/// What only a judge may know, which some records hold a copy of.
const ANSWERS: [&str; 5] = ["golden_patch", "gold_patch", "test_patch", "FAIL_TO_PASS", "PASS_TO_PASS"];

/// Returns an episode without the reference solution and the tests of its instance, wherever its record has them.
fn without_answers(mut episode: Foreign) -> Foreign {
    if let Some(Value::Object(instance)) = episode.rest.get_mut("instance") {
        hide(instance, "patch");
    }
    hide_in(&mut episode.rest);
    episode
}

fn hide_in(map: &mut Map<String, Value>) {
    ANSWERS.iter().for_each(|key| hide(map, key));
    map.values_mut().for_each(hide_below);
}

fn hide_below(value: &mut Value) {
    match value {
        Value::Object(map) => hide_in(map),
        Value::Array(list) => list.iter_mut().for_each(hide_below),
        _ => {}
    }
}

fn hide(map: &mut Map<String, Value>, key: &str) {
    match map.get_mut(key) {
        Some(value @ (Value::String(_) | Value::Array(_))) => *value = "left out: only a judge may know it".into(),
        Some(Value::Object(verdicts)) => verdicts.values_mut().for_each(counted),
        _ => {}
    }
}

/// Puts the number of tests in the place of their names.
fn counted(value: &mut Value) {
    match value {
        Value::Array(names) => *value = names.len().into(),
        Value::Object(map) => map.values_mut().for_each(counted),
        _ => {}
    }
}

/// Returns what tells a record from any other.
fn digest(record: &Map<String, Value>) -> Result<String, String> {
    let text = serde_json::to_vec(record).map_err(|err| err.to_string())?;
    Ok(hex(&Sha256::digest(&text)[..16]))
}

/// Returns an episode as a run holds it.
fn entry(episode: Foreign, imported: Imported) -> serde_json::Result<ImportedEpisode> {
    let Foreign { instance_id, patch, resolved, .. } = &episode;
    let (instance_id, resolved) = (instance_id.clone(), *resolved);
    // No judge resolves an empty patch: the record does not hold the one that was judged.
    let is_lost = resolved == Some(true) && patch.as_ref().is_some_and(String::is_empty);
    let patch = if is_lost { &None } else { patch };
    let judged = resolved.map(|resolved| judged(patch.as_deref(), resolved));
    let names = [&episode.scaffold, &episode.model].into_iter().filter(|name| !name.is_empty());
    let name = names.map(String::as_str).collect::<Vec<_>>().join("+");
    let prediction = patch.clone().map(|patch| Prediction {
        instance_id: instance_id.clone(),
        model_name_or_path: if name.is_empty() { "imported".to_owned() } else { name },
        model_patch: Some(patch),
        spoiled: false,
    });
    if episode.records.is_empty() {
        // There is no header that could hold it.
        let imported = Imported { record: episode.rest, ..imported };
        return Ok(ImportedEpisode { instance_id, imported, lines: Vec::new(), ended: None, prediction, judged });
    }
    let outcome = outcome(&episode);
    let ended = Ended {
        exit_status: exit_status(&outcome),
        class: outcome.exit_status.class(),
        error: None,
        spending: Some(outcome.spending),
        config: None,
    };
    let (head, last) = (Line::Header(header(&episode, &imported)), Line::Outcome(outcome));
    let lines = ImportedEpisode::lines(std::iter::once(&head).chain(&episode.records).chain([&last]))?;
    Ok(ImportedEpisode { instance_id, imported, lines, ended: Some(ended), prediction, judged })
}

fn judged(patch: Option<&str>, resolved: bool) -> Judged {
    // A verdict on a patch that the record does not hold is on none that could be compared.
    let patch = patch.map(|patch| read_prediction(patch).digest()).unwrap_or_default();
    Judged {
        subject: Subject { patch, judging: JUDGING.to_owned(), image: None },
        failure: None,
        infra: None,
        broken: None,
        trust: Default::default(),
        report: None,
        resolved: Some(resolved),
        fail_to_pass: None,
        pass_to_pass: None,
    }
}

fn header(episode: &Foreign, imported: &Imported) -> Header {
    let Imported { digest, format, place, .. } = imported;
    let settings =
        json!({ "imported": { "format": format, "place": place, "digest": digest, "record": episode.rest } });
    Header {
        version: 1,
        instance_id: episode.instance_id.clone(),
        environment: JUDGING.to_owned(),
        agent: episode.scaffold.clone(),
        model: episode.model.clone(),
        config: String::new(),
        root: String::new(),
        sandbox: JUDGING.to_owned(),
        isolated: false,
        history_kept: false,
        tools: episode.tools.clone(),
        origin: Origin { spotter: env!("CARGO_PKG_VERSION").to_owned(), settings, ..Origin::default() },
    }
}

fn outcome(episode: &Foreign) -> Outcome {
    let patch = episode.patch.as_ref().map(|patch| Patch(patch.clone()));
    Outcome {
        exit_status: episode.ended.clone().unwrap_or_else(|| ending(episode.exit_status.as_deref())),
        patch,
        left_out: Vec::new(),
        spending: spending(episode),
    }
}

/// Returns how an episode ended, by the word that other programs have for it. One that is not known is an agent's own way
/// to end.
fn ending(word: Option<&str>) -> ExitStatus {
    let Some(word) = word.filter(|word| !word.is_empty()) else { return ExitStatus::Submitted };
    let lower = word.to_lowercase();
    // SWE-agent: "submitted (exit_cost)" for what was in the tree when the limit was reached.
    let has = |part: &str| lower.contains(part);
    // In a sentence, a word such as "timeout" may be of anything.
    let is_word = |part: &str| has(part) && !lower.contains(char::is_whitespace);
    match () {
        () if has("exit_cost") || has("cost_limit") || has("limitsexceeded") => ExitStatus::Limit(Limit::Cost),
        () if has("exit_context") || has("contextwindowexceeded") || is_word("context") => {
            ExitStatus::Limit(Limit::Context)
        }
        () if has("exit_total_execution_time") || is_word("timeout") || is_word("timelimit") || has("timeexceeded") => {
            ExitStatus::Limit(Limit::Time)
        }
        () if has("max_iteration") || has("maximum iteration") || has("max_transitions") => {
            ExitStatus::Limit(Limit::Steps)
        }
        () if lower == "submitted" || lower == "finished" || lower == "completed" => ExitStatus::Submitted,
        () => ExitStatus::GaveUp(word.to_owned()),
    }
}

/// Returns what an episode took: by its answers, and where these do not say it, by the record as a whole.
fn spending(episode: &Foreign) -> Spending {
    let (mut sum, mut counted) = (Spending::default(), 0);
    for record in &episode.records {
        match record {
            Line::Completion { completion, seconds, .. } => {
                sum.queries += 1;
                counted += u64::from(completion.usage.total() > 0);
                sum.usage += completion.usage;
                sum.model_seconds += seconds;
                match completion.cost {
                    Some(cost) => sum.cost += cost,
                    None => sum.unpriced_queries += 1,
                }
            }
            Line::Observation { seconds, .. } => sum.tool_seconds += seconds,
            _ => {}
        }
    }
    sum.steps = sum.queries;
    // The tokens of some answers are none of the episode's.
    let knows_all = counted == sum.queries;
    if !knows_all {
        sum.usage = Usage::default();
    }
    let Some(whole) = episode.spending else { return sum };
    sum.queries = sum.queries.max(whole.queries);
    if !knows_all || sum.usage.total() == 0 {
        sum.usage = whole.usage;
    }
    if sum.cost == 0.0 && whole.cost > 0.0 {
        (sum.cost, sum.unpriced_queries) = (whole.cost, 0);
    }
    sum.seconds = sum.seconds.max(whole.seconds);
    sum
}
