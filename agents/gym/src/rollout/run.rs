//! Runs rollouts.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::StatusCode;
use runner::Resolved;
use runner::run_folder::{OtherSettings, open_cell};
use runner::stages::{Attempt, Cell, Models, Solving};
use serde_json::Value;
use shell::nonce;
use tokio::sync::watch;

use super::request::Asked;
use super::rolled::answer;
use super::table::{Coming, Rolled};
use crate::Reward;
use crate::gym::{Gym, check_id};
use crate::refusal::{Refusal, read};
use crate::sessions::Kind;

pub(super) async fn rollout(
    State(gym): State<Arc<Gym>>,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<Value>, Refusal> {
    let asked: Asked = read(body)?;
    let (id, rolled) = roll(&gym, &asked).await?;
    answer(&gym, &id, &rolled).map(Json).map_err(|err| Refusal::broken(&err))
}

/// Runs a rollout to its end, or waits for the one with the same id. It goes on when the client that asks for it goes.
pub(super) async fn roll(gym: &Arc<Gym>, asked: &Asked) -> Result<(String, Rolled), Refusal> {
    let id = asked.rollout_id.clone().unwrap_or_else(nonce);
    check_id(&id)?;
    let mut coming = gym.rollouts.find_or(&id, &asked.key(), || begin(gym, &id, asked))?;
    let rolled = match coming.wait_for(Option::is_some).await {
        Ok(rolled) => rolled.clone(),
        Err(_) => None,
    };
    let rolled = rolled.ok_or_else(|| Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "the server is ending"))?;
    if rolled.reward.reward.is_none() {
        // Who asks again has it tried again; what was paid for is not lost.
        gym.rollouts.forget(&id, &coming);
    }
    Ok((id, rolled))
}

fn begin(gym: &Arc<Gym>, id: &str, asked: &Asked) -> Result<Coming, Refusal> {
    let cell = gym.rollouts.cell(&asked.key(), || open(gym, asked))?;
    let name = cell.cell_dir.name();
    let (instance_id, sample) = match gym.table.earlier(id) {
        Some(kept) if kept.kind == Kind::Rollout && kept.cell == name => (kept.instance_id, Some(kept.sample)),
        Some(kept) => {
            let why =
                format!("`{id}` was begun on `{}` with other settings\nhint: another `rollout_id`", kept.instance_id);
            return Err(Refusal::new(StatusCode::CONFLICT, why));
        }
        None => (gym.instance(gym.wanted(&asked.wanted())?)?.instance_id.clone(), None),
    };
    let index = gym.tasks.find(gym.environment.as_ref(), &instance_id)?;
    let taken = gym.take_slot()?;
    let sample = match sample {
        Some(sample) => sample,
        None => {
            let sample = gym.next_sample(&cell, &instance_id);
            gym.keep(id, Kind::Rollout, &cell, &instance_id, sample)?;
            sample
        }
    };
    let cell = Arc::new(cell.of_sample(sample));
    let asked = cell.cell_dir.ask([instance_id.as_str()]);
    asked.map_err(|err| Refusal::broken(&err))?;
    let (sender, coming) = watch::channel(None);
    let gym = gym.clone();
    gym.metrics.begun("rollout");
    tokio::spawn(async move {
        let (solving, attempt) = (Arc::new(Solving), Attempt { cell: cell.clone(), index });
        let ran = tokio::select! {
            ran = gym.engine.one(&solving, attempt) => ran,
            () = gym.stop.cancelled() => return,
        };
        let reward = match ran {
            Ok((_, attempted)) => Reward::of(gym.settings.reward, &attempted),
            Err(why) => Reward::none(&why),
        };
        gym.metrics.ended("rollout", &reward);
        drop(taken);
        sender.send_replace(Some(Rolled { cell, instance_id, reward }));
    });
    Ok(coming)
}

/// Opens the cell of the settings that a trainer asks for.
fn open(gym: &Gym, asked: &Asked) -> Result<Cell, Refusal> {
    let mut settings = gym.base.clone();
    settings.sets.extend(asked.sets()?);
    if asked.agent.is_some() {
        settings.agent.clone_from(&asked.agent);
    }
    let unfit = |err: anyhow::Error| Refusal::unfit(format!("{err:#}"));
    let resolved = Resolved::load(&gym.plugs, &settings, &[]).map_err(unfit)?;
    let models = Models::open(&resolved).map_err(unfit)?;
    let name = format!("rollout-{}-{}", resolved.plug.name, resolved.fingerprint());
    let journal = gym.cell.cell_dir.journal();
    let cell_dir = open_cell(&resolved, journal, &name, OtherSettings::Keep).map_err(|err| Refusal::broken(&err))?;
    Cell::new(resolved, gym.environment.clone(), Arc::new(models), cell_dir).map_err(unfit)
}
