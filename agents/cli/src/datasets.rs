//! Rows of datasets, for the commands that need more of them than an environment tells.

use anyhow::{Context, bail};
use dataset::{HubSettings, Row};
use env_core::{Dialect, Instance};
use grading::logs::Grader;
use runner::{Plugs, Resolved};
use swebench::{Datasets, Loaded};

/// Returns the rows of the dataset that the settings name, and its manifest.
pub(crate) async fn load_rows(resolved: &Resolved) -> anyhow::Result<Loaded> {
    let env = &resolved.config.env;
    let dataset = env.dataset.as_deref().context("no dataset is configured\nhint: `--dataset NAME|FILE`")?;
    if dataset == "demo" || env.kind.as_deref() == Some("demo") {
        bail!("the demo instances need no images");
    }
    Ok(Datasets::embedded()?.load(dataset, env.kind.as_deref(), &hub()).await?)
}

/// Returns what saved logs are judged by: the instances of datasets, in their order; without any dataset, those of the one
/// that the ids belong to; and those that ship with the project.
pub(crate) async fn load_grader(
    plugs: &Plugs,
    datasets: &[String],
    ids: &[String],
    dialect: Option<Dialect>,
) -> anyhow::Result<Grader> {
    let mut names = datasets.to_vec();
    if names.is_empty() {
        names.extend(plugs.dataset_of(ids)?);
    }
    let mut grader = Grader::new(dialect);
    let known = Datasets::embedded()?;
    for name in names.iter().filter(|name| *name != "demo") {
        known.load(name, None, &hub()).await?.add_to(&mut grader)?;
    }
    for (Instance { instance_id, repo, .. }, spec) in demo::gradings() {
        if !grader.knows(&instance_id) {
            grader.add(&instance_id, &repo, Ok(spec));
        }
    }
    Ok(grader)
}

/// Returns the rows of a dataset.
pub(crate) async fn load(dataset: &str) -> anyhow::Result<Vec<Row>> {
    Ok(Datasets::embedded()?.load(dataset, None, &hub()).await?.rows)
}

/// Returns where the hub is, by the variables that its own libraries read.
pub(crate) fn hub() -> HubSettings {
    HubSettings::from_vars(|name| std::env::var(name).ok())
}
