//! The actions that find code by one criterion.

use std::sync::Arc;

use schemars::JsonSchema;
use search::SearchRequest;
use serde::Deserialize;
use tool_core::{Observation, Sandbox, Texts, Tool, ToolError};

use crate::episode_state::EpisodeState;

/// Finds classes by their name.
pub(crate) struct FindClass(pub(crate) Arc<EpisodeState>);

/// Finds functions by their name.
pub(crate) struct FindFunction(pub(crate) Arc<EpisodeState>);

/// Finds code as it is in a file.
pub(crate) struct FindCodeSnippet(pub(crate) Arc<EpisodeState>);

/// Arguments of `find_class`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct FindClassArgs {
    /// The exact name of the class.
    class_name: String,
    /// A file pattern, such as `**/forms/*.py`.
    file_pattern: Option<String>,
}

/// Arguments of `find_function`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct FindFunctionArgs {
    /// The exact name of the function.
    function_name: String,
    /// The class that it is a method of.
    class_name: Option<String>,
    /// A file pattern, such as `**/forms/*.py`.
    file_pattern: Option<String>,
}

/// Arguments of `find_code_snippet`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct FindCodeSnippetArgs {
    /// The code, exactly as it is in the file but for white space.
    code_snippet: String,
    /// A file pattern, such as `**/forms/*.py`.
    file_pattern: Option<String>,
}

impl Tool for FindClass {
    const NAME: &'static str = "find_class";
    type Args = FindClassArgs;

    async fn call(
        &self,
        args: FindClassArgs,
        sandbox: &dyn Sandbox,
        texts: &dyn Texts,
    ) -> Result<Observation, ToolError> {
        let class_names = vec![args.class_name];
        let request = SearchRequest { class_names, ..SearchRequest::default() };
        find(&self.0, request, args.file_pattern, sandbox, texts).await
    }
}

impl Tool for FindFunction {
    const NAME: &'static str = "find_function";
    type Args = FindFunctionArgs;

    async fn call(
        &self,
        args: FindFunctionArgs,
        sandbox: &dyn Sandbox,
        texts: &dyn Texts,
    ) -> Result<Observation, ToolError> {
        let class_names = args.class_name.into_iter().filter(|name| !name.trim().is_empty()).collect();
        let request =
            SearchRequest { class_names, function_names: vec![args.function_name], ..SearchRequest::default() };
        find(&self.0, request, args.file_pattern, sandbox, texts).await
    }
}

impl Tool for FindCodeSnippet {
    const NAME: &'static str = "find_code_snippet";
    type Args = FindCodeSnippetArgs;

    async fn call(
        &self,
        args: FindCodeSnippetArgs,
        sandbox: &dyn Sandbox,
        texts: &dyn Texts,
    ) -> Result<Observation, ToolError> {
        let request = SearchRequest { code_snippet: args.code_snippet, ..SearchRequest::default() };
        find(&self.0, request, args.file_pattern, sandbox, texts).await
    }
}

async fn find(
    shared: &EpisodeState,
    request: SearchRequest,
    file_pattern: Option<String>,
    sandbox: &dyn Sandbox,
    texts: &dyn Texts,
) -> Result<Observation, ToolError> {
    let tests = shared.config.search_tests;
    let request = SearchRequest { file_pattern: file_pattern.unwrap_or_default(), include_tests: tests, ..request };
    let (index, found) = shared.checkout.search(sandbox, &request, texts).await?;
    let settings = shared.checkout.config();
    let shown = index.render(&found, settings.max_tokens, settings.max_lines, texts)?;
    Ok(Observation::text(shown + &index.remark(&request, &found, texts)?))
}
