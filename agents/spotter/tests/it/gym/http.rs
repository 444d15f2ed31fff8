//! A client of HTTP that sends what it is told to, whether it is right or not.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::Value;

/// What a server answered.
#[derive(Debug, Clone)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) head: String,
    pub(super) body: String,
}

impl Reply {
    pub(super) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|err| panic!("{err}: {}", self.body))
    }

    /// Returns the data of the events of a stream, put together, with the id of its task.
    pub(super) fn events(&self) -> (String, Value) {
        let (mut task, mut whole, mut event) = (String::new(), String::new(), "");
        for line in self.body.lines() {
            // As the official client does, which takes all white space behind the colon away.
            match line.split_once(':').map(|(field, value)| (field, value.trim_start())) {
                Some(("event", name)) => event = name,
                Some(("data", data)) if event == "task_id" => task = data.to_owned(),
                Some(("data", data)) if event == "chunk" || event == "end" => {
                    assert!(data.len() <= 4096, "an event of {} bytes", data.len());
                    whole += data;
                }
                Some(("data", data)) if event == "error" => panic!("an error: {data}"),
                _ => {}
            }
        }
        assert_eq!(event, "end", "{}", self.body);
        (task, serde_json::from_str(&whole).unwrap_or(Value::Null))
    }
}

/// Sends a request and returns the answer.
pub(super) fn send(address: SocketAddr, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Reply {
    let mut stream = open(address, method, path, headers, body.len());
    stream.write_all(body.as_bytes()).unwrap();
    receive(&mut stream)
}

/// Opens a connection and sends the head of a request.
pub(super) fn open(
    address: SocketAddr,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    length: usize,
) -> TcpStream {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(120))).unwrap();
    let has_host = headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("host"));
    let host = if has_host { String::new() } else { format!("Host: {address}\r\n") };
    let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let head = format!(
        "{method} {path} HTTP/1.1\r\n{host}{headers}Connection: close\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).unwrap();
    stream
}

/// Reads an answer to its end.
pub(super) fn receive(stream: &mut TcpStream) -> Reply {
    let mut bytes = Vec::new();
    // A server that closes while it is sent more resets the connection, with the answer before that.
    let _ = stream.read_to_end(&mut bytes);
    let at = bytes.windows(4).position(|four| four == b"\r\n\r\n").unwrap_or_else(|| panic!("no answer"));
    let head = String::from_utf8_lossy(&bytes[..at]).to_ascii_lowercase();
    let rest = &bytes[at + 4..];
    let body = if head.contains("transfer-encoding: chunked") { dechunked(rest) } else { rest.to_vec() };
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Reply { status, head, body: String::from_utf8_lossy(&body).into_owned() }
}

fn dechunked(mut rest: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    while let Some(at) = rest.windows(2).position(|two| two == b"\r\n") {
        let size = usize::from_str_radix(std::str::from_utf8(&rest[..at]).unwrap(), 16).unwrap();
        body.extend_from_slice(&rest[at + 2..at + 2 + size]);
        rest = &rest[at + 4 + size..];
        if size == 0 {
            break;
        }
    }
    body
}
