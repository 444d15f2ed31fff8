//! An object as it was read.

use serde_json::{Map, Value};

/// What is read of a file: an object, or what is wrong at its place.
pub type Record = Result<Map<String, Value>, String>;
