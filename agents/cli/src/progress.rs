//! How far a command has got: a bar on a terminal, else a line for each instance.

use std::fmt::Write as _;
use std::io::IsTerminal;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use runner::engine::INFRASTRUCTURE;

use crate::console::{Console, say};

/// Shows how far a command has got, on standard error.
pub(crate) struct Progress {
    console: Console,
    state: State,
}

/// What is shown.
struct State {
    begun: Instant,
    total: usize,
    workers: usize,
    /// Names of the endings with how often each was met.
    counts: Vec<(String, usize)>,
    /// Instances of which an earlier process had the result.
    kept: usize,
    /// Time spent on all the others that are done.
    spent: Duration,
}

impl Progress {
    /// Returns the progress of `total` instances, `workers` at once, that each end in one of the ways that `endings`
    /// names.
    pub(crate) fn new(total: usize, workers: usize, endings: &[&'static str]) -> Self {
        let counts = endings.iter().map(|ending| ((*ending).to_owned(), 0)).collect();
        let state = State { begun: Instant::now(), total, workers, counts, kept: 0, spent: Duration::ZERO };
        let bar = std::io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::with_draw_target(Some(total as u64), ProgressDrawTarget::stderr());
            // The template is a constant, and an unknown key in one only leaves the plain style.
            if let Ok(style) = ProgressStyle::with_template("{bar:24} {pos}/{len}  {elapsed}  {msg}") {
                bar.set_style(style);
            }
            bar.enable_steady_tick(Duration::from_secs(1));
            bar
        });
        Self { console: Console { bar }, state }
    }

    /// Returns where other lines go meanwhile.
    pub(crate) fn console(&self) -> &Console {
        &self.console
    }

    /// Counts an instance and says what came of it. `took` is `None` when an earlier process had the result: it counts
    /// but tells nothing of the time left, and no line is written for it.
    pub(crate) fn done(&mut self, ending: &str, took: Option<Duration>, line: &str) {
        self.state.count(ending, took);
        match &self.console.bar {
            Some(bar) => {
                if ending == INFRASTRUCTURE {
                    bar.println(line);
                }
                bar.set_position(self.state.done() as u64);
                bar.set_message(self.state.message());
            }
            None if took.is_some() => say(&format!("[{}/{}] {line}", self.state.done(), self.state.total)),
            None => {}
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.console.bar {
            bar.finish_and_clear();
        }
        if self.state.kept > 0 {
            say(&format!("{} of {} had their results from an earlier process", self.state.kept, self.state.total));
        }
        tracing::info!("{} in {:.1?}", self.state.message(), self.state.begun.elapsed());
    }
}

impl State {
    fn count(&mut self, ending: &str, took: Option<Duration>) {
        match self.counts.iter_mut().find(|(name, _)| *name == ending) {
            Some((_, count)) => *count += 1,
            None => self.counts.push((ending.to_owned(), 1)),
        }
        match took {
            Some(took) => self.spent += took,
            None => self.kept += 1,
        }
    }

    fn done(&self) -> usize {
        self.counts.iter().map(|(_, count)| count).sum()
    }

    /// Returns how long the rest will take if it is like what was really run; `None` before any was.
    fn left(&self) -> Option<Duration> {
        let run = u32::try_from(self.done().checked_sub(self.kept)?).ok().filter(|run| *run > 0)?;
        let rest = self.total.checked_sub(self.done())?;
        let rounds = rest.div_ceil(self.workers.max(1));
        Some(self.spent / run * u32::try_from(rounds).ok()?)
    }

    fn message(&self) -> String {
        let mut message = String::new();
        for (index, (ending, count)) in self.counts.iter().enumerate() {
            let comma = if index == 0 { "" } else { ", " };
            let _ = write!(message, "{comma}{count} {}", ending.replace('_', " "));
        }
        if let Some(left) = self.left() {
            let _ = write!(message, ", {} left", spell(left));
        }
        message
    }
}

/// Returns a time in its two largest units.
fn spell(time: Duration) -> String {
    let seconds = time.as_secs();
    match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
        (0, 0, seconds) => format!("{seconds}s"),
        (0, minutes, seconds) => format!("{minutes}m {seconds:02}s"),
        (hours, minutes, _) => format!("{hours}h {minutes:02}m"),
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    fn check(total: usize, workers: usize, done: &[(&str, Option<u64>)], expected: &Expect) {
        let counts = ["solved", "unsolved", "infrastructure"].map(|ending| (ending.to_owned(), 0)).to_vec();
        let mut state = State { begun: Instant::now(), total, workers, counts, kept: 0, spent: Duration::ZERO };
        for (ending, took) in done {
            state.count(ending, took.map(Duration::from_secs));
        }
        expected.assert_eq(&state.message());
    }

    #[test]
    fn the_time_left_goes_by_what_was_really_run() {
        check(9, 1, &[("solved", None), ("solved", None)], &expect!["2 solved, 0 unsolved, 0 infrastructure"]);
        check(
            10,
            2,
            &[("solved", None), ("solved", Some(30)), ("unsolved", Some(90)), ("infrastructure", None)],
            &expect!["2 solved, 1 unsolved, 1 infrastructure, 3m 00s left"],
        );
        check(1000, 1, &[("unsolved", Some(20))], &expect!["0 solved, 1 unsolved, 0 infrastructure, 5h 33m left"]);
        check(1, 4, &[("solved", Some(20))], &expect!["1 solved, 0 unsolved, 0 infrastructure, 0s left"]);
    }
}
