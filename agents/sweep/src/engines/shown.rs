//! Progress lines for a sweep that other processes work on.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use journal::Run;

use super::launcher::States;
use crate::run::Sweep;
use crate::status::{Live, Status};

/// The shortest time between two lines.
const TELL: Duration = Duration::from_secs(15);

/// The last line, and when it was shown.
pub(super) struct Shown<'a> {
    run: Run,
    name: &'a str,
    live: Live,
    last: Option<(Instant, String)>,
}

impl<'a> Shown<'a> {
    pub(super) fn new(sweep: &'a Sweep) -> Self {
        let run = Run::of(sweep.journal());
        Self { run, name: &sweep.plan().run, live: Live::default(), last: None }
    }

    /// Returns a line where it is time for one and something has changed.
    pub(super) fn line(&mut self, states: &anyhow::Result<States>) -> Option<String> {
        if self.last.as_ref().is_some_and(|(at, _)| at.elapsed() < TELL) {
            return None;
        }
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64();
        let status = Status::read(&self.run, self.name, &mut self.live, now);
        let processes = match states {
            Ok(states) => format!("processes: {states}"),
            Err(err) => format!("processes: not known at the moment: {err:#}"),
        };
        let line = format!("{}; {processes}", status.headline().trim_end());
        let is_new = self.last.as_ref().is_none_or(|(_, last)| *last != line);
        self.last = Some((Instant::now(), line.clone()));
        is_new.then_some(line)
    }
}
