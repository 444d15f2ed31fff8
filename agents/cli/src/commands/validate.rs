//! `validate`: works out what the test lists of instances should be.

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context;
use clap::Args;
use env_core::{Environment, find_instance};
use journal::{CellDir, read_text, write_stream};
use runner::Plugs;
use runner::Resolved;
use runner::environments::{Providers, open};
use runner::run_folder::{FRESH, OtherSettings, open_cell, open_journal};
use runner::stages::{Difference, VALIDATION, Validated, Validation};
use serde_json::{Value, json};

use super::engine::engine;

use crate::console::say;
use crate::failed::Failed;
use crate::interrupt::AtInterrupt;
use crate::listener::counted;
use crate::output::{print, show};
use crate::settings::{Settings, seconds, workers};

#[derive(Debug, Args)]
pub(crate) struct Validate {
    /// Only these instances.
    pub(crate) instances: Vec<String>,
    /// How often each patch is run; tests that differ between runs are flaky.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1000), allow_negative_numbers = true)]
    pub(crate) repeat: u32,
    /// How many instances are validated at once.
    #[arg(short, long, default_value_t = 1, value_parser = workers, allow_negative_numbers = true)]
    pub(crate) workers: usize,
    /// Seconds that the tests of an instance may take. Short for `-c env.eval_timeout=…`.
    #[arg(long, value_name = "SECONDS", value_parser = seconds, allow_negative_numbers = true)]
    pub(crate) timeout: Option<u64>,
    /// Exits with code 1 if a list differs from the row's.
    #[arg(long)]
    pub(crate) check: bool,
    #[command(flatten)]
    pub(crate) settings: Settings,
}

pub(crate) async fn run(
    plugs: &Plugs,
    args: Validate,
    providers: &Providers,
    at_interrupt: &AtInterrupt,
) -> Result<ExitCode, Failed> {
    let mut settings = args.settings.layered();
    settings.layers.extend(args.timeout.map(|seconds| format!("env.eval_timeout={seconds}")));
    let resolved = Resolved::load(plugs, &settings, &args.instances).map_err(Failed::Usage)?;
    let environment = open(&resolved, providers).await.map_err(Failed::Usage)?;
    let instances = match args.instances.as_slice() {
        [] => environment.instances().to_vec(),
        ids => {
            let found = ids.iter().map(|id| find_instance(environment.instances(), id).cloned());
            found.collect::<Result<Vec<_>, _>>().map_err(|err| Failed::Usage(err.into()))?
        }
    };
    let run_name = resolved.config.run.clone().unwrap_or_else(|| format!("validate-{}", resolved.fingerprint()));
    let journal = open_journal(&resolved, &run_name)?;
    let cell_dir = open_cell(&resolved, &journal, "validate", OtherSettings::Refuse(FRESH))?;
    let (folder, of_lines) = (cell_dir.clone(), environment.clone());
    at_interrupt.set(move || {
        if let Err(err) = write_lines(&folder, of_lines.as_ref()) {
            say(&format!("no list could be written: {err:#}"));
        }
    });
    let engine = engine(&resolved, providers, counted(), args.workers);
    let repeat = usize::try_from(args.repeat).unwrap_or(usize::MAX);
    let (config, runs) = (resolved.config.evaluation.clone(), resolved.config.runs.clone());
    let validation = Arc::new(Validation { environment, cell_dir, config, runs, repeat });
    let validated = engine.run(&validation, instances, |_| Ok(())).await?;
    write_lines(&validation.cell_dir, validation.environment.as_ref())?;
    at_interrupt.set(|| {});
    let whole: Vec<&Validated> =
        validated.iter().filter_map(|(_, validated)| validated.as_ref().ok()).map(|(one, _)| one).collect();
    print(&whole.iter().map(|one| format!("{}\n", row(one))).collect::<String>())?;
    say(&format!("{}\nsee {}", describe(&whole, validated.len()), show(validation.cell_dir.path())));
    let differs = args.check && whole.iter().any(|one| one.differs());
    Ok(if differs || whole.len() < validated.len() { ExitCode::from(1) } else { ExitCode::SUCCESS })
}

/// Writes `validation.jsonl`: a line for every instance that the folder holds a validation of.
fn write_lines(cell_dir: &CellDir, environment: &dyn Environment) -> anyhow::Result<()> {
    let _lease = cell_dir.lock()?;
    let mut lines = Vec::new();
    for instance in environment.instances() {
        let path = cell_dir.instance_path(&instance.instance_id).join(VALIDATION);
        if let Some(text) = read_text(&path)? {
            let value: Value =
                serde_json::from_str(&text).with_context(|| format!("`{}` is damaged", path.display()))?;
            lines.push(value);
        }
    }
    write_stream(&cell_dir.path().join("validation.jsonl"), |file| {
        use std::io::Write;
        lines.iter().try_for_each(|line| writeln!(file, "{line}"))
    })
}

/// Returns the counts of one instance.
fn row(one: &Validated) -> Value {
    let against =
        |difference: &Difference| json!({ "missing": difference.missing.len(), "extra": difference.extra.len() });
    let differences = one.differences.as_ref().map(
        |both| json!({ "FAIL_TO_PASS": against(&both.fail_to_pass), "PASS_TO_PASS": against(&both.pass_to_pass) }),
    );
    json!({
        "instance_id": one.instance_id,
        "FAIL_TO_PASS": one.fail_to_pass.len(),
        "PASS_TO_PASS": one.pass_to_pass.len(),
        "flaky": one.flaky.len(),
        "differences": differences,
        "problems": one.problems,
    })
}

/// Returns in words what all showed.
fn describe(whole: &[&Validated], total: usize) -> String {
    let count = |wanted: fn(&Validated) -> bool| whole.iter().filter(|one| wanted(one)).count();
    let turned = count(|one| one.differences.as_ref().is_some_and(|both| !both.fail_to_pass.any()));
    let kept = count(|one| one.differences.as_ref().is_some_and(|both| !both.pass_to_pass.any()));
    let listed = count(|one| one.differences.is_some());
    let flaky = count(|one| !one.flaky.is_empty());
    let useless = count(|one| one.fail_to_pass.is_empty());
    let mut text = format!(
        "{} of {total} instances validated: FAIL_TO_PASS as in the row for {turned} of {listed}, PASS_TO_PASS for {kept}; \
         {flaky} with flaky tests, {useless} without any FAIL_TO_PASS",
        whole.len()
    );
    if whole.len() < total {
        text += &format!(
            "; infrastructure failed for {}\nhint: run the same command again to continue",
            total - whole.len()
        );
    }
    text
}
