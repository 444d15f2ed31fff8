//! `images`: builds, pulls, lists, audits and removes the images of instances.

#[cfg(feature = "audit")]
mod audit;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use clap::{Args, Subcommand};
use dataset::Row;
use docker::Removal;
use env_core::find_instance;
use grading::{Specs, read_given};
use images::{
    Builder, HostNetwork, ImageStore, ImagesConfig, Listed, Pool, Sources, Unused, remove_pulled, rows_of_images,
};
use journal::write_whole;
use runner::engine::Events;
use runner::environments::Providers;
use runner::{Plugs, Resolved};
use swebench::{Loaded, Manifest};
use tool_core::{SandboxError, Source};

#[cfg(feature = "audit")]
use audit::AuditArgs;

use super::engine::{ImagePool, engine};
use crate::console::say;
use crate::datasets::load_rows;
use crate::failed::Failed;
use crate::output::print;
use crate::settings::{Settings, workers};

/// Builds, pulls, lists and removes the images of instances.
#[derive(Debug, Args)]
pub(crate) struct ImagesCommand {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Builds the images of instances, and those that they are based on.
    Build(BuildArgs),
    /// Pulls the images of instances from their registry.
    Pull(PullArgs),
    /// Lists the images on this machine, one JSON object a line.
    List(ListArgs),
    /// Finds in images what would tell a solver the answer, and certifies each for the episodes that start from it.
    #[cfg(feature = "audit")]
    Audit(Box<AuditArgs>),
    /// Removes the images that match all of the options.
    Prune(PruneArgs),
}

#[derive(Debug, Args)]
struct BuildArgs {
    /// The instances' ids; none for all of the dataset.
    instances: Vec<String>,
    /// How many images are built at once.
    #[arg(short, long, default_value_t = 2, value_parser = workers, allow_negative_numbers = true)]
    workers: usize,
    /// Rebuilds images that are up to date.
    #[arg(long)]
    force: bool,
    /// Writes the rows with image, commit and evaluation script to this file: a dataset for all other commands.
    #[arg(long, value_name = "FILE")]
    rows: Option<PathBuf>,
    #[command(flatten)]
    settings: Settings,
}

#[derive(Debug, Args)]
struct PullArgs {
    /// The instances' ids; none for all of the dataset.
    instances: Vec<String>,
    /// How many images are pulled at once.
    #[arg(short, long, default_value_t = 2, value_parser = workers, allow_negative_numbers = true)]
    workers: usize,
    /// Pulls images that are already on this machine.
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    settings: Settings,
}

#[derive(Debug, Args)]
struct ListArgs {
    /// Prints a table instead of JSON.
    #[arg(long)]
    table: bool,
}

#[derive(Debug, Args)]
struct PruneArgs {
    /// Instance images that no instance of this dataset uses.
    #[arg(long, value_name = "DATASET")]
    unused_by: Option<String>,
    /// Base and environment images that no instance image is based on.
    #[arg(long)]
    env: bool,
    /// The prepared states that episodes start from (`sandbox.kept`).
    #[arg(long, conflicts_with = "dry_run")]
    kept: bool,
    /// The images that runs below DIR have pulled within a budget (`images.disk`) and that none uses now.
    #[arg(long, value_name = "DIR", num_args = 0..=1, require_equals = true, default_missing_value = ".runs",
          conflicts_with = "dry_run")]
    pulled: Option<PathBuf>,
    /// All images of instances, and those that they are based on.
    #[arg(long, conflicts_with_all = ["unused_by", "env"])]
    all: bool,
    /// Only images with this tag, which `images.tag` gives them.
    #[arg(long)]
    tag: Option<String>,
    /// Only images that are older than this, such as `12h` or `7d`.
    #[arg(long, value_name = "AGE", value_parser = age)]
    older_than: Option<Duration>,
    /// Prints what would be removed, without removing it.
    #[arg(long)]
    dry_run: bool,
}

pub(crate) async fn run(plugs: &Plugs, args: ImagesCommand, providers: &Providers) -> Result<ExitCode, Failed> {
    match args.action {
        Action::Build(args) => build(plugs, args, providers).await,
        Action::Pull(args) => pull(plugs, args, providers).await,
        Action::List(args) => list_all(&args).await.map_err(Failed::Run),
        #[cfg(feature = "audit")]
        Action::Audit(args) => audit::run(plugs, *args, providers).await,
        Action::Prune(args) => prune(&args).await,
    }
}

pub(super) async fn connect() -> anyhow::Result<docker::Images> {
    // Several images at once have no room for a bar each.
    let host = tool_core::Host { terminal: false, ..runner::plugs::host() };
    Ok(docker::Images::connect(&host).await?)
}

