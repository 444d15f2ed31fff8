//! What came of each iteration.

use std::path::Path;

use journal::{Run, file_name};
use sweep::report::{CellFacts, Figures, Share, Table};

use super::stage::{Kind, Stage};

/// Returns a table of the runs so far, with the shares that SWE-Gym's table 3 has of each model.
pub(super) fn table(stages: &[Stage], runs: &Path) -> anyhow::Result<String> {
    let mut table = Table::new(["stage", "asked", "solved", "resolved", "empty patch", "stuck", "turns"]);
    for stage in stages.iter().filter(|stage| matches!(stage.kind, Kind::Evaluate | Kind::Sample)) {
        let folder = runs.join(file_name(&stage.run));
        if !folder.is_dir() {
            continue;
        }
        let run = Run::open(&folder)?;
        let cells = run.cells();
        for cell in &cells {
            let facts = CellFacts::read(&run, &stage.run, cell, None);
            let name = if cells.len() == 1 { stage.to_string() } else { format!("{stage}, {cell}") };
            table.add(row(name, &Figures::new(&facts.facts, facts.allowed)));
        }
    }
    Ok(table.text())
}

fn row(name: String, figures: &Figures) -> Vec<String> {
    let unknown = || "-".to_owned();
    let share = |share: Option<&Share>| share.map_or_else(unknown, |share| percent(share.share));
    let resolved = figures.resolved.as_ref().map(|resolved| {
        format!("{} ({} to {})", percent(resolved.share.share), percent(resolved.low), percent(resolved.high))
    });
    vec![
        name,
        figures.asked.to_string(),
        figures.solved.to_string(),
        resolved.unwrap_or_else(unknown),
        share(figures.empty.as_ref()),
        share(figures.stuck.as_ref()),
        figures.turns.as_ref().map_or_else(unknown, |turns| format!("{:.1}", turns.mean)),
    ]
}

fn percent(share: f64) -> String {
    format!("{:.1}%", share * 100.0)
}
