//! What has come from a shell so far.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use memchr::memmem;
use tokio::sync::Notify;

use crate::backend::{Clock, ProcessTime};
use crate::capture::{Capture, Captured};

/// Output kept of background processes between two commands.
const BETWEEN: usize = 16 << 10;
/// Largest message: what a shell exports.
const MAX_MESSAGE: usize = 1 << 20;

/// An [`Inbox`] between the task that reads and the one that waits.
pub(super) struct Shared {
    inbox: Mutex<Inbox>,
    news: Notify,
}

impl Shared {
    /// `clock` tells the time where the shell does not.
    pub(super) fn new(clock: Option<Clock>) -> Self {
        Self { inbox: Mutex::new(Inbox { clock, ..Inbox::default() }), news: Notify::new() }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Inbox> {
        self.inbox.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn wake(&self) {
        self.news.notify_one();
    }

    /// Waits for [`Inbox::end`].
    pub(super) async fn end(&self) -> Option<Report> {
        loop {
            let news = self.news.notified();
            if let Some(end) = self.lock().end() {
                return end;
            }
            news.await;
        }
    }

    /// Waits until the shell has ended.
    pub(super) async fn closed(&self) {
        loop {
            let news = self.news.notified();
            if self.lock().closed {
                return;
            }
            news.await;
        }
    }
}

/// What the driver says at the end of a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Report {
    pub(crate) status: i32,
    /// Whether anything ran: it did not when bash could not parse the command.
    pub(crate) ran: bool,
    pub(crate) process: u32,
    pub(crate) moment: ProcessTime,
    pub(crate) cwd: String,
    /// Whether the shell has ended with the command.
    pub(crate) ending: bool,
}

/// What has come from a shell so far.
pub(super) struct Inbox {
    nonce: String,
    capture: Capture,
    /// The end of the output, held back as long as it may be the start of the nonce.
    held: Vec<u8>,
    marked: bool,
    begun: bool,
    between: Capture,
    message: Vec<u8>,
    overflow: bool,
    /// Bash source that exports what the shell did last, as far as that was text and not too large.
    exported: String,
    report: Option<Report>,
    closed: bool,
    clock: Option<Clock>,
    /// When the shell was ready; no report is from before that.
    earliest: ProcessTime,
    last_output: Instant,
}

impl Default for Inbox {
    fn default() -> Self {
        Self {
            nonce: String::new(),
            capture: Capture::new(0),
            held: Vec::new(),
            marked: true,
            begun: false,
            between: Capture::new(BETWEEN),
            message: Vec::new(),
            overflow: false,
            exported: String::new(),
            report: None,
            closed: false,
            clock: None,
            earliest: ProcessTime::default(),
            last_output: Instant::now(),
        }
    }
}

impl Inbox {
    /// Gets ready for the output of a command that ends with `nonce`.
    pub(super) fn expect(&mut self, nonce: String, limit: usize) {
        let between = std::mem::replace(&mut self.between, Capture::new(BETWEEN)).finish();
        self.capture = Capture::new(limit);
        self.capture.push(&between.head);
        self.capture.push(&between.tail);
        (self.nonce, self.marked, self.begun, self.report) = (nonce, false, false, None);
        self.last_output = Instant::now();
    }

    /// Takes no report to be from before `moment`.
    pub(super) fn begin(&mut self, moment: ProcessTime) {
        self.earliest = moment;
    }

    /// Takes output in; returns whether a waiting task should be woken.
    pub(super) fn output(&mut self, bytes: &[u8]) -> bool {
        self.last_output = Instant::now();
        if self.marked {
            self.between.push(bytes);
            return false;
        }
        let mut text = std::mem::take(&mut self.held);
        text.extend_from_slice(bytes);
        if let Some(end) = memmem::find(&text, self.nonce.as_bytes()) {
            self.capture.push(&text[..end]);
            self.between.push(&text[end + self.nonce.len()..]);
            self.marked = true;
            return true;
        }
        let sure = text.len() - possible_start(&text, self.nonce.as_bytes());
        self.held = text.split_off(sure);
        self.capture.push(&text);
        false
    }

    /// Takes a piece of a message in; returns whether a waiting task should be woken.
    pub(super) fn message(&mut self, mut bytes: &[u8]) -> bool {
        let mut news = false;
        while let Some(end) = memchr::memchr(0, bytes) {
            self.append(&bytes[..end]);
            bytes = &bytes[end + 1..];
            let overflow = std::mem::take(&mut self.overflow);
            let message = String::from_utf8(std::mem::take(&mut self.message)).ok();
            match message.as_deref().and_then(|message| message.split_at_checked(1)) {
                Some(("B", "")) => self.begun = true,
                Some(("V", exported)) if !overflow => exported.clone_into(&mut self.exported),
                Some(("E", report)) => {
                    self.report = self.parse(report);
                    news = true;
                }
                // Variables that are not text, or what bash had to say before the driver began.
                _ => {}
            }
        }
        self.append(bytes);
        news
    }

