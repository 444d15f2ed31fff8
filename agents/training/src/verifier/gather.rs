//! Judged episodes of runs, and why others are left out.

use std::collections::BTreeSet;

use agent_core::{Message, Trajectory};
use env_core::Patch;
use journal::{Ending, Episode, Run};
use prompts::Prompts;
use verifier::conversation::{Log, Question, Rated, Spans, answer, truth};

use super::{Form, Settings};
use crate::sft::{Dropped, HIDDEN, count, is_benchmark, leak, repository};
use crate::tokens::{Counter, Turn};

/// A judged episode.
#[derive(Debug, Clone)]
pub(super) struct Candidate {
    /// The run, by its folder's name.
    pub run: String,
    /// Whether the run is of the model that is to be verified.
    pub on_policy: bool,
    /// The episode, without its patch where no row shows it.
    pub episode: Episode,
    /// The repository of its instance.
    pub repository: String,
    /// Whether judging accepted its patch.
    pub resolved: bool,
    /// Tokens of the row.
    pub tokens: usize,
    /// Answers of the model in the episode.
    pub answers: usize,
}

/// What rows are made with.
pub(super) struct Means<'a> {
    /// What was asked for.
    pub settings: &'a Settings,
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
    pub dropped: Dropped,
}

/// Reads runs, each with whether it is on-policy; of each no more than one episode is held.
///
/// # Errors
/// When a record cannot be read.
pub(super) fn gather(runs: &[(Run, bool)], means: &Means<'_>) -> anyhow::Result<Gathered> {
    let (mut gathered, mut seen) = (Gathered::default(), BTreeSet::new());
    for (run, on_policy) in runs {
        let name = run.folder().file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        for cell in run.cells() {
            for episode in run.episodes(&cell) {
                gathered.episodes += 1;
                match candidate(&name, *on_policy, episode, means, &mut seen)? {
                    Ok(candidate) => gathered.candidates.push(candidate),
                    Err(why) => count(&mut gathered.dropped, &why),
                }
            }
        }
    }
    gathered.candidates.sort_by_cached_key(|one| {
        let episode = &one.episode;
        (one.run.clone(), episode.cell.clone(), episode.instance_id.clone(), episode.sample)
    });
    Ok(gathered)
}

fn candidate(
    run: &str,
    on_policy: bool,
    mut episode: Episode,
    means: &Means<'_>,
    seen: &mut BTreeSet<[u8; 32]>,
) -> anyhow::Result<Result<Candidate, String>> {
    let left_out = |why: &str| Ok(Err(why.to_owned()));
    let repository = repository(&episode.instance_id);
    if !means.settings.allow_benchmarks && is_benchmark(&repository) {
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
    let messages = match conversation(&episode, &trajectory, resolved, means)? {
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
    if !seen.insert(*hasher.finalize().as_bytes()) {
        return left_out("a duplicate");
    }
    let tokens = means.counter.measure(&turns(messages), &[])?.tokens;
    if let Some(most) = means.settings.max_tokens.filter(|most| tokens > *most) {
        return Ok(Err(format!("more than {most} tokens")));
    }
    if means.settings.form == Form::Log {
        episode.prediction = None;
    }
    let (run, answers) = (run.to_owned(), trajectory.completions().count());
    Ok(Ok(Candidate { run, on_policy, episode, repository, resolved, tokens, answers }))
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

/// Returns the row of an episode again.
///
/// # Errors
/// When its record cannot be read any more.
pub(super) fn row(candidate: &Candidate, means: &Means<'_>) -> anyhow::Result<Vec<Turn>> {
    let gone = || anyhow::anyhow!("the record of `{}` has changed", candidate.episode.instance_id);
    let trajectory = candidate.episode.trajectory()?.ok_or_else(gone)?;
    let messages = conversation(&candidate.episode, &trajectory, candidate.resolved, means)?;
    Ok(turns(messages.map_err(|_| gone())?))
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
