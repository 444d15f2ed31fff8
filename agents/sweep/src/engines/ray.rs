//! Ray: one job for each process, by the interface of a cluster that runs.

use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::bail;
use async_trait::async_trait;
use journal::write_whole;
use serde_json::{Map, Value};

use super::command::path_text;
use super::launcher::{Capacity, Job, Launcher, States, Task};
use super::pilots::{Pilots, SCRIPT, quoted};
use super::ray_client::{Answer, RayClient, Request, Status};
use crate::file::EngineSpec;

/// Where the dashboard of a cluster listens by default.
const ADDRESS: &str = "http://127.0.0.1:8265";
/// How much of a node's own resource a process takes, which puts it there; all of it is 1.
const PLACED: f64 = 0.001;
/// What the program ends with by itself when something is left: it is not to be started again.
const BY_ITSELF: [i64; 3] = [0, 1, 2];

/// A Ray cluster.
pub(super) struct Ray {
    client: RayClient,
}

impl Ray {
    /// Returns the cluster that a file or the environment names.
    pub(super) fn new(engine: &EngineSpec, variable: impl Fn(&str) -> Option<String>) -> anyhow::Result<Self> {
        let is_page = |address: &String| address.starts_with("http://") || address.starts_with("https://");
        let set = variable("RAY_API_SERVER_ADDRESS").filter(|address| !address.is_empty());
        if let Some(address) = set.as_ref().filter(|address| engine.ray.address.is_none() && !is_page(address)) {
            bail!(
                "`RAY_API_SERVER_ADDRESS` is `{address}`, which is not the address of a dashboard\nhint: as in \
                `{ADDRESS}`"
            );
        }
        // The other variable may as well name a port for Ray's own clients, which is of no use here.
        let address = engine.ray.address.clone().or(set).or_else(|| variable("RAY_ADDRESS").filter(is_page));
        let token = variable("RAY_AUTH_TOKEN").map(|token| token.trim().to_owned()).filter(|token| !token.is_empty());
        Ok(Self { client: RayClient::new(address.as_deref().unwrap_or(ADDRESS), token) })
    }

    /// Starts a process; returns what is kept of it.
    async fn start(&self, pilots: &Pilots<'_>, job: &str, task: (u32, &str, u32)) -> anyhow::Result<Task> {
        let (index, node, restarts) = task;
        let request = request(pilots, job, task)?;
        if let Err(err) = self.client.submit(&request).await {
            // It may have been taken although the answer was lost, and would be refused a second time.
            let is_there = matches!(self.client.job(&request.submission_id).await, Ok(Some(_)));
            if !is_there {
                return Err(err);
            }
        }
        Ok(Task { index, id: request.submission_id, node: node.to_owned(), restarts })
    }

    /// Starts a process again that has died, where its node lives.
    async fn restart(&self, pilots: &Pilots<'_>, job: &str, task: &mut Task) -> anyhow::Result<()> {
        if self.client.nodes().await?.contains(&task.node) {
            tracing::warn!("the process {} has died and is restarted", task.id);
            *task = self.start(pilots, job, (task.index, &task.node.clone(), task.restarts + 1)).await?;
        }
        Ok(())
    }
}

#[async_trait]
impl Launcher for Ray {
    fn name(&self) -> &'static str {
        "ray"
    }

    fn text(&self, pilots: &Pilots<'_>) -> anyhow::Result<String> {
        let body = serde_json::to_string(&request(pilots, &pilots.short_label(), (0, "ADDRESS OF A NODE", 0))?)?;
        let script = pilots.script()?;
        let (first, rest) = script.split_once('\n').unwrap_or((script.as_str(), ""));
        Ok(format!("{first}\n# POST {} {body}\n{rest}", self.client.url("/api/jobs/")))
    }

    async fn capacity(&self) -> anyhow::Result<Capacity> {
        let nodes = u32::try_from(self.client.nodes().await?.len()).unwrap_or(u32::MAX);
        Ok(Capacity { usual: nodes, ..Capacity::default() })
    }

    async fn submit(&self, pilots: &Pilots<'_>, folder: &Path) -> anyhow::Result<Job> {
        write_whole(&folder.join(SCRIPT), pilots.script()?.as_bytes())?;
        let nodes = self.client.nodes().await?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
        let mut job = Job::named(format!("{}-{now:x}", pilots.short_label()));
        for (index, node) in (0..pilots.count).zip(nodes.iter().cycle()) {
            match self.start(pilots, &job.job, (index, node, 0)).await {
                Ok(task) => job.tasks.push(task),
                Err(err) => {
                    // Those that were taken must not stay behind.
                    let _ = self.cancel(&job).await;
                    return Err(err);
                }
            }
        }
        Ok(job)
    }

    async fn states(&self, job: &mut Job, restart: Option<&Pilots<'_>>) -> anyhow::Result<States> {
        let mut states = States::default();
        for task in &mut job.tasks {
            let answer = self.client.job(&task.id).await?;
            match answer.as_ref().map(|answer| answer.status) {
                Some(Status::Pending) => states.add_waiting("pending", 1),
                Some(Status::Running) => states.add("running", 1),
                Some(Status::Stopped | Status::Succeeded | Status::Failed) | None => {
                    if let Some(pilots) = restart.filter(|pilots| is_restarted(task, answer.as_ref(), pilots.engine)) {
                        // It is retried at the next look, and the others are looked at all the same.
                        if let Err(err) = self.restart(pilots, &job.job, task).await {
                            tracing::debug!("the process {} is not restarted yet: {err:#}", task.id);
                        }
                        states.add_waiting("pending", 1);
                    }
                }
            }
        }
        Ok(states)
    }

    async fn cancel_waiting(&self, job: &mut Job) -> anyhow::Result<()> {
        let mut others = Vec::new();
        for task in std::mem::take(&mut job.tasks) {
            let answer = self.client.job(&task.id).await;
            let is_pending = answer.is_ok_and(|answer| answer.is_some_and(|answer| answer.status == Status::Pending));
            // One that cannot be placed stays pending though it is ended, so that it is not waited for.
            if !is_pending || self.client.stop(&task.id).await.is_err() {
                others.push(task);
            }
        }
        job.tasks = others;
        Ok(())
    }

    async fn cancel(&self, job: &Job) -> anyhow::Result<()> {
        let mut ended = Ok(());
        for task in &job.tasks {
            ended = self.client.stop(&task.id).await.and(ended);
        }
        ended
    }

    fn by_hand(&self, job: &Job) -> String {
        let commands: Vec<String> = job.tasks.iter().map(|task| format!("ray job stop {}", task.id)).collect();
        commands.join("; ")
    }
}

