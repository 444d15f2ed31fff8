//! Judges patches that are already there.

use std::sync::Arc;

use anyhow::Context;
use env_core::{Environment, Instance, Patch, Report, find_instance};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::console::say;
use crate::run_dir::{Prediction, RunDir, read_text};
use crate::solve::judge;
use crate::summary::read_predictions;

/// Judges every prediction, `workers` at once, and returns the verdicts in the order of the predictions.
pub(crate) async fn evaluate_all(
    environment: &Arc<dyn Environment>,
    predictions: Vec<(Instance, Prediction)>,
    workers: usize,
    run_dir: &RunDir,
) -> anyhow::Result<Vec<(String, Option<Report>)>> {
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
        let report = match judged {
            Ok(report) => Some(report),
            Err(err) => {
                say(&format!("{id}: {err:#}"));
                None
            }
        };
        if let Some(report) = &report {
            say(&format!("{id}: resolved: {}{}", report.resolved, counts(report)));
        }
        verdicts.push((index, id, report));
    }
    verdicts.sort_by_key(|(index, ..)| *index);
    Ok(verdicts.into_iter().map(|(_, id, report)| (id, report)).collect())
}

async fn evaluate_one(
    environment: &dyn Environment,
    instance: &Instance,
    prediction: &Prediction,
    run_dir: &RunDir,
) -> anyhow::Result<Report> {
    let dir = run_dir.instance(&instance.instance_id)?;
    let patch = Patch::from_prediction(prediction.model_patch.as_deref().unwrap_or_default());
    dir.write("patch.diff", patch.0.as_bytes())?;
    run_dir.put_prediction(prediction)?;
    judge(environment, instance, &patch, &dir).await
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
    let text = read_text(source.as_ref())?.with_context(|| format!("no such predictions file: `{source}`"))?;
    let mut found = Vec::new();
    for mut prediction in read_predictions(&text).with_context(|| format!("in `{source}`"))? {
        if !chosen.is_empty() && !chosen.iter().any(|one| one.instance_id.eq_ignore_ascii_case(&prediction.instance_id))
        {
            continue;
        }
        let instance = find_instance(instances, &prediction.instance_id).with_context(|| format!("in `{source}`"))?;
        prediction.instance_id.clone_from(&instance.instance_id);
        found.push((instance.clone(), prediction));
    }
    Ok(found)
}

/// Returns the counts of passed tests, as in ` (FAIL_TO_PASS 1/1, PASS_TO_PASS 12/12)`.
fn counts(report: &Report) -> String {
    let Some(status) = &report.tests_status else { return String::new() };
    let count =
        |group: &env_core::TestGroup| format!("{}/{}", group.success.len(), group.success.len() + group.failure.len());
    format!(" (FAIL_TO_PASS {}, PASS_TO_PASS {})", count(&status.fail_to_pass), count(&status.pass_to_pass))
}
