//! `status`: how far a run has got.

use std::io::IsTerminal;
use std::process::ExitCode;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use clap::Args;
use sweep::status::{Live, Status};

use super::named_run::Runs;
use crate::failed::Failed;
use crate::output::{print, print_json};
use crate::settings::seconds;

/// Moves to the upper left of a terminal; what is below is drawn over.
const HOME: &str = "\x1b[H";
/// Removes what is left of a line, and of the terminal.
const REST_OF_LINE: &str = "\x1b[K";
const REST: &str = "\x1b[J";

#[derive(Debug, Args)]
pub(crate) struct StatusCommand {
    /// The run: its name, or the path of its folder.
    #[arg(value_name = "RUN")]
    name: String,
    /// Refreshes every this many seconds, until all is done.
    #[arg(long, value_name = "SECONDS", num_args = 0..=1, default_missing_value = "2", value_parser = seconds)]
    watch: Option<u64>,
    /// Prints all figures as a JSON object; with `--watch`, one a line.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    runs: Runs,
}

pub(crate) async fn run(args: &StatusCommand) -> Result<ExitCode, Failed> {
    let run = args.runs.open(&args.name).map_err(Failed::Usage)?;
    let mut live = Live::default();
    loop {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64();
        let status = Status::read(&run, &args.name, &mut live, now);
        let Some(pause) = args.watch else {
            match args.json {
                true => print_json(&status)?,
                false => print(&status.text())?,
            }
            return Ok(ExitCode::SUCCESS);
        };
        if args.json {
            print(&(serde_json::to_string(&status).map_err(anyhow::Error::from)? + "\n"))?;
        } else {
            print(&drawn(&status.text()))?;
        }
        if status.is_done() {
            return Ok(ExitCode::SUCCESS);
        }
        tokio::time::sleep(Duration::from_secs(pause)).await;
        run.refresh()?;
    }
}

/// Returns lines as they are drawn over the ones before: on a terminal in their place, else below them.
fn drawn(text: &str) -> String {
    if !std::io::stdout().is_terminal() {
        return format!("{text}\n");
    }
    let lines = text.lines().map(|line| format!("{line}{REST_OF_LINE}\n"));
    format!("{HOME}{}{REST}", lines.collect::<String>())
}
