//! A report as tables for people.

use std::collections::BTreeSet;

use runner::shown::harmless;

use super::comparison::{Comparison, Method};
use super::figures::{Cost, Figures, Mean, Resolved, Share};
use super::samples::{SampleMean, Samples};
use super::summary::{By, Report, Row};
use super::table::{MISSING, Table};

/// How many remarks of a kind are told.
const TOLD: usize = 5;

/// A column: its title, and what a row has there.
type Column = (&'static str, fn(&Figures) -> String);

/// The columns of figures.
const COLUMNS: [Column; 14] = [
    ("asked", |figures| figures.asked.to_string()),
    ("solved", |figures| figures.solved.to_string()),
    ("unsolved", |figures| figures.unsolved.to_string()),
    ("infrastructure", |figures| match figures.infrastructure_share {
        Some(share) if figures.infrastructure > 0 => format!("{} ({})", share.count, percent(share.share)),
        _ => figures.infrastructure.to_string(),
    }),
    ("unfinished", |figures| figures.unfinished.to_string()),
    ("resolved", |figures| shown(figures.resolved.as_ref(), rate)),
    ("±", |figures| shown(figures.deviation.as_ref(), |deviation| percent(deviation.mean))),
    ("empty", |figures| shown(figures.empty.as_ref(), share)),
    ("stuck", |figures| shown(figures.stuck.as_ref(), share)),
    ("turns", |figures| mean(figures, figures.turns, 1)),
    ("tokens", |figures| mean(figures, figures.tokens, 0)),
    ("seconds", |figures| mean(figures, figures.seconds, 1)),
    ("cost", |figures| shown(figures.cost.as_ref(), |cost| money(cost, cost.total))),
    ("per solved", |figures| {
        let cost = figures.cost.as_ref();
        cost.and_then(|cost| Some(money(cost, cost.per_solved?))).unwrap_or_else(|| MISSING.to_owned())
    }),
];

impl Report {
    /// Returns the names of the columns that tell rows apart.
    fn heads(&self) -> Vec<&'static str> {
        let runs: BTreeSet<&str> = self.rows.iter().map(|row| row.run.as_str()).collect();
        let group = match self.by {
            By::Cell => None,
            By::Repository => Some("repository"),
            By::Instance => Some("instance"),
            By::Sample => Some("sample"),
        };
        (runs.len() > 1).then_some("run").into_iter().chain(["cell"]).chain(group).collect()
    }

    /// Returns what tells a row apart, in the columns of [`Self::heads`].
    fn head(&self, row: &Row) -> Vec<String> {
        let of = |name: &&str| match *name {
            "run" => harmless(&row.run),
            "cell" => harmless(&row.cell),
            _ => harmless(row.group.as_deref().unwrap_or(MISSING)),
        };
        self.heads().iter().map(of).collect()
    }

    /// Returns the figures, a row each.
    pub(super) fn figures(&self) -> Table {
        let mut table = Table::new(self.heads().into_iter().chain(COLUMNS.map(|(title, _)| title)));
        for row in &self.rows {
            let mut cells = self.head(row);
            cells.extend(COLUMNS.map(|(_, value)| value(&row.figures)));
            table.add(cells);
        }
        table.known()
    }

    /// Returns the numbers of samples of which any row has a pass@k.
    pub(super) fn ks(&self) -> BTreeSet<u64> {
        let samples = self.rows.iter().filter_map(|row| row.samples.as_ref());
        samples.flat_map(|samples| samples.pass_at.iter().map(|pass| pass.k)).collect()
    }

    /// Returns what samples say together; without a row where there is one sample only.
    pub(super) fn samples(&self) -> Table {
        let ks = self.ks();
        let titles =
            self.heads().into_iter().map(str::to_owned).chain(["samples", "instances", "mean"].map(str::to_owned));
        let passes = ks.iter().map(|k| format!("pass@{k}"));
        let mut table = Table::new(titles.chain(passes).chain(["best known".to_owned()]));
        for row in &self.rows {
            let Some(samples) = &row.samples else { continue };
            let mut cells = self.head(row);
            cells.extend([samples.samples.to_string(), samples.instances.to_string()]);
            cells.push(shown(samples.mean.as_ref(), |mean| sample_mean(mean, samples)));
            cells.extend(ks.iter().map(|k| pass_at(samples, *k)));
            cells.push(shown(samples.best_known.as_ref(), share));
            table.add(cells);
        }
        table
    }

    /// Returns how episodes ended; without a row where rows are instances, or where patches were only judged.
    pub(super) fn exit_statuses(&self) -> Table {
        let mut table = Table::new(self.heads().into_iter().chain(["exit status", "episodes", "of ended"]));
        for row in self.rows.iter().filter(|_| self.by != By::Instance) {
            let mut statuses: Vec<(&String, &usize)> = row.figures.exit_statuses.iter().collect();
            statuses.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
            for (status, count) in statuses {
                let mut cells = self.head(row);
                let share = shown(Share::new(*count, row.figures.ended).as_ref(), share);
                cells.extend([harmless(status).replace('_', " "), count.to_string(), share]);
                table.add(cells);
            }
        }
        table
    }

    /// Returns the comparisons, a row each.
    pub(super) fn compared(&self) -> Table {
        let mut table = Table::new([
            "second",
            "first",
            "pairs",
            "second resolved",
            "first resolved",
            "both",
            "neither",
            "won",
            "lost",
            "p",
            "method",
            "left out",
        ]);
        for one in &self.comparisons {
            table.add(compared(one));
        }
        table
    }

    /// Returns what a reader has to know of the figures that are not what they seem.
    pub fn remarks(&self) -> Vec<String> {
        let named = |row: &Row| self.head(row).join(" ");
        let provisional = self.rows.iter().filter_map(|row| {
            let why = row.figures.resolved.as_ref()?.provisional.as_ref()?;
            Some(format!("* {}: {why}", named(row)))
        });
        let without = self.rows.iter().filter(|row| row.figures.resolved.is_none());
        let without = without.map(|row| match row.figures.asked {
            0 => format!("{}: nothing was asked for", named(row)),
            asked => format!("{}: there is no result of the {asked} asked for yet", named(row)),
        });
        let mut dropped: Vec<(&str, &str, usize)> =
            self.rows.iter().map(|row| (row.run.as_str(), row.cell.as_str(), row.dropped)).collect();
        dropped.dedup();
        let dropped = dropped.into_iter().filter(|(_, _, count)| *count > 0);
        let dropped = dropped.map(|(run, cell, count)| {
            format!(
                "{}/{}: {count} episodes are no longer asked for and are not counted",
                harmless(run),
                harmless(cell)
            )
        });
        let mut cut: Vec<(&str, &str)> =
            self.rows.iter().filter(|row| row.is_cut).map(|row| (row.run.as_str(), row.cell.as_str())).collect();
        cut.dedup();
        let cut = cut.into_iter().map(|(run, cell)| format!("{}/{}: {CUT}", harmless(run), harmless(cell)));
        [some(provisional.collect()), some(without.collect()), some(dropped.collect()), some(cut.collect())].concat()
    }
}

