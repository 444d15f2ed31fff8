//! `view`: runs as one HTML file, or on loopback while one goes on.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, anyhow};
use clap::Args;
use dataset::Row;
use viewer::{Gold, Settings, Source, Written};

use crate::console::say;
use crate::datasets;
use crate::failed::Failed;
use crate::output::show;

use super::named_run::Runs;

#[derive(Debug, Args)]
pub(crate) struct View {
    /// The runs: names, or paths of their folders.
    #[arg(required = true, value_name = "RUN")]
    names: Vec<String>,
    /// The file. Default: `RUN.html`, here.
    #[arg(short, long, value_name = "FILE", conflicts_with = "live")]
    out: Option<PathBuf>,
    /// Serves the page on loopback, and follows the run.
    #[arg(long)]
    live: bool,
    /// The port of `--live`; 0 for any that is free.
    #[arg(long, value_name = "PORT", default_value_t = 7357, requires = "live")]
    port: u16,
    /// Only these cells. May be repeated.
    #[arg(long, value_name = "CELL")]
    cell: Vec<String>,
    /// A dataset whose reference patches and tests are shown beside what agents did: a name, or a file. May be repeated.
    /// Datasets that the runs' own configuration names are found without it when they are on this machine.
    #[arg(short, long, value_name = "DATASET")]
    dataset: Vec<String>,
    #[command(flatten)]
    runs: Runs,
}

pub(crate) async fn run(args: View) -> Result<ExitCode, Failed> {
    let mut sources: Vec<Source> = Vec::new();
    for name in &args.names {
        let run = args.runs.open(name).map_err(Failed::Usage)?;
        let folder = run.folder().canonicalize().unwrap_or_else(|_| run.folder().to_owned());
        if sources.iter().all(|source| source.run.folder().canonicalize().ok().as_ref() != Some(&folder)) {
            let name = folder.file_name().map_or_else(|| name.clone(), |name| name.to_string_lossy().into_owned());
            sources.push(Source { name, run });
        }
    }
    let gold = gold(&args, &sources).await?;
    let settings = Settings { cells: args.cell.clone(), gold };
    if args.live {
        let address = viewer::live::bind(args.port).await.map_err(Failed::Run)?;
        say(&format!("see http://{}/ ; it ends with Ctrl-C", address.local()));
        viewer::live::serve(address, sources, settings).await?;
        return Ok(ExitCode::SUCCESS);
    }
    let first = sources.first().map(|source| journal::file_name(&source.name)).unwrap_or_default();
    let out = args.out.unwrap_or_else(|| PathBuf::from(format!("{first}.html")));
    if out.is_dir() {
        return Err(Failed::Usage(anyhow!("{} is a folder\nhint: `-o FILE.html`", show(&out))));
    }
    let Written { episodes, size, .. } = viewer::write(&sources, &settings, &out)?;
    say(&format!("{episodes} episodes, {:.1} MB; see {}", size as f64 / 1e6, show(&out)));
    Ok(ExitCode::SUCCESS)
}

/// Returns what datasets say of the instances: of those that are named, and of those that the runs were made from.
async fn gold(args: &View, sources: &[Source]) -> Result<BTreeMap<String, Gold>, Failed> {
    let mut gold = BTreeMap::new();
    let mut add = |rows: Vec<Row>| {
        gold.extend(rows.into_iter().map(|row| {
            let Row { instance_id, patch, test_patch, fail_to_pass, pass_to_pass, .. } = row;
            (instance_id, Gold { patch, test_patch, fail_to_pass, pass_to_pass })
        }));
    };
    for source in sources {
        for name in source.run.cells().iter().filter_map(|cell| configured(source, cell)) {
            if name == "demo" {
                add(demo::solutions()
                    .map(|(instance_id, patch)| Row { instance_id, patch: patch.0, ..Row::default() })
                    .collect());
            }
            // A file that is not there any more is no reason to show nothing.
            if std::path::Path::new(&name).is_file() {
                match datasets::load(&name).await {
                    Ok(rows) => add(rows),
                    Err(err) => say(&format!("warning: the dataset of `{}` is left out: {err:#}", source.name)),
                }
            }
        }
    }
    for name in &args.dataset {
        let rows = datasets::load(name).await.with_context(|| format!("cannot read the dataset `{name}`"));
        add(rows.map_err(Failed::Usage)?);
    }
    Ok(gold)
}

/// Returns the dataset that a cell was configured with.
fn configured(source: &Source, cell: &str) -> Option<String> {
    let config: serde_yaml::Value = serde_yaml::from_str(&source.run.config(cell).ok()??).ok()?;
    Some(config.get("env")?.get("dataset")?.as_str()?.to_owned())
}
