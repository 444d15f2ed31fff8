//! What is left out of a patch.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Something in the working tree that is left out of the patch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeftOut {
    /// Why.
    pub why: WhyLeftOut,
    /// Its path in the repository; empty for byte code, which lies in many places.
    pub path: String,
    /// Its size in bytes; for byte code, how many files it is; 0 where that is not known.
    pub size: u64,
}

/// Why something is left out of a patch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WhyLeftOut {
    /// The patch would have more bytes than a file of the sandbox may have.
    TooLarge,
    /// It is a virtual environment of Python.
    VirtualEnvironment,
    /// It is the memory of a process that died.
    CoreDump,
    /// It is byte code of Python.
    Bytecode,
}

impl LeftOut {
    /// Reads what a script noted: kind, size and path of each, every one ended by NUL.
    pub(crate) fn parse(bytes: &[u8]) -> Vec<Self> {
        let fields: Vec<String> =
            bytes.split(|byte| *byte == 0).map(|field| String::from_utf8_lossy(field).into_owned()).collect();
        let entry = |fields: &[String]| {
            let [why, size, path] = fields else { return None };
            let why = serde_json::from_value(serde_json::Value::from(why.as_str())).ok()?;
            Some(Self { why, path: path.clone(), size: size.parse().unwrap_or_default() })
        };
        fields.chunks_exact(3).filter_map(entry).collect()
    }
}

impl fmt::Display for LeftOut {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { why, path, size } = self;
        match why {
            WhyLeftOut::TooLarge => write!(formatter, "`{path}` ({size} bytes, too large for a patch)"),
            WhyLeftOut::VirtualEnvironment => write!(formatter, "`{path}` (a virtual environment)"),
            WhyLeftOut::CoreDump => write!(formatter, "`{path}` (a core dump of {size} bytes)"),
            WhyLeftOut::Bytecode => write!(formatter, "byte code of Python ({size} files)"),
        }
    }
}
