//! The `search_code` tool.

use std::sync::Arc;

use tool_core::{Observation, Sandbox, Texts, Tool, ToolError};

use crate::rank::request::SearchRequest;
use crate::tools::checkout::Checkout;

/// Finds code by words, names, snippets and file patterns.
pub struct SearchCode(pub Arc<Checkout>);

impl Tool for SearchCode {
    const NAME: &'static str = "search_code";
    type Args = SearchRequest;

    async fn call(
        &self,
        args: SearchRequest,
        sandbox: &dyn Sandbox,
        texts: &dyn Texts,
    ) -> Result<Observation, ToolError> {
        let (index, found) = self.0.search(sandbox, &args, texts).await?;
        let config = self.0.config();
        let shown = index.render(&found, config.max_tokens, config.max_lines, texts)?;
        Ok(Observation::text(shown + &index.remark(&args, &found, texts)?))
    }
}
