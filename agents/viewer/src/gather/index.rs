//! What the page knows before any episode is opened.

use serde_json::{Value, json};
use sweep::report::{By, CellFacts, Report};
use verifier::Pool;
use verifier::curves::{Comparison, Rated};

use super::gathered::{Gathered, Source};
use super::row::Row;

/// How many candidates of an instance curves are drawn for.
const MOST: usize = 16;

impl Gathered<'_> {
    /// Returns the index: runs, rows, the figures of `report`, and the curves of `best-of`.
    pub(crate) fn index(&self, rows: &[Row]) -> anyhow::Result<Value> {
        let runs: Vec<Value> = self.sources.iter().map(|source| json!({"name": source.name})).collect();
        Ok(json!({
            "version": 1,
            "spotter": env!("CARGO_PKG_VERSION"),
            "title": self.title(),
            "runs": runs,
            "rows": rows,
            "scorers": self.scores.scorers(),
            "report": self.report()?,
            "curves": self.curves(),
        }))
    }

    /// Returns the figures of `report`, by cell and by repository.
    fn report(&self) -> anyhow::Result<Value> {
        let wanted = |cell: &String| self.settings.cells.is_empty() || self.settings.cells.contains(cell);
        let of = |Source { name, run }: &Source| {
            let cells: Vec<String> = run.cells().into_iter().filter(|cell| !cell.is_empty() && wanted(cell)).collect();
            cells.into_iter().map(|cell| CellFacts::read(run, name, &cell, None)).collect::<Vec<_>>()
        };
        let cells: Vec<CellFacts> = self.sources.iter().flat_map(of).collect();
        if cells.is_empty() {
            return Ok(Value::Null);
        }
        Ok(json!({
            "cell": Report::new(&cells, By::Cell, None)?,
            "repository": Report::new(&cells, By::Repository, None)?,
        }))
    }

    /// Returns the curves of the scorers whose scores are known, with their bounds, as CSV; empty where there is nothing
    /// to pick from.
    fn curves(&self) -> String {
        let mut pool = Pool::default();
        for Source { run, .. } in self.sources {
            pool.add(run, &self.settings.cells);
        }
        let labels = pool.labels();
        let n = labels.values().map(Vec::len).max().unwrap_or_default().min(MOST);
        if n < 2 {
            return String::new();
        }
        let scorers = self.scores.scorers().into_iter();
        let scored: Vec<Rated> = scorers
            .map(|name| Rated::once(&name, pool.of_judged(&self.scores.in_pool(&pool, &name, self.sources))))
            .collect();
        Comparison::new(&scored, &labels, n).csv()
    }
}
