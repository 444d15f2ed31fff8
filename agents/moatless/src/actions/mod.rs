//! The second flow: one conversation with every action on offer.

mod change;
mod find;
mod tests;

use std::sync::Arc;

use search::{SearchCode, ViewCode};
use tool_core::{Finish, Toolbox};

use crate::desk::Desk;

/// Returns the tools.
pub(crate) fn tools(desk: &Arc<Desk>) -> Toolbox {
    let tools = Toolbox::default()
        .with(find::FindClass(desk.clone()))
        .with(find::FindFunction(desk.clone()))
        .with(find::FindCodeSnippet(desk.clone()))
        .with(SearchCode(desk.checkout.clone()))
        .with(ViewCode(desk.checkout.clone()))
        .with(change::StringReplace(desk.clone()))
        .with(change::CreateFile(desk.clone()));
    let tools = if desk.config.runs_tests() { tools.with(tests::RunTests(desk.clone())) } else { tools };
    tools.with(Finish)
}
