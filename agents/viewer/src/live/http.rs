//! As much of HTTP as one page on loopback needs: a request that only asks, and one answer to it.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// The most bytes of a request.
const MOST: usize = 32 << 10;
/// How long a request may take to come.
const PATIENCE: Duration = Duration::from_secs(10);

/// A request.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Request {
    pub(super) method: String,
    /// The path, with `/` before it.
    pub(super) path: String,
    /// The fields of the query, decoded.
    pub(super) query: BTreeMap<String, String>,
    /// The headers, their names in small letters.
    pub(super) headers: BTreeMap<String, String>,
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Response {
    pub(super) status: &'static str,
    pub(super) kind: &'static str,
    pub(super) body: Vec<u8>,
}

impl Response {
    pub(super) fn new(status: &'static str, kind: &'static str, body: impl Into<Vec<u8>>) -> Self {
        Self { status, kind, body: body.into() }
    }

    pub(super) fn json(body: impl Into<Vec<u8>>) -> Self {
        Self::new("200 OK", "application/json", body)
    }

    pub(super) fn text(status: &'static str, body: impl Into<Vec<u8>>) -> Self {
        Self::new(status, "text/plain; charset=utf-8", body)
    }
}

impl Request {
    pub(super) fn field(&self, name: &str) -> &str {
        self.query.get(name).map(String::as_str).unwrap_or_default()
    }

    /// Parses the head of a request; `None` where it is none.
    pub(super) fn parse(head: &str) -> Option<Self> {
        let mut lines = head.split("\r\n");
        let mut first = lines.next()?.split(' ');
        let (method, target) = (first.next()?, first.next()?);
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let pair = |pair: &str| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decoded(name), decoded(value))
        };
        let header =
            |line: &str| line.split_once(':').map(|(name, value)| (name.to_lowercase(), value.trim().to_owned()));
        Some(Self {
            method: method.to_owned(),
            path: decoded(path),
            query: query.split('&').filter(|part| !part.is_empty()).map(pair).collect(),
            headers: lines.filter_map(header).collect(),
        })
    }
}

/// Returns a part of an address without its `%41` and `+`.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, more @ ..] = rest {
        let hex = |digits: &[u8]| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok();
        let byte = more.get(..2).filter(|_| *first == b'%').and_then(hex);
        bytes.push(byte.unwrap_or(if *first == b'+' { b' ' } else { *first }));
        rest = if byte.is_some() { &more[2..] } else { more };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Reads a request; `None` where none comes that can be read.
pub(super) async fn read(stream: &mut TcpStream) -> Option<Request> {
    let mut head = Vec::new();
    let reading = async {
        while !head.windows(4).any(|four| four == b"\r\n\r\n") {
            let mut part = [0; 4096];
            let count = stream.read(&mut part).await.ok()?;
            if count == 0 || head.len() + count > MOST {
                return None;
            }
            head.extend_from_slice(part.get(..count)?);
        }
        Request::parse(&String::from_utf8_lossy(&head))
    };
    tokio::time::timeout(PATIENCE, reading).await.ok()?
}

/// Writes an answer, after which the connection ends.
pub(super) async fn write(stream: &mut TcpStream, Response { status, kind, body }: Response) -> std::io::Result<()> {
    let head = format!(
        "HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {}\r\ncache-control: no-store\r\n\
         x-content-type-options: nosniff\r\ncross-origin-resource-policy: same-origin\r\nx-frame-options: DENY\r\n\
         referrer-policy: no-referrer\r\nconnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(&body).await?;
    stream.shutdown().await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_taken_apart() {
        let request = Request::parse("GET /file?id=a%2Fb+c&x HTTP/1.1\r\nHost: Localhost:1\r\n\r\n").unwrap();
        assert_eq!((request.path.as_str(), request.field("id"), request.field("x")), ("/file", "a/b c", ""));
        assert_eq!(request.headers["host"], "Localhost:1");
        assert_eq!(decoded("%zz%4"), "%zz%4");
        assert!(Request::parse("").is_none());
    }
}
