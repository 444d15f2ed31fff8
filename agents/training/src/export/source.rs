//! An episode of a run, read whole.

use agent_core::{Completion, Header, Outcome, Record, Spending, Trajectory, Usage};
use journal::{Ended, Ending, Episode, exit_status};
use serde_json::{Map, Value};

use crate::beside::Whole;
use crate::parent::is_of_parent;

/// An episode of a run, as exports read it.
pub(super) struct Source<'a> {
    /// The run.
    pub run: &'a str,
    /// What the journal says of it.
    pub episode: Episode,
    /// Its record; without a line where only the patch is known.
    pub trajectory: Trajectory,
}

impl<'a> Source<'a> {
    /// Reads an episode.
    ///
    /// # Errors
    /// When its record cannot be read.
    pub(super) fn read(run: &'a str, episode: Episode) -> anyhow::Result<Self> {
        let trajectory = episode.trajectory()?.unwrap_or(Trajectory { records: Vec::new(), torn: false });
        Ok(Self { run, episode, trajectory })
    }

    /// Returns what the episode ran with.
    pub(super) fn header(&self) -> Option<&Header> {
        self.trajectory.header()
    }

    /// Returns how it ended.
    pub(super) fn outcome(&self) -> Option<&Outcome> {
        self.trajectory.outcome()
    }

    /// Returns the record that it was read from, where it came from a file of this format.
    pub(super) fn imported(&self, format: &str) -> Option<&Map<String, Value>> {
        let imported = self.header()?.origin.settings.get("imported")?;
        imported.get("record").filter(|_| imported.get("format").is_some_and(|name| name == format))?.as_object()
    }

    /// Returns a name that no other episode of the same runs has.
    pub(super) fn name(&self) -> String {
        let Episode { cell, instance_id, sample, .. } = &self.episode;
        format!("{}/{cell}/{instance_id}/{sample}", self.run)
    }

    /// Returns the agent's name.
    pub(super) fn agent(&self) -> &str {
        self.header().map(|header| header.agent.as_str()).filter(|name| !name.is_empty()).unwrap_or("unknown")
    }

    /// Returns the model's name; empty where it is not known.
    pub(super) fn model(&self) -> &str {
        let predicted = || Some(self.episode.prediction.as_ref()?.model_name_or_path.as_str());
        match self.header() {
            Some(header) => header.model.as_str(),
            None => predicted().unwrap_or_default(),
        }
    }

    /// Returns the patch; `None` where there is none, not even an empty one.
    pub(super) fn patch(&self) -> Option<&str> {
        match &self.episode.prediction {
            Some(prediction) => prediction.model_patch.as_deref(),
            None => self.outcome()?.patch.as_ref().map(|patch| patch.0.as_str()),
        }
    }

    /// Returns whether the patch is resolved; `None` without a result that counts.
    pub(super) fn resolved(&self) -> Option<bool> {
        let ending = self.episode.ending();
        ending.is_judged().then_some(ending == Ending::Solved)
    }

    /// Returns how it ended, in a word; empty where it has not.
    pub(super) fn exit_status(&self) -> String {
        match (&self.episode.ended, self.outcome()) {
            (Some(ended), _) => ended.exit_status.clone(),
            (None, Some(outcome)) => exit_status(outcome),
            (None, None) => String::new(),
        }
    }

    /// Returns what it took: by the journal, by the record's last line, or by the answers.
    pub(super) fn spending(&self) -> Spending {
        let ended = self.episode.ended.as_ref().and_then(|ended| ended.spending);
        ended.or_else(|| Some(self.outcome()?.spending)).unwrap_or_else(|| self.summed())
    }

    fn summed(&self) -> Spending {
        let mut sum = Spending::default();
        for (_, completion) in self.trajectory.completions() {
            sum.queries += 1;
            sum.usage += completion.usage;
            sum.cost += completion.cost.unwrap_or_default();
            sum.unpriced_queries += u64::from(completion.cost.is_none());
        }
        sum
    }

    /// Returns whether anything is known of what it cost.
    pub(super) fn is_priced(&self) -> bool {
        let spending = self.spending();
        spending.cost > 0.0 || (spending.queries > 0 && spending.unpriced_queries == 0)
    }

    /// Returns the id of the answer that a record is: the server's, or one by its place.
    pub(super) fn response_id(&self, index: usize, completion: &Completion) -> String {
        let id = completion.served.as_ref().and_then(|served| served.id.clone());
        id.unwrap_or_else(|| format!("{}/{index}", self.name()))
    }

    /// Returns when it began, in seconds since 1970; 0 where that is not known.
    pub(super) fn started(&self) -> f64 {
        let recorded = self.header().map(|header| header.origin.started).filter(|started| *started > 0.0);
        recorded.or(self.episode.begun.filter(|_| self.imported_format().is_none())).unwrap_or_default()
    }

    /// Returns the name of the format of another program that it was read from.
    pub(super) fn imported_format(&self) -> Option<&str> {
        self.header()?.origin.settings.get("imported")?.get("format")?.as_str()
    }

    /// Returns whether a record was taken over from the episode that this one goes on from.
    pub(super) fn is_of_parent(&self, record: &Record) -> bool {
        is_of_parent(record, self.header())
    }

    /// Returns what of ours broke, as a kind and in words; `None` where nothing did that counts.
    pub(super) fn broken(&self) -> Option<(&str, &str)> {
        let ended = self.episode.ended.as_ref().filter(|ended| ended.is_infrastructure());
        if let Some(Ended { exit_status, error, .. }) = ended {
            return Some((exit_status, error.as_deref().unwrap_or(exit_status)));
        }
        let failed = self.episode.failed.as_ref().filter(|_| self.resolved().is_none())?;
        Some(("not_judged", &failed.error))
    }

    /// Returns what there is to say of it that formats have no field for.
    pub(super) fn whole(&self) -> Whole {
        let header = self.header().and_then(|header| match serde_json::to_value(header) {
            Ok(Value::Object(mut header)) => {
                header.shift_remove("tools");
                Some(header)
            }
            _ => None,
        });
        Whole {
            run: self.run.to_owned(),
            cell: self.episode.cell.clone(),
            sample: self.episode.sample,
            agent: self.header().map(|header| header.agent.clone()).unwrap_or_default(),
            exit_status: self.outcome().map(|outcome| outcome.exit_status.clone()),
            ending: ending_word(self.episode.ending()).to_owned(),
            parent: self.header().and_then(|header| header.origin.parent.clone()),
            header: header.unwrap_or_default(),
            spending: serde_json::to_value(self.spending()).unwrap_or_default(),
            judged: serde_json::to_value(&self.episode.judged).unwrap_or_default(),
        }
    }
}

/// Returns what came of an episode, in a word.
pub(super) fn ending_word(ending: Ending) -> &'static str {
    match ending {
        Ending::Solved => "solved",
        Ending::Unsolved => "unsolved",
        Ending::Empty => "empty",
        Ending::NotApplied => "not_applied",
        Ending::TimedOut => "timed_out",
        Ending::Errored => "errored",
        Ending::Infrastructure => "infrastructure",
        Ending::Unfinished => "unfinished",
    }
}

/// Returns tokens as the chat completions interface counts them.
pub(super) fn usage_value(usage: Usage) -> Value {
    serde_json::json!({
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "total_tokens": usage.total(),
        "prompt_tokens_details": { "cached_tokens": usage.cached_tokens },
    })
}
