//! Lines on standard error.

use indicatif::ProgressBar;

use crate::stream;

/// Writes a line to standard error. Never waits, and a closed standard error is no reason to stop.
pub(crate) fn say(line: &str) {
    stream::tell(format!("{line}\n").as_bytes());
}

/// Where lines go while a bar may be shown.
#[derive(Debug, Clone, Default)]
pub(crate) struct Console {
    /// The bar that is shown.
    pub(crate) bar: Option<ProgressBar>,
}

impl Console {
    /// Writes a line to standard error, above the bar.
    pub(crate) fn say(&self, line: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| {
                say(line);
                stream::settle();
            }),
            None => say(line),
        }
    }
}
