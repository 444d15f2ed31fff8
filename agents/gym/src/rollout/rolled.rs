//! What a rollout is answered with.

use agent_core::Trajectory;
use anyhow::Context;
use journal::{Run, read_text};
use serde_json::{Value, json};

use super::calls::{calls, details, training_trace};
use super::table::Rolled;
use crate::gym::Gym;

/// Returns the answer: the reward and what it is made of, the trajectory as ATIF, the tokens by call, and the same as
/// Harbor's `rollout_details` and as OpenEnv's training trace.
pub(super) fn answer(gym: &Gym, id: &str, rolled: &Rolled) -> anyhow::Result<Value> {
    let trajectory = trajectory(rolled)?;
    let calls = trajectory.as_ref().map(|trajectory| calls(id, trajectory)).unwrap_or_default();
    let outcome = trajectory.as_ref().and_then(Trajectory::outcome);
    let mut answer = json!({
        "rollout_id": id,
        "instance_id": rolled.instance_id,
        "agent": rolled.cell.resolved.plug.name,
        "model_patch": outcome.and_then(|outcome| outcome.patch.as_ref()).map(|patch| &patch.0),
        "segments": calls.last().map_or(0, |call| call.segment + 1),
        "rollout_details": details(&calls),
        "training_trace": training_trace(&calls),
        "calls": calls,
        "trajectory": atif(gym, rolled)?,
    });
    if let (Some(answer), Value::Object(reward)) = (answer.as_object_mut(), serde_json::to_value(&rolled.reward)?) {
        answer.extend(reward);
    }
    Ok(answer)
}

/// Returns the record of a rollout; `None` where it has none.
pub(super) fn trajectory(rolled: &Rolled) -> anyhow::Result<Option<Trajectory>> {
    let path = rolled.cell.cell_dir.instance_path(&rolled.instance_id).join("trajectory.jsonl");
    let Some(text) = read_text(&path)? else { return Ok(None) };
    let parsed = Trajectory::parse(&text).map_err(anyhow::Error::msg);
    parsed.map(Some).with_context(|| format!("in `{}`", path.display()))
}

/// Returns the trajectory in Harbor's format.
fn atif(gym: &Gym, rolled: &Rolled) -> anyhow::Result<Option<Value>> {
    let cell_dir = &rolled.cell.cell_dir;
    let run = Run::of(cell_dir.journal());
    let Some(episode) = run.episode(cell_dir.name(), &rolled.instance_id, cell_dir.sample()) else { return Ok(None) };
    training::atif(&gym.cell.resolved.run_name(), episode)
}
