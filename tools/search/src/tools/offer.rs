//! The tools for an agent's toolbox.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tool_core::Toolbox;

use crate::tools::checkout::Checkout;
use crate::tools::find_symbol::FindSymbol;
use crate::tools::list_files::ListFiles;
use crate::tools::search_code::SearchCode;
use crate::tools::view_code::ViewCode;

/// The tools of this crate, by the names that they have in a configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SearchTool {
    /// [`SearchCode`].
    SearchCode,
    /// [`FindSymbol`].
    FindSymbol,
    /// [`ViewCode`].
    ViewCode,
    /// [`ListFiles`].
    ListFiles,
}

/// Returns the toolbox with these tools added, all over one checkout.
#[must_use]
pub fn offer(toolbox: Toolbox, tools: &[SearchTool], checkout: &Arc<Checkout>) -> Toolbox {
    tools.iter().fold(toolbox, |toolbox, tool| match tool {
        SearchTool::SearchCode => toolbox.with(SearchCode(checkout.clone())),
        SearchTool::FindSymbol => toolbox.with(FindSymbol(checkout.clone())),
        SearchTool::ViewCode => toolbox.with(ViewCode(checkout.clone())),
        SearchTool::ListFiles => toolbox.with(ListFiles(checkout.clone())),
    })
}