/// Returns the rows that are asked for, and the manifest of their dataset.
async fn chosen(resolved: &Resolved, ids: &[String]) -> anyhow::Result<(Vec<Row>, Manifest)> {
    let Loaded { rows, manifest } = load_rows(resolved).await?;
    if ids.is_empty() {
        return Ok((rows, manifest));
    }
    let instances: Vec<_> = rows.iter().map(Row::instance).collect();
    let found = ids.iter().map(|id| find_instance(&instances, id).map(|instance| &instance.instance_id));
    let wanted = found.collect::<Result<BTreeSet<_>, _>>()?;
    Ok((rows.into_iter().filter(|row| wanted.contains(&row.instance_id)).collect(), manifest))
}

async fn build(plugs: &Plugs, args: BuildArgs, providers: &Providers) -> Result<ExitCode, Failed> {
    let resolved = Resolved::load(plugs, &args.settings.layered(), &args.instances).map_err(Failed::Usage)?;
    let (rows, manifest) = chosen(&resolved, &args.instances).await.map_err(Failed::Usage)?;
    let config = resolved.config.images.clone();
    let over = read_specs(&config.specs).map_err(Failed::Usage)?;
    let rules = manifest.rules().map_err(anyhow::Error::new)?;
    let specs = rules.specs.laid_under(over.clone());
    let folder = resolved.config.runs.join("images");
    let sources = Sources::load(&config, folder.join("sources")).map_err(Failed::Usage)?;
    let variables: BTreeMap<String, String> = std::env::vars_os()
        .filter_map(|(key, value)| Some((key.into_string().ok()?, value.into_string().ok()?)))
        .collect();
    let images = connect().await?;
    let network = HostNetwork::open(&folder.join("share"), &variables)?;
    let pool = ImagePool(engine(&resolved, providers, Events::default(), args.workers));
    let force = args.force;
    let folder = folder.canonicalize().context("cannot find the folder of images")?;
    let builder = Arc::new(Builder { images, config, specs, sources, network, folder, force, say });
    let made = builder.build(rows.clone(), &pool).await?;
    for one in &made {
        print(&(serde_json::to_string(one).map_err(anyhow::Error::new)? + "\n"))?;
    }
    if let Some(path) = &args.rows {
        let specs = (&builder.specs, &over);
        let text = rows_of_images(&rows, &made, specs, &builder.sources, rules.scripted)?;
        write_whole(path, text.as_bytes())?;
    }
    let count = |state: &str| made.iter().filter(|made| made.state == state).count();
    let failed = count("failed");
    say(&format!("{} built, {} up to date, {failed} failed", count("built"), count("current")));
    Ok(ExitCode::from(u8::from(failed > 0)))
}

fn read_specs(files: &[PathBuf]) -> anyhow::Result<Specs> {
    let mut texts = Vec::new();
    for file in files {
        let text = read_given(file)?.with_context(|| format!("no such file of specs: `{}`", file.display()))?;
        texts.push((file.display().to_string(), text));
    }
    Ok(Specs::parse(texts.iter().map(|(name, text)| (name.as_str(), text.as_str())))?)
}

async fn pull(plugs: &Plugs, args: PullArgs, providers: &Providers) -> Result<ExitCode, Failed> {
    let resolved = Resolved::load(plugs, &args.settings.layered(), &args.instances).map_err(Failed::Usage)?;
    let (rows, manifest) = chosen(&resolved, &args.instances).await.map_err(Failed::Usage)?;
    let scheme = manifest.images;
    let images = connect().await?;
    let pool = ImagePool(engine(&resolved, providers, Events::default(), args.workers));
    let (total, config, force) = (rows.len(), Arc::new(resolved.config), args.force);
    let done = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let rows = rows.into_iter().map(|row| (row.instance_id.clone(), row)).collect();
    let pulled = pool.each(rows, move |row: Row| {
        let (images, config, done) = (images.clone(), config.clone(), done.clone());
        async move {
            let image = config.env.image.image(&row.instance_id, row.image.as_deref(), scheme);
            let Source::Container { name, platform } = image.source else {
                let error = "it does not run in a container";
                return serde_json::json!({"instance_id": row.instance_id, "state": "failed", "error": error});
            };
            let (state, error) = match pull_one(&images, &config.images, &name, platform.as_deref(), force).await {
                Ok(state) => (state, None),
                Err(err) => ("failed", Some(err.to_string())),
            };
            let count = done.fetch_add(1, std::sync::atomic::Ordering::Relaxed) + 1;
            say(&format!("{count} of {total}  {}: {}", row.instance_id, error.as_deref().unwrap_or(state)));
            serde_json::json!({"instance_id": row.instance_id, "image": name, "state": state, "error": error})
        }
    });
    let pulled = pulled.await?;
    print(&pulled.iter().map(|one| format!("{one}\n")).collect::<String>())?;
    let failed = pulled.iter().any(|one| one["state"] == "failed");
    Ok(ExitCode::from(u8::from(failed)))
}

