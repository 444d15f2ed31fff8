//! A page taken apart, as the browser does.

use std::path::Path;

use serde_json::Value;

/// A page.
pub(crate) struct Opened {
    pub(crate) bytes: Vec<u8>,
    pub(crate) index: Value,
}

impl Opened {
    pub(crate) fn new(path: &Path) -> Self {
        let bytes = std::fs::read(path).unwrap();
        let mut opened = Self { bytes, index: Value::Null };
        opened.index = serde_json::from_slice(&decompressed(&opened.element("index"))).unwrap();
        opened
    }

    /// Returns the bytes that an element holds.
    pub(crate) fn element(&self, id: &str) -> Vec<u8> {
        let head = format!("<script type=\"application/octet-stream\" id=\"{id}\">");
        let from = find(&self.bytes, head.as_bytes()).unwrap() + head.len();
        let to = from + find(&self.bytes[from..], b"</script>").unwrap();
        unpacked(&self.bytes[from..to])
    }

    /// Returns a file of the row of this number.
    pub(crate) fn file(&self, row: usize, name: &str) -> String {
        let place = &self.index["rows"][row]["files"][name];
        self.at(place)
    }

    /// Returns the record of a row as it was written.
    pub(crate) fn record(&self, row: usize) -> String {
        let mut calls = std::collections::HashMap::new();
        let text = self.file(row, "trajectory.jsonl");
        let lines = text.lines().map(|line| {
            let mut record: Value = serde_json::from_str(line).unwrap();
            if let Some(made) = record.pointer_mut("/completion/message/tool_calls").and_then(Value::as_array_mut) {
                for call in made {
                    if !call["arguments"].is_string() {
                        call["arguments"] = call["arguments"].to_string().into();
                    }
                    calls.insert(call["id"].as_str().unwrap().to_owned(), call.clone());
                }
            }
            if let Some(id) = record["call"].as_str().map(str::to_owned) {
                record["call"] = calls[&id].clone();
            }
            record.to_string() + "\n"
        });
        lines.collect()
    }

    pub(crate) fn at(&self, place: &Value) -> String {
        let [block, from, to] = [0, 1, 2].map(|part| place[part].as_u64().unwrap() as usize);
        let block = decompressed(&self.element(&format!("b{block}")));
        String::from_utf8(block[from..to].to_vec()).unwrap()
    }

    /// Returns the page without what is packed in it.
    pub(crate) fn plain(&self) -> String {
        let mut plain = Vec::new();
        let mut rest = self.bytes.as_slice();
        while let Some(at) = find(rest, b"<script type=\"application/octet-stream\"") {
            plain.extend_from_slice(&rest[..at]);
            rest = &rest[at..];
            rest = &rest[find(rest, b"</script>").unwrap()..];
        }
        plain.extend_from_slice(rest);
        String::from_utf8(plain).unwrap()
    }
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}

fn unpacked(bytes: &[u8]) -> Vec<u8> {
    let (mut unpacked, mut bytes) = (Vec::new(), bytes.iter());
    while let Some(&byte) = bytes.next() {
        unpacked.push(match byte {
            b'=' => match bytes.next().unwrap() {
                b'0' => 0,
                b'r' => b'\r',
                b'l' => b'<',
                b'e' => b'=',
                other => panic!("an unknown mark {other}"),
            },
            byte => byte,
        });
    }
    unpacked
}

fn decompressed(bytes: &[u8]) -> Vec<u8> {
    zstd::decode_all(bytes).unwrap()
}