    fn append(&mut self, bytes: &[u8]) {
        let free = MAX_MESSAGE.saturating_sub(self.message.len()).min(bytes.len());
        self.overflow |= free < bytes.len();
        self.message.extend_from_slice(&bytes[..free]);
    }

    fn parse(&mut self, text: &str) -> Option<Report> {
        let mut fields = text.splitn(7, ';');
        let status = fields.next()?.parse().ok()?;
        let ran = fields.next()? == "1";
        let ending = fields.next()? == "1";
        let process = fields.next()?.parse().ok()?;
        let (uptime, loadavg) = (fields.next()?, fields.next()?);
        let told = || ProcessTime::parse(uptime, loadavg);
        let moment = self.clock.map_or_else(told, |clock| clock())?.max(self.earliest);
        let cwd = fields.next()?.to_owned();
        Some(Report { status, ran, process, moment, cwd, ending })
    }

    /// Notes that the shell has ended; returns whether that is news.
    pub(super) fn close(&mut self) -> bool {
        !std::mem::replace(&mut self.closed, true)
    }

    pub(super) fn has_begun(&self) -> bool {
        self.begun
    }

    pub(super) fn exported(&self) -> &str {
        &self.exported
    }

    pub(super) fn last_output(&self) -> Instant {
        self.last_output
    }

    /// Returns the end of the command: a report, or `None` when the shell has ended without.
    pub(super) fn end(&self) -> Option<Option<Report>> {
        match &self.report {
            Some(report) if self.closed || self.marked => Some(Some(report.clone())),
            _ if self.closed => Some(None),
            _ => None,
        }
    }

    /// Returns the output of the command.
    pub(super) fn finish(&mut self) -> Captured {
        let mut capture = std::mem::replace(&mut self.capture, Capture::new(0));
        if !self.marked {
            capture.push(&std::mem::take(&mut self.held));
            self.marked = true;
        }
        capture.finish()
    }
}

/// Returns the length of the longest end of `text` with which `nonce` begins.
fn possible_start(text: &[u8], nonce: &[u8]) -> usize {
    (1..nonce.len()).rev().find(|length| text.ends_with(&nonce[..*length])).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(captured: &Captured) -> String {
        String::from_utf8([captured.head.as_slice(), captured.tail.as_slice()].concat()).unwrap()
    }

    #[test]
    fn a_nonce_is_found_across_pieces() {
        let stream = b"output NON NO NONCE and after";
        for size in 1..stream.len() {
            let mut inbox = Inbox::default();
            inbox.expect("NONCE".to_owned(), 100);
            for piece in stream.chunks(size) {
                inbox.output(piece);
            }
            assert!(inbox.marked);
            assert_eq!(text(&inbox.finish()), "output NON NO ", "{size}");
            inbox.expect("OTHER".to_owned(), 100);
            assert_eq!(text(&inbox.finish()), " and after", "{size}");
        }
    }

    #[test]
    fn a_report_is_read_across_pieces() {
        let stream = b"bash: warning\0Vx=1\n\0E7;1;1;42;12.34 5.6;0.1 0.2 0.3 1/2 99;/a;\nb\0";
        for size in 1..stream.len() {
            let mut inbox = Inbox::default();
            inbox.expect("N".to_owned(), 100);
            for piece in stream.chunks(size) {
                inbox.message(piece);
            }
            assert_eq!(inbox.end(), None);
            inbox.output(b"N");
            let report = inbox.end().unwrap().unwrap();
            assert_eq!((report.status, report.ran, report.process, report.ending), (7, true, 42, true));
            assert_eq!(report.moment, ProcessTime { ticks: 1234, last: 99 });
            assert_eq!((report.cwd.as_str(), inbox.exported()), ("/a;\nb", "x=1\n"));
        }
    }

    #[test]
    fn a_forged_report_does_no_harm() {
        let mut inbox = Inbox::default();
        inbox.begin(ProcessTime { ticks: 100, last: 9 });
        inbox.expect("N".to_owned(), 100);
        inbox.output(b"N");
        inbox.message(b"E0;1;;42;18446744073709551615.5 1;99;/\0");
        assert_eq!(inbox.end(), None);
        inbox.message(b"E0;1;;42;0.00 1;99;/\0");
        assert_eq!(inbox.end().unwrap().unwrap().moment, ProcessTime { ticks: 100, last: 9 });
    }

    #[test]
    fn variables_that_are_too_large_are_not_kept() {
        let mut inbox = Inbox::default();
        inbox.expect("N".to_owned(), 100);
        inbox.message(b"Vx=1\n\0V");
        inbox.message(&vec![b'x'; MAX_MESSAGE]);
        inbox.message(b"\0E0;1;1;42;12.34 5.6;99;/\0");
        inbox.output(b"N");
        assert!(inbox.end().unwrap().unwrap().ending);
        assert_eq!(inbox.exported(), "x=1\n");
    }
}