/// Pulls one image unless it is there; returns what became of it.
async fn pull_one(
    images: &docker::Images,
    config: &ImagesConfig,
    name: &str,
    platform: Option<&str>,
    force: bool,
) -> Result<&'static str, SandboxError> {
    if !force && images.find(name).await?.is_some() {
        return Ok("current");
    }
    images.pull(name, platform, config.pull_attempts, config.pull_pause(), &say).await?;
    Ok("pulled")
}

async fn list_all(args: &ListArgs) -> anyhow::Result<ExitCode> {
    let store = ImageStore::read(&connect().await?).await?;
    let stored = store.listed();
    let width = stored.iter().map(|one| one.image.len()).max().unwrap_or_default();
    for one in &stored {
        let line = if args.table { row(one, width) } else { serde_json::to_string(one)? };
        print(&(line + "\n"))?;
    }
    let freed = store.freed(&stored.iter().map(|one| one.image.as_str()).collect());
    say(&format!("{} images; {} would be free without them", stored.len(), size(freed)));
    Ok(ExitCode::SUCCESS)
}

fn row(one: &Listed, width: usize) -> String {
    let (own, shared, minutes) = (size(one.own_bytes), size(one.shared_bytes), one.age_seconds / 60);
    let age = match minutes {
        0..60 => format!("{minutes} min"),
        60..2880 => format!("{} h", minutes / 60),
        _ => format!("{} d", minutes / 1440),
    };
    format!("{:<width$} {own:>9} own {shared:>9} shared {age:>7} old", one.image)
}

async fn prune(args: &PruneArgs) -> Result<ExitCode, Failed> {
    let picks = args.all || args.env || args.unused_by.is_some() || args.older_than.is_some() || args.tag.is_some();
    if args.kept {
        let count = connect().await?.remove_kept().await.map_err(anyhow::Error::new)?;
        say(&format!("removed {count} prepared states"));
        if !picks {
            return Ok(ExitCode::SUCCESS);
        }
    }
    if let Some(runs) = &args.pulled {
        let removed = remove_pulled(runs, &connect().await?).await?;
        print(&removed.iter().map(|name| format!("{name}\n")).collect::<String>())?;
        say(&format!("removed {} images that runs had pulled", removed.len()));
        if !picks {
            return Ok(ExitCode::SUCCESS);
        }
    }
    if !picks {
        let what = "no images are selected\nhint: `--unused-by DATASET`, `--env`, `--older-than 7d`, `--tag TAG`, `--kept`, \
                    `--pulled` or `--all`";
        return Err(Failed::Usage(anyhow::anyhow!(what)));
    }
    let of_others = match &args.unused_by {
        Some(dataset) => {
            let rows = crate::datasets::load(dataset).await.map_err(Failed::Usage)?;
            Some(rows.iter().map(|row| row.instance_id.to_lowercase()).collect())
        }
        None => None,
    };
    let (older_than, tag) = (args.older_than, args.tag.clone());
    let unused = Unused { all: args.all, environments: args.env, of_others, older_than, tag };
    let images = connect().await?;
    let store = ImageStore::read(&images).await?;
    let stored = store.listed();
    let (mut gone, mut left) = (BTreeSet::new(), 0);
    for one in unused.pick(&stored) {
        if !args.dry_run
            && let Removal::InUse(why) = images.remove(&one.image).await.map_err(anyhow::Error::new)?
        {
            say(&format!("{} stays: {why}", one.image));
            left += 1;
            continue;
        }
        print(&format!("{}\n", one.image))?;
        gone.insert(one.image.as_str());
    }
    let verb = if args.dry_run { "would remove" } else { "removed" };
    say(&format!("{verb} {} images, {}", gone.len(), size(store.freed(&gone))));
    Ok(ExitCode::from(u8::from(left > 0)))
}

fn size(bytes: u64) -> String {
    match bytes {
        0..1_000_000_000 => format!("{:.1} MB", bytes as f64 / 1e6),
        _ => format!("{:.2} GB", bytes as f64 / 1e9),
    }
}

/// Reads an age: a number with `m`, `h` or `d`.
fn age(text: &str) -> Result<Duration, String> {
    let wrong = || format!("`{text}` is not an age, such as `12h` or `7d`");
    let (number, unit) = text.split_at_checked(text.len().saturating_sub(1)).ok_or_else(wrong)?;
    let seconds = match unit {
        "m" => 60,
        "h" => 3600,
        "d" => 86_400,
        _ => return Err(wrong()),
    };
    let number: u32 = number.parse().map_err(|_| wrong())?;
    Ok(Duration::from_secs(u64::from(number) * seconds))
}
