//! Sweeps: many cells, instances and samples from one YAML file, and reports on them.
//!
//! A sweep is planned from its file, worked on by the runner's engine, and recorded in the journal of its run; a report
//! reads the journal and nothing else.

pub mod engines;
pub mod file;
pub mod plan;
pub mod report;
pub mod run;
pub mod status;

/// Returns the text of a sweep file that ships with the program.
pub fn shipped(name: &str) -> Option<&'static str> {
    SHIPPED.iter().find(|(shipped, _)| *shipped == name).map(|(_, text)| *text)
}

/// The sweep files that ship with the program, by name.
pub const SHIPPED: &[(&str, &str)] = &[
    ("smoke", include_str!("../sweeps/smoke.yaml")),
    ("swe-gym-lite", include_str!("../sweeps/swe-gym-lite.yaml")),
    ("swe-bench-verified", include_str!("../sweeps/swe-bench-verified.yaml")),
    ("best-of-16", include_str!("../sweeps/best-of-16.yaml")),
    ("moatless-self-improvement", include_str!("../sweeps/moatless-self-improvement.yaml")),
];
