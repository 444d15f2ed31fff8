//! How far a command has got: a block that is redrawn on a terminal, else a line now and then.

mod board;
mod figures;

use std::io::IsTerminal;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use agent_core::Record;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use runner::engine::{Event, INFRASTRUCTURE, Listener};

use crate::console::{draw, say};
use crate::log::line;
use board::Board;

/// How often the block is drawn.
const DRAWN: Duration = Duration::from_millis(500);
/// How often there is a line where no block is drawn.
const LINE: Duration = Duration::from_secs(60);
/// Up to this many items, each gets a line when it ends if no block is drawn; beyond that, only those that failed
/// because of infrastructure.
const EACH: usize = 200;

/// Counts what happens to many items, and shows it.
///
/// The figures are drawn by a thread of their own; what is under way only adds to them, once for each answer of a
/// model.
pub(crate) struct Counted {
    board: Arc<Mutex<Board>>,
    shown: Mutex<Option<Shown>>,
}

/// The display of the figures, until this value is dropped.
struct Shown {
    bar: Option<ProgressBar>,
    end: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Default for Counted {
    fn default() -> Self {
        Self { board: Arc::new(Mutex::new(Board::new(Instant::now()))), shown: Mutex::default() }
    }
}

impl Listener for Counted {
    fn hear(&self, event: &Event<'_>) {
        let is_counted = match event {
            Event::Recorded { record, .. } => matches!(record, Record::Completion { .. }),
            Event::Noted { .. } | Event::Unanswered { .. } => false,
            _ => true,
        };
        let mut told = None;
        if is_counted {
            let mut board = lock(&self.board);
            board.hear(event, Instant::now());
            told = Some((board.done(), board.total()));
        }
        match event {
            Event::Queued { .. } => *lock(&self.shown) = Some(Shown::begin(self.board.clone())),
            Event::Finished => self.finish(),
            // The lines of the log say it.
            _ if line::is_on() => {}
            Event::Noted { item, text } => match item.filter(|item| !text.contains(&item.instance_id)) {
                Some(item) => say(&format!("{}: {text}", item.instance_id)),
                None => say(text),
            },
            Event::Retried { line, .. } => say(&format!("{line}; it will be retried")),
            Event::Ended { ending, took, line, .. } => {
                let has_block = lock(&self.shown).as_ref().is_some_and(|shown| shown.bar.is_some());
                match told {
                    _ if has_block && *ending == INFRASTRUCTURE => say(line),
                    Some((done, total))
                        if !has_block && took.is_some() && (total <= EACH || *ending == INFRASTRUCTURE) =>
                    {
                        say(&format!("[{done}/{total}] {line}"));
                    }
                    _ => {}
                }
            }
            _ => {}
        }
    }
}

impl Counted {
    /// Takes the block away, and says what it came to.
    fn finish(&self) {
        lock(&self.shown).take();
        let mut board = lock(&self.board);
        let figures = board.figures(Instant::now());
        let (kept, total) = (board.kept(), board.total());
        drop(board);
        if line::is_on() {
            figures.as_json().write();
        }
        if kept > 0 {
            say(&format!("{kept} of {total} already had a result"));
        }
        tracing::info!("{}", figures.line());
    }
}

impl Shown {
    fn begin(board: Arc<Mutex<Board>>) -> Self {
        let bar = (std::io::stderr().is_terminal() && !line::is_on()).then(|| {
            let total = lock(&board).total();
            let bar = ProgressBar::with_draw_target(Some(total as u64), ProgressDrawTarget::stderr());
            // The template is a constant, and an unknown key in one only leaves the plain style.
            if let Ok(style) = ProgressStyle::with_template("{bar:24} {pos}/{len}  {elapsed}\n{msg}") {
                bar.set_style(style);
            }
            bar
        });
        draw(bar.clone());
        let (end, ended) = channel();
        let of_thread = bar.clone();
        let thread = std::thread::Builder::new().name("progress".to_owned());
        // Without it there are no figures, which is no reason to end.
        let thread = thread.spawn(move || show(&board, of_thread.as_ref(), &ended)).ok();
        Self { bar, end: Some(end), thread }
    }
}

impl Drop for Shown {
    fn drop(&mut self) {
        self.end.take();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
        draw(None);
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// Shows the figures again and again until it is ended.
fn show(board: &Mutex<Board>, bar: Option<&ProgressBar>, ended: &Receiver<()>) {
    let pause = if bar.is_some() { DRAWN } else { LINE };
    while let Err(RecvTimeoutError::Timeout) = ended.recv_timeout(pause) {
        let figures = lock(board).figures(Instant::now());
        match bar {
            Some(bar) => {
                bar.set_length(figures.total as u64);
                bar.set_position(figures.done as u64);
                bar.set_message(figures.block());
            }
            None if line::is_on() => figures.as_json().write(),
            None => say(&figures.line()),
        }
    }
}

fn lock<T>(of: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}
