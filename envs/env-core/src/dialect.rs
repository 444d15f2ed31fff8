//! The official harness whose verdicts are reproduced.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The official harness whose verdicts are reproduced; they differ in how a patch is applied, a log is read and a
/// skipped test is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum Dialect {
    /// SWE-Gym's fork of SWE-bench 2: the whole log is read, a skipped test drops out of the count.
    #[serde(rename = "swe-gym")]
    SweGym,
    /// SWE-bench 4: only what the eval script printed between its markers is read.
    #[serde(rename = "swe-bench-4")]
    SweBench4,
    /// SWE-bench 5: as 4, and a skipped FAIL_TO_PASS test is not solved, and a log must agree with its exit code.
    #[serde(rename = "swe-bench-5")]
    SweBench5,
}

impl Dialect {
    /// Every dialect.
    pub const ALL: [Self; 3] = [Self::SweGym, Self::SweBench4, Self::SweBench5];

    /// Returns the name of the dialect, such as `swe-bench-4`.
    pub fn name(self) -> &'static str {
        match self {
            Self::SweGym => "swe-gym",
            Self::SweBench4 => "swe-bench-4",
            Self::SweBench5 => "swe-bench-5",
        }
    }
}

impl fmt::Display for Dialect {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

impl FromStr for Dialect {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let known = Self::ALL.into_iter().find(|dialect| dialect.name() == name);
        known.ok_or_else(|| format!("`{name}` is no dialect: they are {}", Self::ALL.map(Self::name).join(", ")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dialect_has_one_name() {
        for dialect in Dialect::ALL {
            assert_eq!(serde_json::to_value(dialect).ok(), Some(dialect.name().into()));
            assert_eq!(dialect.name().parse(), Ok(dialect));
        }
    }
}
