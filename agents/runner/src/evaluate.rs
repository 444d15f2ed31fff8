//! Judges patches that are already there.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, bail};
use env_core::{Environment, Instance, Patch, find_instance};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::console::say;
use crate::run_dir::{Prediction, RunDir};
use crate::summary::read_predictions;
use crate::verdict::{Verdict, judge};

/// Judges every prediction, `workers` at once, and returns the verdicts in the order of the predictions.
pub(crate) async fn evaluate_all(
    environment: &Arc<dyn Environment>,
    predictions: Vec<(Instance, Prediction)>,
    workers: usize,
    run_dir: &RunDir,
) -> anyhow::Result<Vec<(String, Option<Verdict>)>> {
    let (slots, mut running) = (Arc::new(Semaphore::new(workers.max(1))), JoinSet::new());
    for (index, (instance, prediction)) in predictions.into_iter().enumerate() {
        let (slots, environment, run_dir) = (slots.clone(), environment.clone(), run_dir.clone());
        running.spawn(async move {
            let _slot = slots.acquire_owned().await?;
            let judged = evaluate_one(environment.as_ref(), &instance, &prediction, &run_dir).await;
            anyhow::Ok((index, instance.instance_id, judged))
        });
    }
    let mut verdicts = Vec::new();
    while let Some(joined) = running.join_next().await {
        let (index, id, judged) = joined.context("an evaluation died")??;
        let verdict = match judged {
            Ok(verdict) => Some(verdict),
            Err(err) => {
                say(&format!("{id}: {err:#}"));
                None
            }
        };
        if let Some(verdict) = &verdict {
            say(&format!("{id}: {}", verdict.line()));
        }
        verdicts.push((index, id, verdict));
    }
    verdicts.sort_by_key(|(index, ..)| *index);
    Ok(verdicts.into_iter().map(|(_, id, verdict)| (id, verdict)).collect())
}

async fn evaluate_one(
    environment: &dyn Environment,
    instance: &Instance,
    prediction: &Prediction,
    run_dir: &RunDir,
) -> anyhow::Result<Verdict> {
    let dir = run_dir.instance(&instance.instance_id)?;
    let patch = Patch::from_prediction(prediction.model_patch.as_deref().unwrap_or_default());
    dir.write("patch.diff", patch.0.as_bytes())?;
    run_dir.put_prediction(prediction)?;
    let mut verdict = judge(environment, instance, &patch, &dir).await?;
    verdict.report.patch_is_none = prediction.model_patch.is_none();
    Ok(verdict)
}

/// Returns the predictions with their instances: from a file, or made from the words `gold` and `empty`.
pub(crate) fn load_predictions(
    source: &str,
    environment: &dyn Environment,
    only: &[String],
) -> anyhow::Result<Vec<(Instance, Prediction)>> {
    let instances = environment.instances();
    let chosen = only.iter().map(|id| find_instance(instances, id).cloned()).collect::<Result<Vec<_>, _>>()?;
    let wanted = |instance: &Instance| chosen.is_empty() || chosen.contains(instance);
    if source == "gold" || source == "empty" {
        let made = instances.iter().filter(|instance| wanted(instance)).map(|instance| {
            let gold = environment.gold(instance).unwrap_or_default();
            let prediction = Prediction {
                instance_id: instance.instance_id.clone(),
                model_name_or_path: source.to_owned(),
                model_patch: Some(if source == "gold" { gold.0 } else { String::new() }),
            };
            (instance.clone(), prediction)
        });
        return Ok(made.collect());
    }
    let path = Path::new(source);
    if !path.exists() {
        bail!("no such predictions file: `{source}`");
    }
    let mut found: Vec<(Instance, Prediction)> = Vec::new();
    for mut prediction in read_predictions(path)? {
        let id = prediction.instance_id.as_str();
        if !chosen.is_empty() && !chosen.iter().any(|one| one.instance_id.eq_ignore_ascii_case(id)) {
            continue;
        }
        let instance = find_instance(instances, id).with_context(|| format!("in `{source}`"))?;
        if found.iter().any(|(other, _)| other.instance_id == instance.instance_id) {
            bail!("`{source}` has two predictions for `{id}`");
        }
        prediction.instance_id.clone_from(&instance.instance_id);
        found.push((instance.clone(), prediction));
    }
    Ok(found)
}
