//! Judged episodes of runs, and why others are left out.

use std::collections::BTreeSet;
use std::ops::Range;

use agent_core::{Message, Trajectory};
use env_core::Patch;
use journal::{Ending, Episode, Run};
use prompts::Prompts;
use verifier::conversation::{Log, Question, Rated, Spans, answer, truth};

use super::{Form, Settings};
use crate::counts::Counts;
use crate::sft::{self, HIDDEN, Row, Spool, columns, in_batches, is_benchmark, leak, repository};
use crate::tokens::{Counter, Turn};

/// A judged episode.
#[derive(Debug, Clone)]
pub(super) struct Candidate {
    /// The run, by its folder's name.
    pub run: String,
    /// Whether the run is of the model that is to be verified.
    pub on_policy: bool,
    /// The cell of the run.
    pub cell: String,
    /// The instance.
    pub instance_id: String,
    /// Number of the sample.
    pub sample: u32,
    /// The repository of its instance.
    pub repository: String,
    /// Whether judging accepted its patch.
    pub resolved: bool,
    /// Tokens of the row.
    pub tokens: usize,
    /// Answers of the model in the episode.
    pub answers: usize,
    /// Where its row is kept.
    pub place: Range<u64>,
}

/// What rows are made with.
pub(super) struct Means<'a> {
    /// What was asked for.
    pub settings: &'a Settings,
    /// The form of rows.
    pub rows: &'a sft::Settings,
    /// What counts tokens.
    pub counter: &'a Counter,
    /// The templates.
    pub prompts: &'a Prompts,
}

/// What runs have.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    /// The judged episodes, in an order that goes by their names.
    pub candidates: Vec<Candidate>,
    /// Episodes of the runs.
    pub episodes: usize,
    /// Episodes that were left out, by reason.
    pub dropped: Counts,
}

/// A row of an episode, as it is written.
struct Made {
    digest: [u8; 32],
    resolved: bool,
    tokens: usize,
    answers: usize,
    row: Vec<u8>,
}

/// Reads runs with all processors, each with whether it is on-policy; no more than a few episodes are held at a time, and
/// rows are kept in `spool`.
///
/// # Errors
/// When a record cannot be read, or the spool not be written.
pub(super) fn gather(runs: &[(Run, bool)], means: &Means<'_>, spool: &mut Spool) -> anyhow::Result<Gathered> {
    let (mut gathered, mut seen) = (Gathered::default(), BTreeSet::new());
    for (run, on_policy) in runs {
        for cell in run.cells() {
            let take = |episode: &Episode, made: Result<Made, String>| {
                gathered.episodes += 1;
                let mut is_new = |made: &Made| seen.insert(made.digest);
                match made.and_then(|made| if is_new(&made) { Ok(made) } else { Err("a duplicate".to_owned()) }) {
                    Ok(Made { resolved, tokens, answers, row, .. }) => gathered.candidates.push(Candidate {
                        run: run.name(),
                        on_policy: *on_policy,
                        cell: episode.cell.clone(),
                        instance_id: episode.instance_id.clone(),
                        sample: episode.sample,
                        repository: repository(&episode.instance_id),
                        resolved,
                        tokens,
                        answers,
                        place: spool.put(&row)?,
                    }),
                    Err(why) => gathered.dropped.count(&why, 1),
                }
                Ok(())
            };
            in_batches(&run.episodes(&cell), |episode| make(episode, means), take)?;
        }
    }
    spool.finish()?;
    gathered
        .candidates
        .sort_by_cached_key(|one| (one.run.clone(), one.cell.clone(), one.instance_id.clone(), one.sample));
    Ok(gathered)
}

/// Makes the row of an episode, or says why there is none.
fn make(episode: &Episode, means: &Means<'_>) -> anyhow::Result<Result<Made, String>> {
    let left_out = |why: &str| Ok(Err(why.to_owned()));
    if !means.settings.allow_benchmarks && is_benchmark(&repository(&episode.instance_id)) {
        return left_out("an instance of a repository of SWE-bench's test set");
    }
    let resolved = match episode.ending() {
        Ending::Solved => true,
        Ending::Unsolved | Ending::Empty | Ending::NotApplied | Ending::TimedOut | Ending::Errored => false,
        Ending::Infrastructure => return left_out("infrastructure broke"),
        Ending::Unfinished => return left_out("no verdict"),
    };
    let Some(trajectory) = episode.trajectory()? else { return left_out("no record") };
    if let Some(why) = leak(&trajectory) {
        return left_out(why);
    }
    let messages = match conversation(episode, &trajectory, resolved, means)? {
        Ok(messages) => messages,
        Err(why) => return left_out(why),
    };
    if messages.iter().any(|message| HIDDEN.iter().any(|name| message.content.contains(name))) {
        return left_out("its log names hidden tests");
    }
    let mut hasher = blake3::Hasher::new();
    for message in &messages {
        hasher.update(message.content.as_bytes());
    }
    let turns = turns(messages);
    let tokens = means.counter.measure(&turns, &[])?.tokens;
    if let Some(most) = means.settings.max_tokens.filter(|most| tokens > *most) {
        return Ok(Err(format!("more than {most} tokens")));
    }
    let row = Row { turns, tools: Vec::new(), recorded: None, partly_recorded: false, thoughts: 0 };
    Ok(Ok(Made {
        digest: *hasher.finalize().as_bytes(),
        resolved,
        tokens,
        answers: trajectory.completions().count(),
        row: serde_json::to_vec(&columns(&row, means.rows))?,
    }))
}

/// Returns what a verifier is asked about an episode, with the answer; or why nothing can be asked.
fn conversation(
    episode: &Episode,
    trajectory: &Trajectory,
    resolved: bool,
    means: &Means<'_>,
) -> anyhow::Result<Result<Vec<Message>, &'static str>> {
    let prompts = means.prompts;
    let Some(log) = Log::of(trajectory, prompts)? else { return Ok(Err("nothing was answered in it")) };
    let messages = match means.settings.form {
        Form::Log => {
            let mut messages = Question::YesNo.messages(Rated { log: &log, patch: &Patch(String::new()) }, prompts)?;
            messages.push(answer(resolved));
            messages
        }
        Form::Spans => {
            let patch = episode.prediction.as_ref().map(|one| one.patch_text().to_owned()).unwrap_or_default();
            let spans = match Spans::of(trajectory, &Patch(patch), &log) {
                Ok(spans) => spans,
                Err(why) => return Ok(Err(why)),
            };
            let mut messages = spans.messages(prompts)?;
            messages.push(truth(resolved));
            messages
        }
    };
    Ok(Ok(messages))
}

/// Only the answer is trained.
fn turns(messages: Vec<Message>) -> Vec<Turn> {
    let last = messages.len().saturating_sub(1);
    messages
        .into_iter()
        .enumerate()
        .map(|(at, message)| Turn { message, trained: at == last, reasoning: None })
        .collect()
}
