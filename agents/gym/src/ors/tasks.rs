//! What there is: environments, tools, splits, tasks.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use serde::Deserialize;
use serde_json::{Value, json};

use super::request::OfEnvironment;
use crate::gym::Gym;
use crate::refusal::{Refusal, read};
use crate::tasks::task as as_task;

type Body = Result<Bytes, BytesRejection>;

#[derive(Deserialize)]
pub(super) struct OfSplit {
    split: String,
}

#[derive(Deserialize)]
pub(super) struct OfIndex {
    split: String,
    index: i64,
}

#[derive(Deserialize)]
pub(super) struct OfRange {
    split: String,
    start: Option<i64>,
    stop: Option<i64>,
}

pub(super) async fn environments(State(gym): State<Arc<Gym>>) -> Json<Value> {
    Json(json!([gym.name]))
}

pub(super) async fn tools(_: OfEnvironment, State(gym): State<Arc<Gym>>) -> Json<Value> {
    Json(json!({ "tools": gym.tools.listed("input_schema") }))
}

pub(super) async fn splits(_: OfEnvironment, State(gym): State<Arc<Gym>>) -> Json<Value> {
    Json(gym.tasks.splits())
}

pub(super) async fn tasks(_: OfEnvironment, State(gym): State<Arc<Gym>>, body: Body) -> Result<Json<Value>, Refusal> {
    let OfSplit { split } = read(body)?;
    gym.tasks.check(&split)?;
    list(&gym, gym.tasks.places())
}

pub(super) async fn num_tasks(
    _: OfEnvironment,
    State(gym): State<Arc<Gym>>,
    body: Body,
) -> Result<Json<Value>, Refusal> {
    let OfSplit { split } = read(body)?;
    gym.tasks.check(&split)?;
    Ok(Json(json!({ "num_tasks": gym.tasks.places().len() })))
}

pub(super) async fn task(_: OfEnvironment, State(gym): State<Arc<Gym>>, body: Body) -> Result<Json<Value>, Refusal> {
    let OfIndex { split, index } = read(body)?;
    gym.tasks.check(&split)?;
    let task = as_task(gym.instance(gym.tasks.place(index)?)?);
    Ok(Json(json!({ "task": task, "env_name": gym.name })))
}

pub(super) async fn task_range(
    _: OfEnvironment,
    State(gym): State<Arc<Gym>>,
    body: Body,
) -> Result<Json<Value>, Refusal> {
    let OfRange { split, start, stop } = read(body)?;
    gym.tasks.check(&split)?;
    list(&gym, gym.tasks.range(start, stop))
}

fn list(gym: &Gym, places: &[usize]) -> Result<Json<Value>, Refusal> {
    let tasks = places.iter().map(|place| Ok(as_task(gym.instance(*place)?)));
    let tasks = tasks.collect::<Result<Vec<_>, Refusal>>()?;
    Ok(Json(json!({ "tasks": tasks, "env_name": gym.name })))
}
