//! What a sweep would run.

use std::process::ExitCode;

use runner::environments::Providers;
use sweep::plan::Plan;

use crate::console::say;
use crate::failed::Failed;
use crate::output::print;

/// Prints the cells of a plan with their episodes and what they will probably cost; or tells it, and prints what would be
/// submitted, so that it can be handed on to whatever reads it.
pub(super) async fn run(plan: &Plan, providers: &Providers, text: Option<String>) -> Result<ExitCode, Failed> {
    let expected = sweep::run::expect(plan, providers).await.map_err(Failed::Usage)?;
    match text {
        Some(text) => {
            say(expected.to_string().trim_end());
            print(&text)?;
        }
        None => print(&expected.to_string())?,
    }
    Ok(ExitCode::SUCCESS)
}
