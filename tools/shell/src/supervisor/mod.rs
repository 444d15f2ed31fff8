//! A process in a sandbox that does the host's own work: it ends processes and moves files.

mod supervisors;

use std::io;
use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use memchr::memmem;
use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::sync::{mpsc, oneshot};

use crate::nonce::nonce;

pub use supervisors::{Another, Supervisors};

/// The program of a supervisor, as in `bash --norc --noprofile -p -c PROGRAM`; its script follows on its standard
/// input.
pub const SUPERVISOR: &str = "builtin mapfile -t -d '' -n 1 script; builtin eval \"${script[0]}\"";
const SCRIPT: &str = include_str!("supervisor.sh");
/// No request that moves a file takes this long unless the engine is stuck.
pub(crate) const LONG: Duration = Duration::from_secs(120);
/// No other request takes this long unless someone else reads what is meant for the supervisor.
pub(crate) const SHORT: Duration = Duration::from_secs(5);

/// What goes into a bash that was started with [`SUPERVISOR`], and what it prints.
pub struct Streams {
    /// Standard input. The process ends with it.
    pub input: Pin<Box<dyn AsyncWrite + Send>>,
    /// Standard output.
    pub output: BoxStream<'static, io::Result<Bytes>>,
}

/// A process in a sandbox that does the host's own work, one request after the other.
///
/// A request that was sent is carried out even if no one waits for the answer, so that the two ends stay in step.
/// After one that failed, it answers no more, and its process continues until this is dropped.
#[derive(Clone)]
pub(crate) struct Supervisor {
    requests: mpsc::Sender<Request>,
    process: u32,
}

struct Request {
    fields: [Vec<u8>; 5],
    body: Vec<u8>,
    reply: oneshot::Sender<io::Result<Answer>>,
}

/// What a supervisor answers.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) data: Vec<u8>,
    /// `ok`, or what went wrong.
    pub(crate) status: String,
}

impl Supervisor {
    /// Sends the script to a new bash and waits until it is ready.
    pub(crate) async fn start(streams: Streams, timeout: Duration) -> io::Result<Self> {
        let (requests, queue) = mpsc::channel(16);
        let mut channel = Channel { streams, pending: Vec::new(), timeout };
        let script = [SCRIPT.as_bytes(), b"\0"].concat();
        channel.streams.input.write_all(&script).await?;
        channel.streams.input.flush().await?;
        tokio::spawn(channel.serve(queue));
        let mut supervisor = Self { requests, process: 0 };
        let answer = supervisor.ask("hello", [&[], &[], &[], &[]], Vec::new()).await?;
        supervisor.process = answer.status.parse().map_err(io::Error::other)?;
        Ok(supervisor)
    }

    /// Returns the id of its process inside the sandbox.
    pub(crate) fn process(&self) -> u32 {
        self.process
    }

    /// Sends a request and waits for the answer.
    pub(crate) async fn ask(&self, operation: &str, fields: [&[u8]; 4], body: Vec<u8>) -> io::Result<Answer> {
        let [one, two, three, four] = fields.map(<[u8]>::to_vec);
        let (reply, answer) = oneshot::channel();
        let request = Request { fields: [operation.into(), one, two, three, four], body, reply };
        self.requests.send(request).await.map_err(|_| broken())?;
        answer.await.map_err(|_| broken())?
    }
}

fn broken() -> io::Error {
    io::Error::new(io::ErrorKind::BrokenPipe, "the container has ended")
}

struct Channel {
    streams: Streams,
    pending: Vec<u8>,
    timeout: Duration,
}

impl Channel {
    /// Answers requests until one fails: then the two ends are no longer in step. The input stays open even then, as
    /// with that of its first process the container ends.
    async fn serve(mut self, mut queue: mpsc::Receiver<Request>) {
        while let Some(Request { fields, body, reply }) = queue.recv().await {
            let result = match tokio::time::timeout(self.timeout, self.exchange(&fields, &body)).await {
                Ok(result) => result,
                Err(_) => Err(io::Error::new(io::ErrorKind::TimedOut, "the container does not answer")),
            };
            let failed = result.is_err();
            // The caller may have gone.
            let _ = reply.send(result);
            if failed {
                break;
            }
        }
        while queue.recv().await.is_some() {}
    }

    async fn exchange(&mut self, fields: &[Vec<u8>; 5], body: &[u8]) -> io::Result<Answer> {
        let nonce = nonce();
        let mut request = Vec::new();
        let [operation, arguments @ ..] = fields;
        for field in [operation.as_slice(), nonce.as_bytes()].into_iter().chain(arguments.iter().map(Vec::as_slice)) {
            request.extend_from_slice(field);
            request.push(0);
        }
        self.streams.input.write_all(&request).await?;
        self.streams.input.write_all(body).await?;
        self.streams.input.flush().await?;
        let end = self.read_until(nonce.as_bytes(), 0).await?;
        let start = end + nonce.len();
        let stop = self.read_until(b"\0", start).await?;
        let status = String::from_utf8_lossy(&self.pending[start..stop]).into_owned();
        let rest = self.pending.split_off(stop + 1);
        let mut data = std::mem::replace(&mut self.pending, rest);
        data.truncate(end);
        Ok(Answer { data, status })
    }

    /// Returns where `needle` is in what has come, at `from` or later.
    async fn read_until(&mut self, needle: &[u8], mut from: usize) -> io::Result<usize> {
        loop {
            if let Some(place) = memmem::find(&self.pending[from..], needle) {
                return Ok(from + place);
            }
            from = from.max((self.pending.len() + 1).saturating_sub(needle.len()));
            match self.streams.output.next().await {
                Some(bytes) => self.pending.extend_from_slice(&bytes?),
                None => return Err(broken()),
            }
        }
    }
}
