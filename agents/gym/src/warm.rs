//! Sandboxes that wait for sessions.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use env_core::{Dialect, EnvError, Environment, Instance, Patch, Ready, TestLists, Verdict};
use tokio_util::task::TaskTracker;
use tool_core::Image;

/// An environment of which a few sandboxes wait, made ready.
///
/// Trainers sample one instance several times in a row, so that whenever one is taken, another of the same instance is made
/// ready behind it. Where too many wait, the one that has waited longest goes.
pub struct Warm {
    inner: Arc<dyn Environment>,
    /// How many wait at most.
    most: usize,
    waiting: Arc<Mutex<Waiting>>,
    tasks: TaskTracker,
}

#[derive(Default)]
struct Waiting {
    ready: VecDeque<(String, Ready)>,
    /// Ids of instances of which one is being made ready.
    coming: Vec<String>,
    is_closed: bool,
}

impl Warm {
    /// Returns an environment of which so many sandboxes wait. `tasks` is where the work on them is counted.
    pub fn new(inner: Arc<dyn Environment>, most: usize, tasks: TaskTracker) -> Self {
        Self { inner, most, waiting: Arc::default(), tasks }
    }

    /// Removes all that wait, and has no more made ready.
    pub async fn close(&self) {
        let ready = {
            let mut waiting = lock(&self.waiting);
            waiting.is_closed = true;
            std::mem::take(&mut waiting.ready)
        };
        for (id, ready) in ready {
            stop(&id, ready).await;
        }
    }

    /// Has one more of an instance made ready, unless there is one already.
    fn make_another(&self, instance: &Instance) {
        let id = instance.instance_id.clone();
        {
            let mut waiting = lock(&self.waiting);
            let is_there = waiting.ready.iter().any(|(of, _)| *of == id) || waiting.coming.contains(&id);
            if is_there || waiting.is_closed || waiting.coming.len() >= self.most {
                return;
            }
            waiting.coming.push(id.clone());
        }
        let (inner, instance, shared, most) = (self.inner.clone(), instance.clone(), self.waiting.clone(), self.most);
        self.tasks.spawn(async move {
            let made = inner.reset(&instance).await;
            let surplus: Vec<(String, Ready)> = {
                let mut waiting = lock(&shared);
                waiting.coming.retain(|coming| *coming != id);
                match made {
                    Ok(ready) => waiting.ready.push_back((id.clone(), ready)),
                    Err(err) => tracing::debug!("{id}: no sandbox could be made ready ahead: {err}"),
                }
                let keep = if waiting.is_closed { 0 } else { most };
                let surplus = waiting.ready.len().saturating_sub(keep);
                waiting.ready.drain(..surplus).collect()
            };
            for (id, ready) in surplus {
                stop(&id, ready).await;
            }
        });
    }
}

fn lock(waiting: &Mutex<Waiting>) -> std::sync::MutexGuard<'_, Waiting> {
    waiting.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn stop(id: &str, ready: Ready) {
    if let Err(err) = ready.sandbox.stop().await {
        tracing::warn!("{id}: a sandbox that waited was not removed: {err}");
    }
}

#[async_trait]
impl Environment for Warm {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn instances(&self) -> &[Instance] {
        self.inner.instances()
    }

    async fn reset(&self, instance: &Instance) -> Result<Ready, EnvError> {
        if self.most == 0 {
            return self.inner.reset(instance).await;
        }
        let waiting = {
            let mut waiting = lock(&self.waiting);
            let at = waiting.ready.iter().position(|(id, _)| *id == instance.instance_id);
            at.and_then(|at| waiting.ready.remove(at))
        };
        let ready = match waiting {
            Some((_, ready)) => ready,
            None => self.inner.reset(instance).await?,
        };
        self.make_another(instance);
        Ok(ready)
    }

    fn check_judging(&self, instance: &Instance) -> Result<(), EnvError> {
        self.inner.check_judging(instance)
    }

    async fn evaluate(&self, instance: &Instance, patch: &Patch) -> Result<Verdict, EnvError> {
        self.inner.evaluate(instance, patch).await
    }

    async fn run_tests(&self, instance: &Instance, patch: &Patch) -> Result<Verdict, EnvError> {
        self.inner.run_tests(instance, patch).await
    }

    fn lists(&self, instance: &Instance) -> Result<(Dialect, TestLists), EnvError> {
        self.inner.lists(instance)
    }

    fn judging_key(&self, instance: &Instance) -> String {
        self.inner.judging_key(instance)
    }

    async fn image_digest(&self, instance: &Instance) -> Option<String> {
        self.inner.image_digest(instance).await
    }

    fn image(&self, instance: &Instance) -> Option<&Image> {
        self.inner.image(instance)
    }

    fn gold(&self, instance: &Instance) -> Option<Patch> {
        self.inner.gold(instance)
    }
}

impl std::fmt::Debug for Warm {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Warm").field("most", &self.most).finish_non_exhaustive()
    }
}
