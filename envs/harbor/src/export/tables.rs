//! What `task.toml` says of an instance.

use repo::outside::{collect_command, ready_command};
use tool_core::Source;

use super::{Exported, Exporter};
use crate::grader::PATCH;
use crate::task::{
    AgentConfig, Artifact, Collect, EnvironmentConfig, Healthcheck, Mode, NetworkMode, Own, PackageInfo, SCHEMA,
    TaskConfig, TaskMetadata, VerifierConfig,
};

/// Seconds that a large repository may take to be made ready, or its patch to be taken.
const REPOSITORY: f64 = 1800.0;
/// Seconds that applying the patch may take besides the tests, with all ways that are tried.
const APPLYING: f64 = 1800.0;

impl Exporter {
    /// Returns the tables of an instance.
    pub(super) fn tables(&self, task: &Exported<'_>) -> TaskConfig {
        let (instance, image) = (task.instance, &task.verifier.image);
        let (docker_image, files) = match &image.source {
            Source::Container { name, .. } => (Some(name.clone()), None),
            Source::Files(_) | Source::Directory(_) => (None, Some("repo".to_owned())),
        };
        let patch = format!("/logs/{PATCH}");
        let environment = EnvironmentConfig {
            network_mode: Some(NetworkMode::NoNetwork),
            workdir: Some(image.root.clone()),
            memory_mb: Some(self.memory_mb),
            ..EnvironmentConfig::default()
        };
        // A verifier starts from the same image; it is not the place to look for what an agent must not see.
        let verifier = VerifierConfig {
            timeout_sec: Some(task.verifier.timeout.as_secs_f64() + APPLYING),
            environment_mode: Some(Mode::Separate),
            collect: vec![Collect {
                command: collect_command(&image.root, &instance.base_commit, &patch),
                service: None,
                timeout_sec: Some(REPOSITORY),
            }],
            environment: Some(environment.clone()),
            ..VerifierConfig::default()
        };
        let ready = ready_command(&image.root, &instance.base_commit);
        let healthcheck = Healthcheck { timeout_sec: REPOSITORY, retries: 1, ..Healthcheck::new(ready) };
        TaskConfig {
            schema_version: SCHEMA.to_owned(),
            artifacts: vec![Artifact::Path(patch)],
            task: Some(PackageInfo {
                name: format!("spotter/{}", instance.instance_id),
                description: format!("An issue of {}", instance.repo),
                keywords: vec!["swe-bench".to_owned()],
            }),
            metadata: TaskMetadata {
                spotter: Some(Own {
                    instance_id: instance.instance_id.clone(),
                    repo: instance.repo.clone(),
                    base_commit: instance.base_commit.clone(),
                    version: instance.version.clone(),
                    root: image.root.clone(),
                    files,
                }),
            },
            verifier,
            agent: AgentConfig { timeout_sec: Some(self.agent_timeout), ..AgentConfig::default() },
            environment: EnvironmentConfig { docker_image, healthcheck: Some(healthcheck), ..environment },
            steps: Vec::new(),
        }
    }
}
