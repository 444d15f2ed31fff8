//! Lines on standard error, also while a block of figures is drawn there.

use std::io::{self, Write};
use std::sync::{Mutex, PoisonError};

use indicatif::ProgressBar;

use crate::log::line::{self, Line, level_of};
use crate::stream;

/// The block that is drawn. The process has one standard error, and so there is one of these.
static BLOCK: Mutex<Option<ProgressBar>> = Mutex::new(None);

/// Writes a line to standard error, above the block where there is one. A closed standard error is no reason to stop.
pub(crate) fn say(text: &str) {
    if line::is_on() {
        Line::new(level_of(text), "console", text).write();
    } else {
        above(format!("{text}\n").as_bytes());
    }
}

/// Sets the block above which lines go from now on.
pub(crate) fn draw(block: Option<ProgressBar>) {
    *BLOCK.lock().unwrap_or_else(PoisonError::into_inner) = block;
}

/// Standard error as the subscriber of `tracing` writes to it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Lines;

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        above(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn above(text: &[u8]) {
    let block = BLOCK.lock().unwrap_or_else(PoisonError::into_inner).clone();
    match block {
        Some(block) => block.suspend(|| {
            stream::tell(text);
            stream::settle();
        }),
        None => stream::tell(text),
    }
}
