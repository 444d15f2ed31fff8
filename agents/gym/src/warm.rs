//! Sandboxes that wait for sessions.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use env_core::{Dialect, EnvError, Environment, Instance, Patch, Ready, TestLists, Trial, Tried, Verdict};
use runner::engine::Permits;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tool_core::{Command, Image};

/// How long a sandbox that has waited may take to show that it is alive.
const ALIVE: Duration = Duration::from_secs(10);

/// An environment of which a few sandboxes wait, made ready.
///
/// Trainers sample one instance several times in a row, so that whenever one is taken, another of the same instance is made
/// ready behind it. Where too many wait, the one that has waited longest goes. One is made ready when there is a permit for a
/// sandbox and room for its image; those that wait are beside the permits of the sandboxes of sessions.
pub struct Warm {
    inner: Arc<dyn Environment>,
    /// How many wait at most.
    most: usize,
    waiting: Arc<Mutex<Waiting>>,
    permits: Permits,
    tasks: TaskTracker,
    /// Once cancelled, none is made ready any more.
    closing: CancellationToken,
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
    pub fn new(inner: Arc<dyn Environment>, most: usize, permits: Permits, tasks: TaskTracker) -> Self {
        Self { inner, most, waiting: Arc::default(), permits, tasks, closing: CancellationToken::new() }
    }

    /// Removes all that wait, and has no more made ready.
    pub async fn close(&self) {
        self.closing.cancel();
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
        let (permits, closing) = (self.permits.clone(), self.closing.clone());
        self.tasks.spawn(async move {
            // What is begun is not given up in the middle, but no more than it takes is waited for.
            let room = async { (permits.sandbox().await, permits.image(inner.as_ref(), &instance).await) };
            let made = tokio::select! {
                biased;
                () = closing.cancelled() => None,
                (permit, image) = room => match image {
                    Ok(image) => {
                        let made = inner.reset(&instance).await;
                        drop((permit, image));
                        Some(made)
                    }
                    Err(err) => {
                        tracing::debug!("{id}: its image is not fetched ahead: {err:#}");
                        None
                    }
                },
            };
            let surplus: Vec<(String, Ready)> = {
                let mut waiting = lock(&shared);
                waiting.coming.retain(|coming| *coming != id);
                match made {
                    None => {}
                    Some(Ok(ready)) => waiting.ready.push_back((id.clone(), ready)),
                    Some(Err(err)) => tracing::debug!("{id}: no sandbox could be made ready ahead: {err}"),
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

/// Returns whether commands still run in a sandbox, which may have died while it waited.
async fn is_alive(ready: &Ready) -> bool {
    let asked = ready.sandbox.exec(Command::new("true").timeout(ALIVE));
    matches!(tokio::time::timeout(2 * ALIVE, asked).await, Ok(Ok(output)) if output.success())
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
        let take = || {
            let mut waiting = lock(&self.waiting);
            let at = waiting.ready.iter().position(|(id, _)| *id == instance.instance_id);
            at.and_then(|at| waiting.ready.remove(at))
        };
        let mut found = None;
        while let (None, Some((id, ready))) = (&found, take()) {
            if is_alive(&ready).await {
                found = Some(ready);
            } else {
                tracing::info!("{id}: a sandbox that waited has died, and another one is made ready");
                stop(&id, ready).await;
            }
        }
        let ready = match found {
            Some(ready) => ready,
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

    async fn attempt(&self, instance: &Instance, trial: &Trial) -> Result<Tried, EnvError> {
        self.inner.attempt(instance, trial).await
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::path::Path;

    use env_core::TrialRun;
    use runner::engine::PermitsConfig;
    use tool_core::{Connect, Host, NoOptions, SandboxConfig, Size};

    use super::*;

    async fn warm(config: &PermitsConfig) -> Warm {
        let host = Host::new(std::env::vars_os(), false);
        let provider = local::Local::connect(SandboxConfig::default(), NoOptions {}, host, "warm".to_owned());
        let environment = demo::environment(Arc::new(provider.await.unwrap()), false).unwrap();
        Warm::new(Arc::new(environment), 1, Permits::new(config, 1, Path::new(".")), TaskTracker::new())
    }

    /// Waits until one waits and returns its sandbox.
    async fn waiting(warm: &Warm) -> Arc<dyn tool_core::Sandbox> {
        loop {
            if let Some((_, ready)) = lock(&warm.waiting).ready.front() {
                return ready.sandbox.clone();
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    #[tokio::test]
    async fn one_that_died_while_it_waited_is_not_handed_out() {
        let warm = warm(&PermitsConfig::default()).await;
        let instance = warm.instances()[0].clone();
        let first = warm.reset(&instance).await.unwrap();
        waiting(&warm).await.stop().await.unwrap();
        let second = warm.reset(&instance).await.unwrap();
        assert!(second.sandbox.exec(Command::new("true")).await.unwrap().success());
        // What is tried goes to the environment behind it, too.
        let run = TrialRun::Command("echo tried".to_owned());
        let trial = Trial { patch: Patch::default(), files: BTreeMap::new(), run, timeout: Duration::from_secs(60) };
        assert!(warm.attempt(&instance, &trial).await.unwrap().output.contains("tried"));
        warm.close().await;
        for ready in [first, second] {
            ready.sandbox.stop().await.unwrap();
        }
    }

    #[tokio::test]
    async fn none_is_made_ready_ahead_where_there_is_no_memory_for_it_and_closing_does_not_wait_for_it() {
        let warm = warm(&PermitsConfig { memory_free: Size(u64::MAX), ..PermitsConfig::default() }).await;
        let first = warm.reset(&warm.instances()[0].clone()).await.unwrap();
        // One sandbox is let in wherever there is none yet, so that the first one takes that place.
        let _place = warm.permits.sandbox().await;
        warm.close().await;
        warm.tasks.close();
        warm.tasks.wait().await;
        assert!(lock(&warm.waiting).ready.is_empty());
        first.sandbox.stop().await.unwrap();
    }
}
