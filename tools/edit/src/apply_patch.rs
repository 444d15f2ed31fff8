//! The `apply_patch` tool.

use crate::PatchConfig;
use schemars::JsonSchema;
use serde::Deserialize;
use tool_core::{Observation, Sandbox, Tool, ToolError};

/// Applies a unified diff, all of it or nothing.
#[derive(Debug, Clone, Default)]
pub struct ApplyPatch {
    _config: PatchConfig,
}

impl ApplyPatch {
    /// Returns the tool.
    pub fn new(config: PatchConfig) -> Self {
        Self { _config: config }
    }
}

/// Arguments of `apply_patch`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ApplyPatchArgs {
    /// The patch as a unified diff, as `git diff` prints it. It may change several files.
    #[serde(rename = "patch")]
    _patch: String,
}

impl Tool for ApplyPatch {
    const NAME: &'static str = "apply_patch";
    type Args = ApplyPatchArgs;

    async fn call(&self, _: ApplyPatchArgs, _: &dyn Sandbox) -> Result<Observation, ToolError> {
        Err(ToolError::Rejected("apply_patch is not there yet".to_owned()))
    }
}
