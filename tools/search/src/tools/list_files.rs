//! The `list_files` tool.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;
use tool_core::{Observation, Sandbox, Texts, Tool, ToolError};

use crate::rank::search::Pattern;
use crate::tools::checkout::{Checkout, every_file};
use crate::tools::show::Budget;

/// Lists the files of the repository.
pub struct ListFiles(pub Arc<Checkout>);

/// Arguments of `list_files`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ListFilesArgs {
    /// A file pattern such as `*.py` or `src/**/forms/*.py`, or a folder; without one, all files.
    #[serde(default)]
    pattern: String,
}

impl Tool for ListFiles {
    const NAME: &'static str = "list_files";
    type Args = ListFilesArgs;

    async fn call(
        &self,
        args: ListFilesArgs,
        sandbox: &dyn Sandbox,
        texts: &dyn Texts,
    ) -> Result<Observation, ToolError> {
        let pattern = Pattern::new(&args.pattern, &sandbox.info().root)?;
        let mut paths = every_file(sandbox, texts).await?;
        paths.retain(|path| pattern.fits(path));
        if paths.is_empty() {
            let values = json!({ "pattern": args.pattern });
            return Ok(Observation::text(texts.render("search/no_file", values) + "\n"));
        }
        let mut budget = Budget::new(self.0.config().max_tokens);
        let more = |more| {
            let values = json!({ "shown": paths.len() - more, "count": paths.len() });
            texts.render("search/more_files", values) + "\n"
        };
        budget.list(paths.iter().map(|path| format!("{path}\n")), more);
        Ok(Observation::text(budget.end()))
    }
}
