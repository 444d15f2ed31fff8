//! What a sweep would run.

use std::process::ExitCode;

use runner::environments::Providers;
use sweep::plan::Plan;

use crate::failed::Failed;
use crate::output::print;

/// Prints the cells of a plan with their episodes and what they will probably cost, and the script that would be
/// submitted.
pub(super) async fn run(plan: &Plan, providers: &Providers, script: Option<String>) -> Result<ExitCode, Failed> {
    let expected = sweep::run::expect(plan, providers).await.map_err(Failed::Usage)?;
    print(&expected.to_string())?;
    if let Some(script) = script {
        print(&format!("\n{script}"))?;
    }
    Ok(ExitCode::SUCCESS)
}
