//! Harbor task folders, as the configuration sees them.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use audit::{Certificates, Gate};
use env_core::{Environment, EnvironmentPlug, EnvironmentRequest, Instance, OpenError};
use sha2::{Digest, Sha256};
use tool_core::{Image, SandboxProvider, Source};

use crate::environment::{HarborTasks, Images, Task, load_spec};
use crate::run::Tests;
use crate::task::{EnvironmentConfig, TaskFolder, is_folder_of_tasks, load_all};

/// Harbor task folders, as the configuration sees them.
pub struct Harbor;

#[async_trait]
impl EnvironmentPlug for Harbor {
    fn name(&self) -> &'static str {
        "harbor"
    }

    fn kinds(&self) -> Vec<String> {
        vec!["harbor".to_owned()]
    }

    /// Whether it is a task folder or a folder of some.
    fn takes(&self, dataset: &str) -> bool {
        is_folder_of_tasks(Path::new(dataset))
    }

    fn dataset_of(&self, _instance_id: &str) -> Option<String> {
        None
    }

    fn judges_strictly(&self) -> bool {
        false
    }

    async fn open(&self, request: EnvironmentRequest<'_>) -> Result<Arc<dyn Environment>, OpenError> {
        if request.settings.get("judging").and_then(serde_json::Value::as_str) == Some("strict") {
            let hint = "hint: `-c env.judging=official`";
            return Err(format!("a task of Harbor is judged by its own verifier, never strictly\n{hint}").into());
        }
        let folders = load_all(Path::new(request.dataset))?;
        let provider = request.providers.of_episodes().await?;
        let on_leak = request.settings.get("on_leak").and_then(serde_json::Value::as_str).unwrap_or("refuse");
        let (judge, limits) = request.providers.of_judging(&provider).await?;
        let mut tasks = HarborTasks {
            name: "harbor".to_owned(),
            instances: Vec::new(),
            tasks: Vec::new(),
            positions: HashMap::new(),
            provider,
            judge,
            limits,
            keep_history: request.keep_history,
            gate: Gate::new(Certificates::below(request.runs), on_leak.parse()?),
        };
        for folder in folders {
            let images = match folder.refusal() {
                Some(reason) => Err(reason),
                None => images(&folder, &*tasks.provider).await,
            };
            let instance = instance(&folder);
            let id = instance.instance_id.to_lowercase();
            if tasks.positions.insert(id, tasks.tasks.len()).is_some() {
                return Err(format!("two tasks have the id `{}`", instance.instance_id).into());
            }
            tasks.instances.push(instance);
            tasks.tasks.push(Task { folder, images });
        }
        Ok(Arc::new(tasks))
    }
}

/// Returns the instance of a task.
fn instance(folder: &TaskFolder) -> Instance {
    let instance_id = folder.id();
    let own = folder.config.metadata.spotter.clone().unwrap_or_default();
    let base_commit = if own.base_commit.is_empty() { "HEAD".to_owned() } else { own.base_commit };
    let repo = if own.repo.is_empty() { instance_id.clone() } else { own.repo };
    let problem_statement = folder.instruction.clone();
    Instance { instance_id, repo, base_commit, problem_statement, hints_text: String::new(), version: own.version }
}

/// Returns what the sandboxes of a task are started from.
async fn images(folder: &TaskFolder, provider: &dyn SandboxProvider) -> Result<Images, String> {
    let own = &folder.config.environment;
    let startup = match folder.config.metadata.spotter {
        Some(_) => load_spec(&folder.path)?.startup,
        None => variables(own)?,
    };
    let image = |source, startup: &str| Image { source, root: folder.workdir(), startup: startup.to_owned() };
    // Sandboxes that pull no image may still start from one that is here.
    let is_here = match &own.docker_image {
        Some(name) => provider.image_digest(&image(container(name), "")).await.is_some(),
        None => false,
    };
    if !provider.pulls() && !is_here {
        let files = folder.config.metadata.spotter.as_ref().and_then(|own| own.files.as_ref());
        let files = files.ok_or_else(|| {
            let name = own.docker_image.as_deref().unwrap_or("a Dockerfile");
            format!("its image, `{name}`, is not here, and none is pulled\nhint: `-c sandbox.provider=docker`")
        })?;
        let files = files_of(&folder.path.join("environment").join(files))?;
        let agent = image(Source::Files(files), &startup);
        return Ok(Images { verifier: agent.clone(), agent, bundled: false });
    }
    let context = folder.path.join("environment");
    let agent = match &own.docker_image {
        Some(name) => image(container(name), &startup),
        None => image(built(folder, &context, provider).await?, &startup),
    };
    let tests = folder.path.join("tests");
    let of_verifier = folder.config.verifier.environment.as_ref().filter(|_| folder.is_separate());
    let source = match of_verifier.and_then(|environment| environment.docker_image.as_ref()) {
        Some(name) => container(name),
        None if folder.has_bundled_tests() => built(folder, &tests, provider).await?,
        None => agent.source.clone(),
    };
    let is_own = folder.config.metadata.spotter.is_some();
    let startup = of_verifier.filter(|_| !is_own).map_or(Ok(startup), variables)?;
    let verifier = Image { source, root: folder.verifier_workdir(), startup };
    Ok(Images { agent, verifier, bundled: folder.has_bundled_tests() })
}

fn container(name: &str) -> Source {
    Source::Container { name: name.to_owned(), platform: None }
}

/// Returns the image that a Dockerfile describes, which must have been built.
async fn built(folder: &TaskFolder, context: &Path, provider: &dyn SandboxProvider) -> Result<Source, String> {
    if !context.join("Dockerfile").is_file() {
        return Err("it has neither an image nor a Dockerfile".to_owned());
    }
    let mut digest = Sha256::new();
    let files = Tests::read(context).map_err(|err| format!("`{}` cannot be read: {err}", context.display()))?;
    files.digest(&mut digest);
    let tag: String = digest.finalize().iter().take(6).map(|byte| format!("{byte:02x}")).collect();
    let name = format!("spotter-harbor/{}:{tag}", folder.id().to_lowercase());
    let source = container(&name);
    let image = Image { source: source.clone(), root: String::new(), startup: String::new() };
    match provider.image_digest(&image).await {
        Some(_) => Ok(source),
        None => Err(format!("its image is not built\nhint: docker build -t {name} {}", context.display())),
    }
}

/// Returns the files below a folder, by path.
fn files_of(folder: &Path) -> Result<BTreeMap<String, Vec<u8>>, String> {
    let files = Tests::read(folder).map_err(|err| format!("`{}` cannot be read: {err}", folder.display()))?;
    Ok(files.into_files())
}

/// Returns the variables of an environment as bash; one that stands for a variable of this machine is refused.
fn variables(environment: &EnvironmentConfig) -> Result<String, String> {
    let mut script = String::new();
    for (name, value) in &environment.env {
        if value.contains("${") {
            return Err(format!("its variable `{name}` is one of this machine, which no sandbox is given"));
        }
        script.push_str(&format!("export {name}={}\n", tool_core::shell_quote(value)));
    }
    Ok(script)
}
