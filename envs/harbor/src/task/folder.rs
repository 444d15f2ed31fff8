//! A task folder, and what keeps it from being run here.

use std::fs;
use std::path::{Path, PathBuf};

use super::config::{Artifact, EnvironmentConfig, Mode, NetworkMode, TaskConfig};
use super::keys::{TaskError, read};

/// What always goes from the agent's sandbox to the verifier's.
const ARTIFACTS: &str = "/logs/artifacts";

/// The folder in which commands run where a task names none.
pub(crate) const WORKDIR: &str = "/app";

/// A task folder.
#[derive(Debug, Clone)]
pub struct TaskFolder {
    /// The folder.
    pub path: PathBuf,
    /// Its `task.toml`.
    pub config: TaskConfig,
    /// What the agent is told.
    pub instruction: String,
}

/// Returns whether `path` is a task folder or has one in it, or in its `tasks`.
pub fn is_folder_of_tasks(path: &Path) -> bool {
    !folders(path).is_empty()
}

/// Reads the task folders of `path` in the order of their names.
///
/// # Errors
/// [`TaskError`] of the first that cannot be read.
pub fn load_all(path: &Path) -> Result<Vec<TaskFolder>, TaskError> {
    folders(path).iter().map(|folder| TaskFolder::load(folder)).collect()
}

/// Returns the task folders of `path`.
fn folders(path: &Path) -> Vec<PathBuf> {
    if path.join("task.toml").is_file() {
        return vec![path.to_owned()];
    }
    for base in [path.join("tasks"), path.to_owned()] {
        let Ok(entries) = fs::read_dir(&base) else { continue };
        let paths = entries.flatten().map(|entry| entry.path());
        let mut found: Vec<PathBuf> = paths.filter(|path| path.join("task.toml").is_file()).collect();
        if !found.is_empty() {
            found.sort();
            return found;
        }
    }
    Vec::new()
}

impl TaskFolder {
    /// Reads a task folder.
    ///
    /// # Errors
    /// [`TaskError`] when a file is missing or not valid.
    pub fn load(path: &Path) -> Result<Self, TaskError> {
        let config = read(&path.join("task.toml"))?;
        let file = path.join("instruction.md");
        let instruction = match fs::read_to_string(&file) {
            Ok(text) => text,
            Err(_) if !config.steps.is_empty() => String::new(),
            Err(err) => {
                let reason = format!("it cannot be read: {err}");
                return Err(TaskError { path: file, line: None, reason });
            }
        };
        Ok(Self { path: path.to_owned(), config, instruction })
    }

    /// Returns the instance's id: that of the instance that it was written from, else the folder's name.
    pub fn id(&self) -> String {
        match &self.config.metadata.spotter {
            Some(own) if !own.instance_id.is_empty() => own.instance_id.clone(),
            _ => self.path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default(),
        }
    }

    /// Returns whether the verifier runs in a sandbox of its own.
    pub fn is_separate(&self) -> bool {
        let verifier = &self.config.verifier;
        verifier.environment_mode.map_or(verifier.environment.is_some(), |mode| mode == Mode::Separate)
    }

    /// Returns the paths that go from the agent's sandbox to the verifier's.
    pub fn sources(&self) -> Vec<String> {
        let mut sources = vec![ARTIFACTS.to_owned()];
        let workdir = self.config.environment.workdir.as_deref().unwrap_or(WORKDIR);
        for artifact in &self.config.artifacts {
            let (Artifact::Path(source) | Artifact::Table { source, .. }) = artifact;
            let source = source.trim_end_matches('/');
            let source = if source.starts_with('/') { source.to_owned() } else { format!("{workdir}/{source}") };
            let covered = |known: &String| {
                source.strip_prefix(known).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            };
            if !sources.iter().any(covered) {
                sources.push(source);
            }
        }
        sources
    }

    /// Returns why the task cannot be run here.
    pub fn refusal(&self) -> Option<String> {
        let own = &self.config.environment;
        if !self.config.steps.is_empty() {
            return Some("it has several steps".to_owned());
        }
        let folders = [self.path.join("environment"), self.path.join("tests")];
        if folders.iter().any(|folder| folder.join("docker-compose.yaml").exists()) {
            return Some("it wants several services (docker-compose.yaml)".to_owned());
        }
        if self.services().any(|service| service != "main") {
            return Some("it collects from another service than the agent's sandbox".to_owned());
        }
        if !self.path.join("tests/test.sh").is_file() {
            return Some("it has no `tests/test.sh`".to_owned());
        }
        let environments = [Some(own), self.config.verifier.environment.as_ref()];
        environments.into_iter().flatten().find_map(unfit).or_else(|| self.unfit_phase())
    }

    /// Returns what the agent or the verifier wants that cannot be had here.
    fn unfit_phase(&self) -> Option<String> {
        let TaskConfig { agent, verifier, .. } = &self.config;
        for (name, user, network) in
            [("agent", &agent.user, agent.network_mode), ("verifier", &verifier.user, verifier.network_mode)]
        {
            if let Some(user) = user.as_ref().filter(|user| !is_root(user)) {
                return Some(format!("its {name} runs as the user {user}, and only root runs here"));
            }
            if network == Some(NetworkMode::Allowlist) {
                return Some(format!("its {name} may reach some hosts of the network only, which cannot be done here"));
            }
        }
        let variable = verifier.env.iter().find(|(_, value)| value.contains("${"));
        variable.map(|(name, _)| format!("its variable `{name}` is one of this machine, which no sandbox is given"))
    }

    fn services(&self) -> impl Iterator<Item = &str> {
        let artifacts = self.config.artifacts.iter().filter_map(|artifact| match artifact {
            Artifact::Path(_) => None,
            Artifact::Table { service, .. } => service.as_deref(),
        });
        artifacts.chain(self.config.verifier.collect.iter().filter_map(|collect| collect.service.as_deref()))
    }
}

fn is_root(user: &toml::Value) -> bool {
    user.as_str() == Some("root") || user.as_str() == Some("0") || user.as_integer() == Some(0)
}

/// Returns why an environment cannot be had here.
fn unfit(environment: &EnvironmentConfig) -> Option<String> {
    if environment.os.as_deref().is_some_and(|os| !os.eq_ignore_ascii_case("linux")) {
        return Some("it runs on Windows".to_owned());
    }
    if environment.gpus.is_some_and(|gpus| gpus > 0) {
        return Some("it needs a GPU".to_owned());
    }
    (environment.network_mode == Some(NetworkMode::Allowlist))
        .then(|| "it allows some hosts of the network only, which cannot be done here".to_owned())
}
