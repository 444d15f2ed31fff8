//! What the engine works on.

use std::fmt;

use serde::Serialize;

/// One piece of work: a stage of one sample of one instance in one cell of a run.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub struct WorkItem {
    /// The cell, such as `codeact`.
    pub cell: String,
    /// The instance.
    pub instance_id: String,
    /// Which of the episodes of one agent on one instance, from 0.
    pub sample: u32,
    /// What is done.
    pub stage: Stage,
}

/// What is done with an instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// An agent solves it, and its patch is judged.
    Solve,
    /// A patch that is there is judged.
    Judge,
    /// Its tests are run with the gold patch and without any.
    Validate,
    /// Tests are run on patches, to score them.
    Test,
    /// Its image is built or pulled.
    Image,
}

/// A phase of the work on an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// A sandbox is prepared.
    Sandbox,
    /// The agent is at work.
    Episode,
    /// A patch is judged.
    Judging,
}

impl WorkItem {
    /// Returns the id of the item in log lines and traces: `cell/instance/sample`.
    pub fn id(&self) -> String {
        format!("{}/{}/{}", self.cell, self.instance_id, self.sample)
    }
}

impl fmt::Display for WorkItem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { cell, instance_id, sample, stage } = self;
        write!(formatter, "{cell}/{instance_id}")?;
        if *sample > 0 {
            write!(formatter, "/{sample}")?;
        }
        write!(formatter, " ({})", format!("{stage:?}").to_lowercase())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_item_is_named_by_all_that_tells_it_from_others() {
        let item = |sample| WorkItem {
            cell: "codeact+temperature=0.5".to_owned(),
            instance_id: "a__b-1".to_owned(),
            sample,
            stage: Stage::Solve,
        };
        assert_eq!(
            [item(0).id(), item(3).id()],
            ["codeact+temperature=0.5/a__b-1/0", "codeact+temperature=0.5/a__b-1/3"]
        );
        // People are shown the number of a sample where there are several.
        assert_eq!(item(0).to_string(), "codeact+temperature=0.5/a__b-1 (solve)");
        assert_eq!(item(3).to_string(), "codeact+temperature=0.5/a__b-1/3 (solve)");
    }
}
