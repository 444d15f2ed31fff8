//! Kubernetes: an indexed job, by `kubectl`.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, bail};
use async_trait::async_trait;
use journal::write_whole;
use k8s_openapi::api::batch::v1::{
    Job as IndexedJob, JobSpec, JobStatus, PodFailurePolicy, PodFailurePolicyOnExitCodesRequirement,
    PodFailurePolicyOnPodConditionsPattern, PodFailurePolicyRule,
};
use k8s_openapi::api::core::v1::{
    Container, EnvFromSource, PersistentVolumeClaimVolumeSource, PodSpec, PodTemplateSpec, ResourceRequirements,
    SecretEnvSource, Volume, VolumeMount,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::command::{path_text, printed, run, said};
use super::launcher::{Job, Launcher, States};
use super::pilots::Pilots;
use crate::file::{EngineSpec, KubernetesSpec};

/// Name of the container and of the volume.
const NAME: &str = "spotter";
/// Seconds that a process may take to stop.
const GRACE: i64 = 60;
/// Seconds after which a job that has ended is removed: its processes have written what they had to say elsewhere.
const KEPT: i32 = 86_400;

/// A cluster, as `kubectl` reaches it.
pub(super) struct Kubernetes {
    namespace: Option<String>,
}

impl Kubernetes {
    pub(super) fn new(engine: &EngineSpec) -> Self {
        Self { namespace: engine.kubernetes.namespace.clone() }
    }

    /// Returns arguments of `kubectl`, in the namespace.
    fn arguments<'a>(&'a self, arguments: &[&'a str]) -> Vec<&'a str> {
        let namespace = self.namespace.as_deref().map(|namespace| ["--namespace", namespace]);
        namespace.into_iter().flatten().chain(arguments.iter().copied()).collect()
    }
}

#[async_trait]
impl Launcher for Kubernetes {
    fn name(&self) -> &'static str {
        "kubernetes"
    }

    fn text(&self, pilots: &Pilots<'_>) -> anyhow::Result<String> {
        Ok(serde_yaml::to_string(&job(pilots)?)?)
    }

    async fn submit(&self, pilots: &Pilots<'_>, folder: &Path) -> anyhow::Result<Job> {
        let path = folder.join("kubernetes.yaml");
        write_whole(&path, self.text(pilots)?.as_bytes())?;
        // The name is the cluster's to choose, so that one can be submitted again while the last one is being removed.
        let create = ["create", "--filename", path_text(&path)?, "--output=jsonpath={.metadata.name}"];
        let text = printed("kubectl", &self.arguments(&create)).await?;
        match text.trim() {
            "" => bail!("`kubectl create` printed no job name"),
            name => Ok(Job::named(name)),
        }
    }

    async fn states(&self, job: &mut Job, _restart: Option<&Pilots<'_>>) -> anyhow::Result<States> {
        let output = run("kubectl", &self.arguments(&["get", "job", &job.job, "--output=json"])).await?;
        if output.status.success() {
            let job: IndexedJob = serde_json::from_slice(&output.stdout).context("`kubectl get job` printed no job")?;
            return Ok(job.status.map(states).unwrap_or_else(begun));
        }
        let said = said(&output);
        if said.contains("(NotFound)") {
            return Ok(States::default());
        }
        bail!("`kubectl` failed: {said}");
    }

    async fn cancel(&self, job: &Job) -> anyhow::Result<()> {
        let delete = ["delete", "job", &job.job, "--ignore-not-found", "--wait=false"];
        printed("kubectl", &self.arguments(&delete)).await.map(drop)
    }

    fn by_hand(&self, job: &Job) -> String {
        format!("kubectl {}", self.arguments(&["delete", "job", &job.job]).join(" "))
    }

    fn logs(&self, job: &Job, _folder: &Path) -> String {
        let name = format!("job/{}", job.job);
        format!("`kubectl {}`", self.arguments(&["logs", "--prefix", "--all-pods", &name]).join(" "))
    }
}

/// Returns the states of a job that has been taken down and not looked at.
fn begun() -> States {
    let mut states = States::default();
    states.add_waiting("pending", 1);
    states
}

fn states(status: JobStatus) -> States {
    let conditions = status.conditions.unwrap_or_default();
    let has_ended = |kind: &str| conditions.iter().any(|one| one.type_ == kind && one.status == "True");
    if has_ended("Complete") || has_ended("Failed") {
        return States::default();
    }
    let count = |number: Option<i32>| usize::try_from(number.unwrap_or_default()).unwrap_or_default();
    let (active, ready) = (count(status.active), count(status.ready));
    // Between two looks of the cluster's own, none may be active though the job has not ended.
    if active == 0 {
        return begun();
    }
    let mut states = States::default();
    states.add("running", ready.min(active));
    states.add_waiting("pending", active.saturating_sub(ready));
    states
}

/// Returns the job.
fn job(pilots: &Pilots<'_>) -> anyhow::Result<IndexedJob> {
    let (engine, count) = (pilots.engine, i32::try_from(pilots.count)?);
    let labels = BTreeMap::from([("app.kubernetes.io/name".to_owned(), NAME.to_owned())]);
    let template = PodTemplateSpec {
        metadata: Some(ObjectMeta { labels: Some(labels.clone()), ..ObjectMeta::default() }),
        spec: Some(pod(pilots)?),
    };
    Ok(IndexedJob {
        metadata: ObjectMeta {
            generate_name: Some(format!("{}-", pilots.short_label())),
            namespace: engine.kubernetes.namespace.clone(),
            labels: Some(labels),
            ..ObjectMeta::default()
        },
        spec: Some(JobSpec {
            completion_mode: Some("Indexed".to_owned()),
            completions: Some(count),
            parallelism: Some(count),
            backoff_limit_per_index: Some(i32::try_from(engine.restarts)?),
            pod_failure_policy: Some(PodFailurePolicy { rules: rules() }),
            ttl_seconds_after_finished: Some(KEPT),
            template,
            ..JobSpec::default()
        }),
        status: None,
    })
}

/// Returns what becomes of a process that failed: one that lost its place is started again as often as that happens,
/// and one that ended by itself is not.
fn rules() -> Vec<PodFailurePolicyRule> {
    let disruption =
        PodFailurePolicyOnPodConditionsPattern { type_: "DisruptionTarget".to_owned(), status: "True".to_owned() };
    let by_itself = PodFailurePolicyOnExitCodesRequirement {
        container_name: Some(NAME.to_owned()),
        operator: "In".to_owned(),
        values: vec![1, 2],
    };
    vec![
        PodFailurePolicyRule {
            action: "Ignore".to_owned(),
            on_pod_conditions: Some(vec![disruption]),
            on_exit_codes: None,
        },
        PodFailurePolicyRule {
            action: "FailIndex".to_owned(),
            on_pod_conditions: None,
            on_exit_codes: Some(by_itself),
        },
    ]
}

/// Returns one process of the job.
fn pod(pilots: &Pilots<'_>) -> anyhow::Result<PodSpec> {
    let KubernetesSpec { image, program, claim, mount, service_account, secret, .. } = &pilots.engine.kubernetes;
    let mount = mount.as_deref().map_or(pilots.folder, Path::new);
    if let Some(folder) = [pilots.run, pilots.folder].into_iter().find(|folder| !folder.starts_with(mount)) {
        bail!(
            "`{}` is not below `{}`, where the volume is mounted\nhint: set `engine.kubernetes.mount` to a folder that holds the working folder and the run",
            folder.display(),
            mount.display()
        );
    }
    let program = Path::new(program.as_deref().unwrap_or(NAME));
    let container = Container {
        name: NAME.to_owned(),
        image: image.clone(),
        command: Some(vec!["/bin/sh".to_owned(), "-c".to_owned(), pilots.lines(program)?]),
        env_from: secret.clone().map(|name| {
            let secret_ref = Some(SecretEnvSource { name, optional: Some(false) });
            vec![EnvFromSource { secret_ref, ..EnvFromSource::default() }]
        }),
        resources: resources(pilots.engine),
        volume_mounts: Some(vec![VolumeMount {
            name: NAME.to_owned(),
            mount_path: path_text(mount)?.to_owned(),
            ..VolumeMount::default()
        }]),
        ..Container::default()
    };
    let claim_name = claim.clone().context("`engine.kubernetes.claim` is missing")?;
    let source = PersistentVolumeClaimVolumeSource { claim_name, read_only: None };
    Ok(PodSpec {
        containers: vec![container],
        restart_policy: Some("Never".to_owned()),
        service_account_name: service_account.clone(),
        termination_grace_period_seconds: Some(GRACE),
        volumes: Some(vec![Volume {
            name: NAME.to_owned(),
            persistent_volume_claim: Some(source),
            ..Volume::default()
        }]),
        ..PodSpec::default()
    })
}

/// Returns what a process asks for, and may take.
fn resources(engine: &EngineSpec) -> Option<ResourceRequirements> {
    let cpus = engine.cpus.map(|cpus| ("cpu", cpus.to_string()));
    let memory = engine.megabytes().map(|megabytes| ("memory", format!("{megabytes}Mi")));
    let amounts: BTreeMap<String, Quantity> =
        cpus.into_iter().chain(memory).map(|(key, amount)| (key.to_owned(), Quantity(amount))).collect();
    let amounts = Some(amounts).filter(|amounts| !amounts.is_empty())?;
    Some(ResourceRequirements {
        requests: Some(amounts.clone()),
        limits: Some(amounts),
        ..ResourceRequirements::default()
    })
}

#[cfg(test)]
mod tests {
    use expect_test::expect_file;

    use super::super::pilots::tests::{engine, pilots};
    use super::*;

    const ASKED: &str = "{kind: kubernetes, time: '4:00:00', cpus: 4, memory: 16G, restarts: 2, setup: ['umask 2'], kubernetes: {image: 'registry/spotter:1', claim: runs, mount: /shared, namespace: lab, service_account: runner, secret: keys}}";

    #[test]
    fn the_job_asks_for_what_the_file_says() {
        let engine = engine(ASKED);
        let text = Kubernetes::new(&engine).text(&pilots(&engine)).unwrap();
        let back: IndexedJob = serde_yaml::from_str(&text).unwrap();
        assert_eq!(back, job(&pilots(&engine)).unwrap());
        expect_file!["../../tests/kubernetes.yaml"].assert_eq(&text);
        let outside = Pilots { folder: Path::new("/home"), ..pilots(&engine) };
        assert!(job(&outside).unwrap_err().to_string().starts_with("`/home` is not below `/shared`"));
    }

    #[test]
    fn what_the_cluster_says_is_read() {
        let check = |status: &str| states(serde_json::from_str(status).unwrap()).to_string();
        assert_eq!(check(r#"{"active":3,"ready":1}"#), "2 pending, 1 running");
        assert_eq!(check(r#"{"active":2}"#), "2 pending");
        assert_eq!(check("{}"), "1 pending");
        let ended = r#"{"active":0,"failed":1,"conditions":[{"type":"Failed","status":"True"}]}"#;
        assert_eq!(check(ended), "");
        assert_eq!(check(&ended.replace("\"True\"", "\"False\"")), "1 pending");
    }
}
