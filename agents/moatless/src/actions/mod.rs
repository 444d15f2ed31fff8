//! The second flow: one conversation with every action on offer.

mod change;
mod find;
mod tests;

use std::sync::Arc;

use search::{SearchCode, ViewCode};
use tool_core::{Finish, Toolbox};

use crate::episode_state::EpisodeState;

/// Returns the tools.
pub(crate) fn tools(shared: &Arc<EpisodeState>) -> Toolbox {
    let tools = Toolbox::default()
        .with(find::FindClass(shared.clone()))
        .with(find::FindFunction(shared.clone()))
        .with(find::FindCodeSnippet(shared.clone()))
        .with(SearchCode(shared.checkout.clone()))
        .with(ViewCode(shared.checkout.clone()))
        .with(change::StringReplace(shared.clone()))
        .with(change::CreateFile(shared.clone()));
    let tools = if shared.config.runs_tests() { tools.with(tests::RunTests(shared.clone())) } else { tools };
    tools.with(Finish)
}
