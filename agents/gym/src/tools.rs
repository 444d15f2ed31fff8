//! The tools that clients may call.

use std::collections::BTreeSet;

use agent_core::ToolSpec;
use serde_json::{Value, json};

/// The tools that clients may call.
#[derive(Debug)]
pub(crate) struct Tools {
    /// In the order of the agent.
    specs: Vec<ToolSpec>,
    names: BTreeSet<String>,
}

impl Tools {
    pub(crate) fn new(specs: Vec<ToolSpec>) -> Self {
        let names = specs.iter().map(|tool| tool.name.clone()).collect();
        Self { specs, names }
    }

    /// Returns whether there is one of a name.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.names.contains(name)
    }

    /// Returns the names, in order.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.specs.iter().map(|tool| tool.name.as_str())
    }

    /// Returns them as protocols list them, each of which has a name of its own for the schema.
    pub(crate) fn listed(&self, schema: &str) -> Value {
        let tool =
            |tool: &ToolSpec| json!({ "name": tool.name, "description": tool.description, schema: tool.parameters });
        self.specs.iter().map(tool).collect()
    }
}
