//! A number of bytes.

use std::fmt;
use std::str::FromStr;

use parse_size::{Config, Error};
use serde::{Deserialize, Deserializer, Serialize};

/// A number of bytes, written as a number or as text with a unit: `512m`, `4g`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct Size(pub u64);

impl FromStr for Size {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let config = Config::new().with_binary();
        let reason = match config.parse_size(text.trim()) {
            Ok(bytes) if i64::try_from(bytes).is_ok() => return Ok(Self(bytes)),
            Ok(_) | Err(Error::PosOverflow) => "is out of range",
            Err(_) => "is not a size",
        };
        Err(format!("`{text}` {reason}\nhint: write it like `512m` or `4g`"))
    }
}

impl fmt::Display for Size {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (unit, shift) = [("g", 30), ("m", 20), ("k", 10)]
            .into_iter()
            .find(|(_, shift)| self.0 != 0 && self.0.is_multiple_of(1 << shift))
            .unwrap_or(("", 0));
        write!(formatter, "{}{unit}", self.0 >> shift)
    }
}

impl<'de> Deserialize<'de> for Size {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Raw {
            Bytes(u64),
            Text(String),
        }
        match Raw::deserialize(deserializer)? {
            Raw::Bytes(bytes) => Ok(Self(bytes)),
            Raw::Text(text) => text.parse().map_err(serde::de::Error::custom),
        }
    }
}

impl schemars::JsonSchema for Size {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Size".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_units() {
        let cases = [
            ("4g", 4 << 30),
            ("512M", 512 << 20),
            ("1.5k", 1536),
            ("10", 10),
            ("2GiB", 2 << 30),
            ("3 mb", 3 << 20),
            (" 1t ", 1 << 40),
            ("0", 0),
        ];
        for (text, bytes) in cases {
            assert_eq!(text.parse(), Ok(Size(bytes)), "{text}");
        }
        for text in ["", "g", "4x", "-1", "1e30g", "9e18g", "10e18", "inf", "nan"] {
            assert!(text.parse::<Size>().is_err(), "{text}");
        }
        assert_eq!(Size(4 << 30).to_string(), "4g");
        assert_eq!(Size(1000).to_string(), "1000");
    }
}