/// Returns whether a process that has ended is started again: it was killed, or its job was lost with its node.
fn is_restarted(task: &Task, answer: Option<&Answer>, engine: &EngineSpec) -> bool {
    let has_died = answer.is_some_and(|answer| {
        answer.status == Status::Failed && !answer.driver_exit_code.is_some_and(|code| BY_ITSELF.contains(&code))
    });
    has_died && task.restarts < engine.restarts
}

/// Returns what is asked for one process: which it is, the node that it is put on, how often it was started again.
fn request(pilots: &Pilots<'_>, job: &str, task: (u32, &str, u32)) -> anyhow::Result<Request> {
    let (index, node, restarts) = task;
    let script = pilots.run.join("engine").join(SCRIPT);
    let again = if restarts == 0 { String::new() } else { format!("-{restarts}") };
    let place = (format!("node:{node}"), Value::from(PLACED));
    Ok(Request {
        entrypoint: format!("SPOTTER_INDEX={index} exec /bin/sh {}", quoted(path_text(&script)?)),
        submission_id: format!("{job}-{index}{again}"),
        entrypoint_num_cpus: pilots.engine.cpus,
        entrypoint_memory: pilots.engine.megabytes().map(|megabytes| megabytes.saturating_mul(1024 * 1024)),
        entrypoint_resources: Map::from_iter([place]),
    })
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::super::pilots::tests::{engine, pilots};
    use super::*;

    #[test]
    fn a_job_is_put_on_its_node_with_what_the_file_asks_for() {
        let engine = engine("{kind: ray, cpus: 4, memory: 16G}");
        let request = request(&pilots(&engine), "spotter-a-run-1f", (3, "10.0.0.7", 2)).unwrap();
        expect![[r#"
            {
              "entrypoint": "SPOTTER_INDEX=3 exec /bin/sh '/shared/my runs/100%/engine/pilot.sh'",
              "submission_id": "spotter-a-run-1f-3-2",
              "entrypoint_num_cpus": 4,
              "entrypoint_memory": 17179869184,
              "entrypoint_resources": {
                "node:10.0.0.7": 0.001
              }
            }"#]]
        .assert_eq(&serde_json::to_string_pretty(&request).unwrap());
    }

    #[test]
    fn the_address_is_that_of_the_file_or_of_the_environment() {
        let check = |text: &str, variables: &[(&str, &str)]| {
            let find =
                |name: &str| variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
            Ray::new(&engine(text), find).map(|ray| ray.client.url("/"))
        };
        let own = "{kind: ray, ray: {address: 'http://own:1/'}}";
        assert_eq!(check(own, &[("RAY_API_SERVER_ADDRESS", "http://a:2")]).unwrap(), "http://own:1/");
        let both = [("RAY_ADDRESS", "http://b:3"), ("RAY_API_SERVER_ADDRESS", "http://a:2")];
        assert_eq!(check("ray", &both).unwrap(), "http://a:2/");
        assert_eq!(check("ray", &both[..1]).unwrap(), "http://b:3/");
        assert_eq!(check("ray", &[("RAY_ADDRESS", "10.0.0.1:6379")]).unwrap(), "http://127.0.0.1:8265/");
        assert!(check("ray", &[("RAY_API_SERVER_ADDRESS", "10.0.0.1:6379")]).is_err());
    }

    #[test]
    fn only_what_has_died_is_started_again() {
        let engine = engine("{kind: ray, restarts: 1}");
        let task = |restarts| Task { index: 0, id: String::new(), node: String::new(), restarts };
        let answer = |status, driver_exit_code| Answer { status, driver_exit_code };
        let check = |restarts, answer: &Answer| is_restarted(&task(restarts), Some(answer), &engine);
        assert!(check(0, &answer(Status::Failed, Some(-9))) && check(0, &answer(Status::Failed, None)));
        assert!(!check(1, &answer(Status::Failed, Some(-9))));
        assert!(!check(0, &answer(Status::Failed, Some(1))) && !check(0, &answer(Status::Stopped, None)));
        assert!(!is_restarted(&task(0), None, &engine));
    }
}
