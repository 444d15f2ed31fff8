//! The official `report.json`: one object, keyed by the instance id.

use std::collections::BTreeMap;

use env_core::Report;
use serde::Serialize;
use serde_json::ser::{PrettyFormatter, Serializer};

/// Returns the contents of a `report.json` for a verdict, indented as the official harness does.
pub fn write_report(report: &Report, instance_id: &str) -> String {
    let mut bytes = Vec::new();
    let mut serializer = Serializer::with_formatter(&mut bytes, PrettyFormatter::with_indent(b"    "));
    let file = BTreeMap::from([(instance_id, report)]);
    // Names, booleans and lists of names always serialise, and to UTF-8.
    let _ = file.serialize(&mut serializer);
    String::from_utf8(bytes).unwrap_or_default()
}

/// Returns the verdict on an instance, its id in any case, from the contents of a `report.json`.
///
/// # Errors
/// A text that says why there is none.
pub fn read_report(contents: &str, instance_id: &str) -> Result<Report, String> {
    let reports: BTreeMap<String, Report> = serde_json::from_str(contents).map_err(|err| err.to_string())?;
    let mut reports = reports.into_iter();
    let found = reports.find(|(id, _)| id.eq_ignore_ascii_case(instance_id));
    found.map(|(_, report)| report).ok_or_else(|| format!("it holds no report on `{instance_id}`"))
}
