//! An episode, read.

use agent_core::{Spending, Trajectory};
use env_core::repository_part;
use journal::{Ending, Episode, Judged, TEST_OUTPUT, read_text};
use verifier::patch::{normalized, shape};

use super::gathered::{Gathered, Item};
use super::row::Row;
use crate::why::{Evidence, tags};

/// The files of an episode that are shown, by name.
pub(crate) const FILES: [&str; 4] = ["trajectory.jsonl", "patch.diff", "report.json", TEST_OUTPUT];

/// Files of an episode: names and texts.
pub(crate) type Files = Vec<(String, Vec<u8>)>;

impl Gathered<'_> {
    /// Reads an episode: what tables show of it, and its files.
    pub(crate) fn read(&self, item: &Item) -> (Row, Files) {
        let mut row = Row {
            run: item.run,
            cell: item.cell.clone(),
            id: item.instance_id.clone(),
            repo: repository_part(&item.instance_id).to_owned(),
            sample: item.sample,
            ending: word(Ending::Unfinished),
            asked: item.asked,
            ..Row::default()
        };
        let Some(episode) = &item.episode else { return (row, Files::new()) };
        let mut files = Files::new();
        for name in FILES.iter().filter(|name| **name != "patch.diff") {
            match read_text(&episode.folder.join(name)) {
                Ok(Some(text)) => files.push(((*name).to_owned(), text.into_bytes())),
                Ok(None) => {}
                Err(err) => row.damaged = format!("{err:#}"),
            }
        }
        let record = files.iter().find(|(name, _)| name == "trajectory.jsonl");
        let trajectory = record.and_then(|(_, bytes)| match Trajectory::parse(&String::from_utf8_lossy(bytes)) {
            Ok(trajectory) => Some(trajectory),
            Err(err) => {
                row.damaged = format!("the record is damaged: {err}");
                None
            }
        });
        row.scores = self.scores_of(item);
        self.fill(&mut row, episode, trajectory.as_ref());
        let patch = episode.prediction.as_ref().map_or("", |prediction| prediction.patch_text());
        if !patch.is_empty() {
            files.push(("patch.diff".to_owned(), patch.as_bytes().to_vec()));
        }
        (row, files)
    }

    fn fill(&self, row: &mut Row, episode: &Episode, trajectory: Option<&Trajectory>) {
        let ending = episode.ending();
        row.ending = word(ending);
        row.cause = cause(episode);
        row.came = episode.came.unwrap_or_default();
        if let Some(header) = trajectory.and_then(Trajectory::header) {
            (row.agent, row.model) = (header.agent.clone(), header.model.clone());
        }
        let outcome = trajectory.and_then(Trajectory::outcome);
        let ended = episode.ended.as_ref();
        row.exit = ended.map(|ended| ended.exit_status.clone()).unwrap_or_default();
        match ended.and_then(|ended| ended.spending).or_else(|| outcome.map(|outcome| outcome.spending)) {
            Some(spending) => spent(row, &spending),
            None => row.steps = trajectory.map_or(0, so_far),
        }
        if let Some(Judged { fail_to_pass, pass_to_pass, .. }) = &episode.judged {
            (row.f2p, row.p2p) = (*fail_to_pass, *pass_to_pass);
        }
        let patch = episode.prediction.as_ref().map_or("", |prediction| prediction.patch_text());
        let files = shape(patch);
        let added = files.iter().map(|file| file.added().count()).sum();
        row.patch = [files.len(), added, files.iter().map(|file| file.removed().count()).sum()];
        let same = normalized(patch);
        if !same.is_empty() {
            row.same = env_core::Patch(same).digest().chars().take(12).collect();
        }
        let gold = self.gold(&row.id).map(|gold| gold.patch.as_str()).filter(|patch| !patch.is_empty());
        let exit = row.exit.clone();
        row.tags = tags(&Evidence { trajectory, patch, gold, ending, exit: &exit, judged: episode.judged.as_ref() });
    }
}

/// Returns how many steps an episode has come to.
fn so_far(trajectory: &Trajectory) -> u64 {
    trajectory.records.iter().filter_map(agent_core::Record::step).max().unwrap_or_default()
}

fn spent(row: &mut Row, spending: &Spending) {
    let Spending { steps, queries, usage, cost, unpriced_queries, seconds, model_seconds, tool_seconds, .. } =
        *spending;
    (row.steps, row.queries, row.cost, row.unpriced) = (steps, queries, cost, unpriced_queries);
    (row.input, row.output, row.cached) = (usage.prompt_tokens, usage.completion_tokens, usage.cached_tokens);
    (row.seconds, row.model_seconds, row.tool_seconds) = (seconds, model_seconds, tool_seconds);
}

/// Returns why an episode counts as what it does, where that needs saying.
fn cause(episode: &Episode) -> String {
    let mut said = Vec::new();
    if let Some(judged) = &episode.judged {
        said.extend(judged.failure.map(|failure| failure.to_string()));
        said.extend(
            judged.infra.map(|infra| format!("a sign of a broken environment: {}", journal::word(infra.reason))),
        );
        said.extend(
            judged.broken.as_ref().map(|sign| format!("the tests do not run without the patch either: {sign}")),
        );
    }
    said.extend(episode.failed.as_ref().map(|failed| failed.error.clone()));
    said.extend(episode.ended.as_ref().and_then(|ended| ended.error.clone()));
    said.join("; ")
}

/// Returns what an episode counts as, in a word.
pub(super) fn word(ending: Ending) -> &'static str {
    match ending {
        Ending::Solved => "solved",
        Ending::Unsolved => "unsolved",
        Ending::Empty => "empty",
        Ending::NotApplied => "not applied",
        Ending::TimedOut => "timed out",
        Ending::Errored => "did not run",
        Ending::Infrastructure => "infrastructure",
        Ending::Unfinished => "unfinished",
    }
}
