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

    /// Returns the paths that go from the agent's sandbox to the verifier's, with the patterns of what stays behind.
    pub fn sources(&self) -> Vec<(String, &[String])> {
        let mut sources: Vec<(String, &[String])> = vec![(ARTIFACTS.to_owned(), &[])];
        let workdir = self.workdir();
        for artifact in &self.config.artifacts {
            let (source, exclude) = match artifact {
                Artifact::Path(source) => (source, &[][..]),
                Artifact::Table { source, exclude, .. } => (source, &exclude[..]),
            };
            let source = source.trim_end_matches('/');
            let source = if source.starts_with('/') { source.to_owned() } else { format!("{workdir}/{source}") };
            let covered = |(known, exclude): &(String, &[String])| {
                let below = source.strip_prefix(known.as_str());
                exclude.is_empty() && below.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            };
            if !sources.iter().any(covered) {
                sources.push((source, exclude));
            }
        }
        sources
    }

    /// Returns the folder in which the agent's commands run: the task's own word, that of its Dockerfile, else `/app`.
    pub fn workdir(&self) -> String {
        let said = self.config.environment.workdir.clone();
        said.or_else(|| workdir_of(&self.path.join("environment"))).unwrap_or_else(|| WORKDIR.to_owned())
    }

    /// Returns the folder in which the verifier's commands run.
    pub fn verifier_workdir(&self) -> String {
        let own = self.config.verifier.environment.as_ref().filter(|_| self.is_separate());
        let said = own.and_then(|own| own.workdir.clone());
        let built = || self.has_bundled_tests().then(|| workdir_of(&self.path.join("tests"))).flatten();
        said.or_else(built).unwrap_or_else(|| self.workdir())
    }

    /// Returns whether the tests are in an image of the verifier's own, which then are not given to it.
    pub fn has_bundled_tests(&self) -> bool {
        let own = self.config.verifier.environment.as_ref();
        let has_image = own.is_some_and(|own| own.docker_image.is_some());
        self.is_separate() && (has_image || self.path.join("tests/Dockerfile").is_file())
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
        if !self.has_bundled_tests() && !self.path.join("tests/test.sh").is_file() {
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

/// Returns the folder that the last stage of a Dockerfile works in, where the file itself says so.
fn workdir_of(context: &Path) -> Option<String> {
    let text = fs::read_to_string(context.join("Dockerfile")).ok()?;
    let mut workdir: Option<PathBuf> = None;
    for line in text.lines() {
        let mut words = line.split_whitespace();
        let (Some(word), Some(path)) = (words.next(), words.next()) else { continue };
        if word.eq_ignore_ascii_case("FROM") {
            workdir = None;
        } else if word.eq_ignore_ascii_case("WORKDIR") {
            let path = path.trim_matches('"');
            // What a variable stands for is only known to who builds it.
            let known = !path.contains('$') && (path.starts_with('/') || workdir.is_some());
            workdir = known.then(|| workdir.unwrap_or_default().join(path));
        }
    }
    workdir.map(|path| path.to_string_lossy().into_owned())
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
