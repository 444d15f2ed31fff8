//! Standard output and standard error, each written by a thread of its own.
//!
//! A reader that does not read, as behind a full pipe, keeps nobody but that thread waiting: neither the async threads
//! nor the end of the program, which removes the sandboxes first.

use std::io::{self, ErrorKind, IsTerminal, Write};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How many bytes may be buffered before writers of data wait.
const ROOM: usize = 1 << 20;
/// How long until a pipe that would not wait is retried.
const NAP: Duration = Duration::from_millis(10);

/// Standard output. The process has one, and so there is one of these.
static OUTPUT: Stream = Stream::new(Target::Output);
/// Standard error.
static ERROR: Stream = Stream::new(Target::Error);

/// What is written to, and what waits to be.
struct Stream {
    target: Target,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Clone, Copy)]
enum Target {
    Output,
    Error,
}

#[derive(Default)]
struct State {
    /// What the thread has not taken yet.
    waiting: Vec<u8>,
    is_started: bool,
    /// Whether the thread is writing what it took.
    is_writing: bool,
    /// Whether nothing can be written any more.
    is_gone: bool,
    /// Why, unless the reader has gone away, which is no failure.
    failed: Option<io::Error>,
}

/// Puts data on standard output. Waits only while a lot of earlier data has not been read.
pub(crate) fn put(data: &[u8]) -> io::Result<()> {
    OUTPUT.send(data);
    tokio::task::block_in_place(|| OUTPUT.wait(|state| state.waiting.len() <= ROOM))
}

/// Puts text on standard error. Never waits; a closed standard error is no reason to stop.
pub(crate) fn tell(text: &[u8]) {
    ERROR.send(text);
}

/// Waits until standard error is written.
pub(crate) fn settle() {
    let _ = tokio::task::block_in_place(|| ERROR.wait(State::is_done));
}

/// Waits until both streams are written.
pub(crate) fn drain() -> io::Result<()> {
    // A failure of standard error cannot be reported.
    let _ = ERROR.wait(State::is_done);
    OUTPUT.wait(State::is_done)
}

/// Returns whether colours may be written to a stream: to a terminal, unless `NO_COLOR` says something.
pub(crate) fn has_colours(stream: &impl IsTerminal) -> bool {
    let is_set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let is_dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
    stream.is_terminal() && !is_dumb && !is_set("NO_COLOR")
}

impl State {
    fn is_done(&self) -> bool {
        self.waiting.is_empty() && !self.is_writing
    }
}

impl Target {
    fn write(self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Output => write_patiently(&mut io::stdout().lock(), bytes),
            Self::Error => write_patiently(&mut io::stderr().lock(), bytes),
        }
    }
}

/// Writes all, also to a pipe that another program made one that does not wait.
fn write_patiently(stream: &mut impl Write, mut bytes: &[u8]) -> io::Result<()> {
    loop {
        let done = match bytes {
            [] => stream.flush().map(|()| true),
            _ => stream.write(bytes).map(|count| {
                bytes = bytes.get(count..).unwrap_or_default();
                false
            }),
        };
        match done {
            Ok(true) => return Ok(()),
            Ok(false) => {}
            Err(err) if err.kind() == ErrorKind::Interrupted => {}
            Err(err) if err.kind() == ErrorKind::WouldBlock => std::thread::sleep(NAP),
            Err(err) => return Err(err),
        }
    }
}

impl Stream {
    const fn new(target: Target) -> Self {
        let state = State { waiting: Vec::new(), is_started: false, is_writing: false, is_gone: false, failed: None };
        Self { target, state: Mutex::new(state), changed: Condvar::new() }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn send(&'static self, bytes: &[u8]) {
        let mut state = self.lock();
        if state.is_gone {
            return;
        }
        state.waiting.extend_from_slice(bytes);
        if !state.is_started {
            let spawned = std::thread::Builder::new().name("output".to_owned()).spawn(|| self.write_all());
            state.is_started = spawned.is_ok();
            if let Err(err) = spawned {
                state.give_up(err);
            }
        }
        self.changed.notify_all();
    }

    /// Waits until the state is as wanted; a failure to write is returned once.
    fn wait(&self, wanted: impl Fn(&State) -> bool) -> io::Result<()> {
        let waited = self.changed.wait_while(self.lock(), |state| !wanted(state) && !state.is_gone);
        match waited.unwrap_or_else(PoisonError::into_inner).failed.take() {
            Some(err) => Err(err),
            None => Ok(()),
        }
    }

    /// Writes what comes, until the program ends or nothing can be written.
    fn write_all(&self) {
        loop {
            let waited = self.changed.wait_while(self.lock(), |state| state.waiting.is_empty());
            let mut state = waited.unwrap_or_else(PoisonError::into_inner);
            let bytes = std::mem::take(&mut state.waiting);
            state.is_writing = true;
            drop(state);
            let written = self.target.write(&bytes);
            let mut state = self.lock();
            state.is_writing = false;
            if let Err(err) = written {
                state.give_up(err);
            }
            self.changed.notify_all();
            if state.is_gone {
                return;
            }
        }
    }
}

impl State {
    fn give_up(&mut self, err: io::Error) {
        self.is_gone = true;
        self.waiting = Vec::new();
        self.failed = Some(err).filter(|err| err.kind() != ErrorKind::BrokenPipe);
    }
}