/// What is said of a cell some samples of which were asked for fewer instances than others.
const CUT: &str = "its samples are not of the same instances, because a `stop` rule skips the samples of solved \
instances; those are not in the figures, so resolved, mean and pass@k are biased";

/// What the columns are of, for below a table that has any of them.
const LEGEND: [(&[&str], &str); 5] = [
    (&["resolved"], "resolved: of asked, with its 95% Wilson interval"),
    (&["±"], "±: standard deviation of the solved share in half-size samples of the judged patches that are not empty"),
    (
        &["empty", "stuck", "infrastructure"],
        "empty, stuck: of asked; stuck: went in circles and has a patch; infrastructure: of asked without the empty patches",
    ),
    (
        &["turns", "tokens", "seconds"],
        "turns, tokens, seconds: means over the episodes that ended, or over the N of these of which they are known",
    ),
    (
        &["cost"],
        "cost: of all episodes that ended, solved or not, ≥ where not every price is known; per solved: cost by solved ones",
    ),
];

/// Returns what the columns of a table are of.
pub(super) fn legend(table: &Table) -> Vec<&'static str> {
    let has_any = |columns: &[&str]| columns.iter().any(|column| table.has(column));
    LEGEND.iter().filter(|(columns, _)| has_any(columns)).map(|(_, line)| *line).collect()
}

