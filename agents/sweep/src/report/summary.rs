//! A report: rows of figures, and comparisons.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::bail;
use env_core::nearest;
use serde::Serialize;

use super::comparison::Comparison;
use super::facts::{CellFacts, Fact};
use super::figures::Figures;
use super::samples::Samples;

/// What the rows of a report are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum By {
    /// One for each cell.
    #[default]
    Cell,
    /// One for each repository of a cell.
    Repository,
    /// One for each instance of a cell.
    Instance,
    /// One for each sample of a cell.
    Sample,
}

/// A row of a report.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Row {
    /// The run.
    pub run: String,
    /// The cell.
    pub cell: String,
    /// The repository, the instance or the sample; `None` where a row is a cell.
    pub group: Option<String>,
    /// Its figures, over all samples.
    pub figures: Figures,
    /// What the samples say together; `None` where there is only one.
    pub samples: Option<Samples>,
    /// Episodes of the cell that no one asks for any more, which count nowhere.
    pub dropped: usize,
    /// Whether samples of the cell have instances that others have not, as the `stop` rule of a sweep leaves them.
    pub is_cut: bool,
}

/// A report on runs.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// What the rows are.
    pub by: By,
    /// The rows, in the order in which runs were named and by the names of their cells.
    pub rows: Vec<Row>,
    /// Cells compared.
    pub comparisons: Vec<Comparison>,
}

impl Report {
    /// Works out a report on cells. Two runs are compared cell by cell, or whatever `compare` names.
    ///
    /// # Errors
    /// When a name in `compare` is of no cell, or of several.
    pub fn new(cells: &[CellFacts], by: By, compare: Option<[&str; 2]>) -> anyhow::Result<Self> {
        let rows = cells.iter().flat_map(|cell| rows(cell, by)).collect();
        let pairs = match compare {
            Some([first, second]) => vec![(find(cells, first)?, find(cells, second)?)],
            None => of_two_runs(cells),
        };
        let one = |(first, second): (&CellFacts, &CellFacts)| {
            let names = labels(cells);
            let name = |cell: &CellFacts| names.of(cell);
            Comparison::new((&name(first), first), (&name(second), second))
        };
        Ok(Self { by, rows, comparisons: pairs.into_iter().map(one).collect() })
    }
}

fn rows(cell: &CellFacts, by: By) -> Vec<Row> {
    let is_cut = is_cut(&cell.facts);
    let mut groups: BTreeMap<(u32, String), Vec<&Fact>> = BTreeMap::new();
    for fact in &cell.facts {
        let key = match by {
            By::Cell => (0, String::new()),
            By::Repository => (0, repository(&fact.instance_id)),
            By::Instance => (0, fact.instance_id.clone()),
            By::Sample => (fact.sample, fact.sample.to_string()),
        };
        groups.entry(key).or_default().push(fact);
    }
    if by == By::Cell {
        // A cell that nothing was asked of has its row as well.
        groups.entry((0, String::new())).or_default();
    }
    let row = |((_, group), facts): ((u32, String), Vec<&Fact>)| Row {
        run: cell.run.clone(),
        cell: cell.cell.clone(),
        group: (by != By::Cell).then_some(group),
        figures: Figures::new(facts.iter().copied(), cell.allowed),
        samples: Samples::new(facts.iter().copied(), is_cut),
        dropped: cell.dropped,
        is_cut,
    };
    groups.into_iter().map(row).collect()
}

/// Returns whether samples were asked for different instances.
fn is_cut(facts: &[Fact]) -> bool {
    let mut by_sample: BTreeMap<u32, BTreeSet<&str>> = BTreeMap::new();
    for fact in facts {
        by_sample.entry(fact.sample).or_default().insert(&fact.instance_id);
    }
    let mut asked = by_sample.values();
    asked.next().is_some_and(|first| asked.any(|other| other != first))
}

/// Returns the repository of an instance, as its id `owner__name-123` has it.
fn repository(instance_id: &str) -> String {
    env_core::repository_part(instance_id).replacen("__", "/", 1)
}

/// How cells are named: with their run where there are several.
struct Labels {
    with_run: bool,
}

fn labels(cells: &[CellFacts]) -> Labels {
    Labels { with_run: cells.iter().any(|cell| cells.first().is_some_and(|first| first.run != cell.run)) }
}

impl Labels {
    fn of(&self, cell: &CellFacts) -> String {
        if self.with_run { format!("{}/{}", cell.run, cell.cell) } else { cell.cell.clone() }
    }
}

/// Returns the cell of a name, which may have its run before it.
fn find<'a>(cells: &'a [CellFacts], name: &str) -> anyhow::Result<&'a CellFacts> {
    let long = |cell: &CellFacts| format!("{}/{}", cell.run, cell.cell);
    let found: Vec<&CellFacts> = cells.iter().filter(|cell| cell.cell == name || long(cell) == name).collect();
    match found.as_slice() {
        [one] => Ok(one),
        [] => {
            let known: Vec<String> = cells.iter().map(|cell| labels(cells).of(cell)).collect();
            let hint = match nearest(name, known.iter().map(String::as_str)) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("the cells are `{}`", known.join("`, `")),
            };
            bail!("there is no cell `{name}`\nhint: {hint}")
        }
        [first, ..] => bail!("several runs have a cell `{name}`\nhint: name its run as well, as in `{}`", long(first)),
    }
}

/// Returns which cells of two runs are compared: those of the same name, or the only one of each.
fn of_two_runs(cells: &[CellFacts]) -> Vec<(&CellFacts, &CellFacts)> {
    let mut runs: Vec<&str> = cells.iter().map(|cell| cell.run.as_str()).collect();
    runs.dedup();
    let [first, second] = runs[..] else { return Vec::new() };
    let of = |run: &str| cells.iter().filter(|cell| cell.run == run).collect::<Vec<_>>();
    let (first, second) = (of(first), of(second));
    if let ([one], [other]) = (&first[..], &second[..]) {
        return vec![(one, other)];
    }
    let same = |one: &&CellFacts| second.iter().copied().find(|other| other.cell == one.cell);
    first.iter().filter_map(|one| Some((*one, same(one)?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_repository_is_read_from_the_id() {
        for (id, expected) in [
            ("Project-MONAI__MONAI-1010", "Project-MONAI/MONAI"),
            ("django__django-16485", "django/django"),
            ("scikit-learn__scikit-learn-9", "scikit-learn/scikit-learn"),
            ("no-number-x", "no-number-x"),
            ("ends-", "ends-"),
            ("", ""),
        ] {
            assert_eq!(repository(id), expected);
        }
    }
}
