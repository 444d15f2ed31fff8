//! The action that runs tests.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::Deserialize;
use tool_core::{Observation, Sandbox, Texts, Tool, ToolError};

use crate::episode_state::EpisodeState;
use crate::run_tests::run_tests;

/// Runs tests of the repository.
pub(crate) struct RunTests(pub(crate) Arc<EpisodeState>);

/// Arguments of `run_tests`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RunTestsArgs {
    /// The test files, by their paths; `path::Class::test` picks one test.
    test_files: Vec<String>,
}

impl Tool for RunTests {
    const NAME: &'static str = "run_tests";
    type Args = RunTestsArgs;

    async fn call(
        &self,
        args: RunTestsArgs,
        sandbox: &dyn Sandbox,
        texts: &dyn Texts,
    ) -> Result<Observation, ToolError> {
        Ok(Observation::text(run_tests(&args.test_files, &self.0.config.tests, sandbox, texts).await?))
    }
}