/// What the columns of samples are of.
pub(super) const SAMPLES_LEGEND: &str = "mean: of the samples' rates, each of what was asked for in it, with its standard \
    error; pass@k: unbiased, over the instances with at least k results; best known: instances of which any sample is solved";

/// What the columns of comparisons are.
pub(super) const COMPARED_LEGEND: &str = "pairs: of the same instance and sample, with a result in both; won: solved by \
    the second alone, lost: by the first alone; p: McNemar's test, two-sided";

fn compared(one: &Comparison) -> Vec<String> {
    let p = |p: &f64| if *p < 0.0001 { "<0.0001".to_owned() } else { format!("{p:.4}") };
    let method = match one.method {
        Some(Method::Exact) => "exact",
        Some(Method::ChiSquared) => "chi-squared",
        None => MISSING,
    };
    let left_out = match (one.asked_of_one, one.without_result) {
        (0, 0) => "0".to_owned(),
        (asked, 0) => format!("{asked} asked of one alone"),
        (0, without) => format!("{without} without a result"),
        (asked, without) => format!("{asked} asked of one alone, {without} without a result"),
    };
    vec![
        harmless(&one.second),
        harmless(&one.first),
        one.pairs.to_string(),
        shown(one.second_resolved.as_ref(), share),
        shown(one.first_resolved.as_ref(), share),
        one.both.to_string(),
        one.neither.to_string(),
        one.won.to_string(),
        one.lost.to_string(),
        shown(one.p.as_ref(), p),
        method.to_owned(),
        left_out,
    ]
}

fn some(mut lines: Vec<String>) -> Vec<String> {
    let more = lines.len().saturating_sub(TOLD);
    lines.truncate(TOLD);
    lines.extend((more > 0).then(|| format!("and {more} more like these")));
    lines
}

fn shown<T>(value: Option<&T>, show: impl FnOnce(&T) -> String) -> String {
    value.map_or_else(|| MISSING.to_owned(), show)
}

fn percent(share: f64) -> String {
    format!("{:.1}%", share * 100.0)
}

fn share(share: &Share) -> String {
    percent(share.share)
}

fn rate(resolved: &Resolved) -> String {
    let mark = if resolved.provisional.is_some() { "*" } else { "" };
    format!("{}{mark} ({} to {})", percent(resolved.share.share), percent(resolved.low), percent(resolved.high))
}

fn mean(figures: &Figures, mean: Option<Mean>, digits: usize) -> String {
    shown(mean.as_ref(), |Mean { mean, of }| match *of == figures.ended {
        true => format!("{mean:.digits$}"),
        false => format!("{mean:.digits$} of {of}"),
    })
}

fn money(cost: &Cost, dollars: f64) -> String {
    let mark = if cost.unknown > 0 { "≥" } else { "" };
    format!("{mark}${dollars:.4}")
}

fn sample_mean(mean: &SampleMean, samples: &Samples) -> String {
    let error = mean.standard_error.map(|error| format!(" ± {}", percent(error))).unwrap_or_default();
    let of = if mean.of == samples.samples { String::new() } else { format!(" of {}", mean.of) };
    format!("{}{error}{of}", percent(mean.mean))
}

fn pass_at(samples: &Samples, k: u64) -> String {
    let pass = samples.pass_at.iter().find(|pass| pass.k == k);
    shown(pass, |pass| match pass.of == samples.instances {
        true => percent(pass.value),
        false => format!("{} of {}", percent(pass.value), pass.of),
    })
}
