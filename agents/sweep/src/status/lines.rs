//! The status of a run in lines for people.

use runner::shown::{harmless, short};

use super::cells::{CellStatus, EpisodeInFlight, Status};
use crate::report::{MISSING, Table};

/// Which of the counts of a cell is of what is to be retried.
const TO_RETRY: usize = 5;

/// How many episodes in flight, processes and kinds of errors are shown.
const SHOWN: usize = 8;

impl Status {
    /// Returns it in lines.
    pub fn text(&self) -> String {
        let parts = [self.cells_text(), self.headline(), self.workers_text(), self.flights_text(), self.broken_text()];
        parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("\n")
    }

    fn cells_text(&self) -> String {
        let titles =
            ["cell", "planned", "done", "solved", "unsolved", "infrastructure", "to retry", "unjudged", "in flight"];
        let mut table = Table::new(titles);
        let counts = |cell: &CellStatus| {
            [
                cell.planned,
                cell.done,
                cell.solved,
                cell.unsolved,
                cell.infrastructure,
                cell.to_retry,
                cell.unjudged,
                cell.in_flight,
            ]
        };
        for cell in &self.cells {
            table.add(line(&cell.cell, counts(cell)));
        }
        if self.cells.len() > 1 {
            let mut all = [0; 8];
            for cell in &self.cells {
                all.iter_mut().zip(counts(cell)).for_each(|(sum, count)| *sum += count);
            }
            table.add(line("all", all));
        }
        // What is to be retried is told where there is any.
        table.known().text()
    }

    /// Returns how far it has got in one line.
    pub fn headline(&self) -> String {
        let (done, planned) =
            self.cells.iter().fold((0, 0), |(done, planned), cell| (done + cell.done, planned + cell.planned));
        let least = if self.spent.is_least() { "≥" } else { "" };
        let missing = || MISSING.to_owned();
        let per_hour = self.per_hour.map_or_else(missing, |per_hour| format!("{per_hour:.1}"));
        let left = self.seconds_left.map_or_else(missing, spell);
        let tokens = self.spent.tokens.map_or_else(missing, |tokens| format!("{least}{tokens}"));
        let cost = self.spent.cost.map_or_else(missing, |cost| format!("{least}${cost:.4}"));
        format!("{done} of {planned} done, {per_hour} an hour, left: {left}; tokens: {tokens}, cost: {cost}\n")
    }

    fn workers_text(&self) -> String {
        let mut table = Table::new(["machine", "process", "in flight"]);
        for worker in self.workers.iter().take(SHOWN) {
            table.add(vec![harmless(&worker.machine), worker.process.to_string(), worker.in_flight.to_string()]);
        }
        drawn(&table, self.workers.len())
    }

    fn flights_text(&self) -> String {
        let mut table = Table::new(["slowest in flight", "sample", "cell", "stage", "for", "turns", "tokens", "cost"]);
        for flight in self.in_flight.iter().take(SHOWN) {
            table.add(flight_line(flight));
        }
        drawn(&table, self.in_flight.len())
    }

    fn broken_text(&self) -> String {
        let mut table = Table::new(["infrastructure", "episodes", "last", "ago", "error"]);
        for broken in self.infrastructure.iter().take(SHOWN) {
            let ago = broken.at.map_or_else(|| MISSING.to_owned(), |at| spell((self.at - at).max(0.0)));
            table.add(vec![
                harmless(&broken.kind).replace('_', " "),
                broken.count.to_string(),
                harmless(&broken.instance_id),
                ago,
                if broken.error.is_empty() { MISSING.to_owned() } else { short(&broken.error) },
            ]);
        }
        drawn(&table, self.infrastructure.len())
    }
}

fn line(name: &str, counts: [usize; 8]) -> Vec<String> {
    let shown = |(at, count): (usize, usize)| {
        if at == TO_RETRY && count == 0 { MISSING.to_owned() } else { count.to_string() }
    };
    std::iter::once(harmless(name)).chain(counts.into_iter().enumerate().map(shown)).collect()
}

fn flight_line(flight: &EpisodeInFlight) -> Vec<String> {
    let missing = || MISSING.to_owned();
    let progress = flight.progress.as_ref();
    let tokens = progress.filter(|progress| progress.tokens > 0).map(|progress| progress.tokens.to_string());
    let cost = progress.filter(|progress| progress.cost > 0.0).map(|progress| {
        let least = if progress.unpriced > 0 || !progress.is_whole { "≥" } else { "" };
        format!("{least}${:.4}", progress.cost)
    });
    vec![
        harmless(&flight.instance_id),
        flight.sample.to_string(),
        harmless(&flight.cell),
        flight.stage.to_owned(),
        flight.seconds.map_or_else(missing, spell),
        progress.map_or_else(missing, |progress| progress.turns.to_string()),
        tokens.unwrap_or_else(missing),
        cost.unwrap_or_else(missing),
    ]
}

/// Returns the text of a table of some of so many; empty without rows.
fn drawn(table: &Table, all: usize) -> String {
    let more = match all.saturating_sub(SHOWN) {
        0 => String::new(),
        more => format!("and {more} more\n"),
    };
    if table.is_empty() { String::new() } else { table.text() + &more }
}

/// Returns a time in its two largest units.
fn spell(seconds: f64) -> String {
    let seconds = seconds.round() as u64;
    match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
        (0, 0, seconds) => format!("{seconds}s"),
        (0, minutes, seconds) => format!("{minutes}m {seconds:02}s"),
        (hours, minutes, _) => format!("{hours}h {minutes:02}m"),
    }
}
