//! A report as CSV: all figures, each with what it is of, in columns that other programs read.

use std::collections::BTreeSet;

use runner::shown::harmless;

use super::figures::{Cost, Figures, Mean, Resolved, Share};
use super::samples::Samples;
use super::summary::{Report, Row};
use super::table::MISSING;

/// A column: its name, and what a row has there.
type Column = (&'static str, fn(&Figures) -> Option<String>);

/// A column of what samples say together.
type SampleColumn = (&'static str, fn(&Samples) -> Option<String>);

const COLUMNS: [Column; 36] = [
    ("asked", |figures| text(Some(figures.asked))),
    ("judged", |figures| text(Some(figures.judged))),
    ("solved", |figures| text(Some(figures.solved))),
    ("unsolved", |figures| text(Some(figures.unsolved))),
    ("infrastructure", |figures| text(Some(figures.infrastructure))),
    ("unfinished", |figures| text(Some(figures.unfinished))),
    ("ended", |figures| text(Some(figures.ended))),
    ("resolved", |figures| resolved(figures, |resolved| resolved.share.share)),
    ("resolved_of", |figures| resolved(figures, |resolved| resolved.share.of)),
    ("resolved_low", |figures| resolved(figures, |resolved| resolved.low)),
    ("resolved_high", |figures| resolved(figures, |resolved| resolved.high)),
    ("provisional", |figures| figures.resolved.as_ref()?.provisional.clone()),
    ("deviation", |figures| mean(figures.deviation, |deviation| deviation.mean)),
    ("deviation_of", |figures| mean(figures.deviation, |deviation| deviation.of)),
    ("empty", |figures| share(figures.empty, |empty| empty.share)),
    ("empty_of", |figures| share(figures.empty, |empty| empty.of)),
    ("stuck", |figures| share(figures.stuck, |stuck| stuck.share)),
    ("stuck_of", |figures| share(figures.stuck, |stuck| stuck.of)),
    ("stuck_of_ended", |figures| share(figures.stuck_of_ended, |stuck| stuck.share)),
    ("infrastructure_share", |figures| share(figures.infrastructure_share, |infrastructure| infrastructure.share)),
    ("infrastructure_of", |figures| share(figures.infrastructure_share, |infrastructure| infrastructure.of)),
    ("turns", |figures| mean(figures.turns, |turns| turns.mean)),
    ("turns_of", |figures| mean(figures.turns, |turns| turns.of)),
    ("tokens", |figures| mean(figures.tokens, |tokens| tokens.mean)),
    ("tokens_of", |figures| mean(figures.tokens, |tokens| tokens.of)),
    ("prompt_tokens", |figures| mean(figures.prompt_tokens, |tokens| tokens.mean)),
    ("prompt_tokens_of", |figures| mean(figures.prompt_tokens, |tokens| tokens.of)),
    ("completion_tokens", |figures| mean(figures.completion_tokens, |tokens| tokens.mean)),
    ("completion_tokens_of", |figures| mean(figures.completion_tokens, |tokens| tokens.of)),
    ("seconds", |figures| mean(figures.seconds, |seconds| seconds.mean)),
    ("seconds_of", |figures| mean(figures.seconds, |seconds| seconds.of)),
    ("cost", |figures| cost(figures, |cost| Some(cost.total))),
    ("cost_of", |figures| cost(figures, |cost| Some(cost.of))),
    ("cost_unknown", |figures| cost(figures, |cost| Some(cost.unknown))),
    ("cost_per_solved", |figures| cost(figures, |cost| cost.per_solved)),
    ("cost_per_solved_of", |figures| cost(figures, |cost| cost.per_solved.map(|_| figures.solved))),
];

/// The columns of what samples say together, without pass@k.
const SAMPLES: [SampleColumn; 7] = [
    ("samples", |samples| text(Some(samples.samples))),
    ("instances", |samples| text(Some(samples.instances))),
    ("sample_mean", |samples| text(samples.mean.as_ref().map(|mean| mean.mean))),
    ("sample_mean_of", |samples| text(samples.mean.as_ref().map(|mean| mean.of))),
    ("standard_error", |samples| text(samples.mean.as_ref()?.standard_error)),
    ("best_known", |samples| share(samples.best_known, |best| best.share)),
    ("best_known_of", |samples| share(samples.best_known, |best| best.of)),
];

impl Report {
    /// Returns the rows as CSV. The comparisons are not in it, as their columns are others.
    pub(super) fn csv(&self) -> anyhow::Result<String> {
        let statuses: BTreeSet<&String> = self.rows.iter().flat_map(|row| row.figures.exit_statuses.keys()).collect();
        let ks = self.ks();
        let mut writer = csv::Writer::from_writer(Vec::new());
        let mut titles: Vec<String> = ["run", "cell", "group"].map(str::to_owned).to_vec();
        titles.extend(COLUMNS.map(|(title, _)| title.to_owned()));
        if !ks.is_empty() {
            titles.extend(SAMPLES.map(|(title, _)| title.to_owned()));
        }
        titles.extend(ks.iter().flat_map(|k| [format!("pass@{k}"), format!("pass@{k}_of")]));
        titles.extend(statuses.iter().map(|status| format!("exit_status.{}", harmless(status))));
        writer.write_record(&titles)?;
        for row in &self.rows {
            writer.write_record(line(row, &ks, &statuses))?;
        }
        Ok(String::from_utf8(writer.into_inner()?)?)
    }
}

fn line(row: &Row, ks: &BTreeSet<u64>, statuses: &BTreeSet<&String>) -> Vec<String> {
    let missing = || MISSING.to_owned();
    let group = row.group.as_deref().map_or_else(missing, harmless);
    let mut cells = vec![harmless(&row.run), harmless(&row.cell), group];
    cells.extend(COLUMNS.map(|(_, value)| value(&row.figures).unwrap_or_else(missing)));
    let samples = row.samples.as_ref();
    if !ks.is_empty() {
        cells.extend(SAMPLES.map(|(_, value)| samples.and_then(value).unwrap_or_else(missing)));
    }
    for k in ks {
        let pass = samples.and_then(|samples| samples.pass_at.iter().find(|pass| pass.k == *k));
        cells.push(pass.map_or_else(missing, |pass| pass.value.to_string()));
        cells.push(pass.map_or_else(missing, |pass| pass.of.to_string()));
    }
    // Where anything ended, one that no episode ended in is known to be none.
    let count = |status: &&String| row.figures.exit_statuses.get(*status).copied().unwrap_or_default();
    let is_known = row.figures.ended > 0;
    cells.extend(statuses.iter().map(|status| if is_known { count(status).to_string() } else { missing() }));
    cells
}

fn text(value: Option<impl ToString>) -> Option<String> {
    value.map(|value| value.to_string())
}

fn resolved<T: ToString>(figures: &Figures, value: fn(&Resolved) -> T) -> Option<String> {
    text(figures.resolved.as_ref().map(value))
}

fn share<T: ToString>(share: Option<Share>, value: fn(Share) -> T) -> Option<String> {
    text(share.map(value))
}

fn mean<T: ToString>(mean: Option<Mean>, value: fn(Mean) -> T) -> Option<String> {
    text(mean.map(value))
}

fn cost<T: ToString>(figures: &Figures, value: impl Fn(&Cost) -> Option<T>) -> Option<String> {
    text(figures.cost.as_ref().and_then(value))
}
