//! The two tools that touch nothing.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::{Observation, Sandbox, Texts, Tool, ToolError};

/// Ends the episode; the agent turns this call into a submission.
#[derive(Debug, Clone, Copy, Default)]
pub struct Finish;

/// `finish` takes no arguments.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct FinishArgs {}

impl Tool for Finish {
    const NAME: &'static str = "finish";
    type Args = FinishArgs;

    async fn call(&self, _: FinishArgs, _: &dyn Sandbox, _: &dyn Texts) -> Result<Observation, ToolError> {
        Ok(Observation::default())
    }
}

/// Lets a model write a thought down without doing anything.
#[derive(Debug, Clone, Copy, Default)]
pub struct Think;

/// Arguments of `think`.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct ThinkArgs {
    /// The thought to write down.
    #[serde(rename = "thought")]
    _thought: String,
}

impl Tool for Think {
    const NAME: &'static str = "think";
    type Args = ThinkArgs;

    async fn call(&self, _: ThinkArgs, _: &dyn Sandbox, texts: &dyn Texts) -> Result<Observation, ToolError> {
        Ok(Observation::text(texts.plain("think/noted")))
    }
}
