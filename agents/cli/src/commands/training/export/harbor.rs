//! `export harbor`: instances as task folders of Harbor.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::Args;
use dataset::select;
use env_core::{EnvError, Instance};
use harbor::{Exported, Exporter, GraderFile};
use runner::environments::{Providers, open};
use runner::stages::prompts;
use runner::{Plugs, Resolved};
use serde_json::json;

use crate::console::say;
use crate::failed::Failed;
use crate::settings::{Picked, Settings};

#[derive(Debug, Args)]
pub(crate) struct Harbor {
    /// Only these instances.
    instances: Vec<String>,
    /// The folder that is written, one folder an instance.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// The grader that each folder holds, linked statically. Default: `spotter-grader` beside this program.
    #[arg(long, value_name = "FILE")]
    grader: Option<PathBuf>,
    /// The image on which instances are built that have none of their own; it needs bash, git and Python.
    #[arg(long, value_name = "IMAGE", default_value = "python:3.12-bookworm")]
    base_image: String,
    /// Also writes the gold patch, as `solution/solve.sh`. Whoever has the folder then has the answer.
    #[arg(long)]
    solution: bool,
    #[command(flatten)]
    picked: Picked,
    #[command(flatten)]
    settings: Settings,
}

pub(crate) async fn run(plugs: &Plugs, args: Harbor, providers: &Providers) -> Result<ExitCode, Failed> {
    let resolved = Resolved::load(plugs, &args.settings.layered(), &args.instances).map_err(Failed::Usage)?;
    let exporter = exporter(&args, &resolved).map_err(Failed::Usage)?;
    let environment = open(&resolved, providers).await.map_err(Failed::Usage)?;
    let all = environment.instances();
    let places = select(all, &args.picked.of(&args.instances)).map_err(|err| Failed::Usage(err.into()))?;
    let prompts = prompts(&resolved).map_err(Failed::Usage)?;
    let (mut written, mut left_out) = (0_usize, 0_usize);
    for instance in places.into_iter().filter_map(|place| all.get(place)) {
        let verifier = match environment.verifier(instance) {
            Ok(verifier) => verifier,
            Err(err @ EnvError::Unusable { .. }) => {
                say(&format!("left out: {err}"));
                left_out += 1;
                continue;
            }
            Err(err) => return Err(Failed::Run(err.into())),
        };
        let Instance { problem_statement, .. } = instance;
        let context = json!({ "root": verifier.image.root, "problem_statement": problem_statement.trim() });
        let instruction = prompts.render("harbor/instruction.md", context).context("no instruction")?;
        let gold = environment.gold(instance);
        let task = Exported { instance, verifier: &verifier, instruction: &instruction, gold: gold.as_ref() };
        exporter.write(&task, &args.out).context("the export stops here")?;
        written += 1;
    }
    say(&format!("{written} instances written to `{}`", args.out.display()));
    if args.solution {
        say("warning: `solution` holds the gold patch of each");
    }
    Ok(if left_out == 0 { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

fn exporter(args: &Harbor, resolved: &Resolved) -> anyhow::Result<Exporter> {
    let grader = match &args.grader {
        Some(path) => path.clone(),
        None => std::env::current_exe().context("this program's place is not known")?.with_file_name("spotter-grader"),
    };
    let base_image = args.base_image.trim().to_owned();
    if base_image.is_empty() || base_image.contains(char::is_whitespace) {
        bail!("`--base-image {base_image}` is no image");
    }
    Ok(Exporter {
        grader: GraderFile::load(&grader)?,
        base_image,
        agent_timeout: resolved.config.limits.time.unwrap_or(f64::from(24 * 60 * 60)),
        memory_mb: resolved.config.sandbox.memory.0 >> 20,
        solution: args.solution,
    })
}
