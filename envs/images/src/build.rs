//! Makes the images of instances: the base, then environments, then instances, several at once.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use dataset::Row;
use docker::{Build, Images, StoredImage};
use grading::{Spec, Specs};
use serde::Serialize;

use crate::config::ImagesConfig;
use crate::host_network::{HostNetwork, SHARE};
use crate::recipe::{PackageList, Recipe, RecipeSettings};
use crate::source::{Folder, Source, Sources, file_name};
use crate::store;

/// Makes the images of instances.
pub struct Builder {
    /// The engine.
    pub images: Images,
    /// How images are made.
    pub config: ImagesConfig,
    /// How each version of a repository is installed.
    pub specs: Specs,
    /// Where repositories come from.
    pub sources: Sources,
    /// The way to the package index.
    pub network: HostNetwork,
    /// Where logs are, and what is kept between builds.
    pub folder: PathBuf,
    /// Makes even what is up to date.
    pub force: bool,
    /// Tells a person of what goes on.
    pub say: fn(&str),
}

/// What became of an image.
#[derive(Debug, Clone, Default, Serialize)]
pub struct ImageResult {
    /// `base`, `environment` or `instance`.
    pub kind: &'static str,
    /// The instance that it is of, for an `instance`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instance_id: Option<String>,
    /// Its name.
    pub image: String,
    /// `built`, `current` when it was up to date, or `failed`.
    pub state: &'static str,
    /// How long it took.
    pub seconds: f64,
    /// Bytes of the layers that it has on top of what it is made from.
    pub own_bytes: u64,
    /// Bytes of the layers that it shares with what it is made from.
    pub shared_bytes: u64,
    /// The commit that a solver starts from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub base_commit: Option<String>,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// An instance whose image can be made.
struct Plan {
    row: Row,
    source: Source,
    environment: Recipe,
    instance: Recipe,
}

impl Builder {
    /// Makes the images of `rows` and all that they are made from; what fails is in the result, and stops no other.
    ///
    /// # Errors
    /// When the base image cannot be made.
    pub async fn build(self: &Arc<Self>, rows: Vec<Row>, pool: &impl Pool) -> anyhow::Result<Vec<ImageResult>> {
        let recipes = self.config.recipes();
        let parent = self.obtain(&recipes.base).await?;
        let base = recipes.base(&parent.id);
        let made = self.make("base", &base, None, None).await;
        let broken = made.error.clone();
        let mut all = vec![made];
        if broken.is_some() {
            return Ok(all);
        }
        let rows = rows.into_iter().map(|row| (row.instance_id.clone(), row)).collect();
        let shared = Arc::new((self.clone(), recipes, base));
        let planned = pool.each(rows, move |row: Row| {
            let shared = shared.clone();
            async move {
                let (builder, recipes, base) = shared.as_ref();
                builder.plan(recipes, base, &row).await.map_err(|err| (row, format!("{err:#}")))
            }
        });
        let (mut plans, mut environments) = (Vec::new(), BTreeMap::new());
        for planned in planned.await? {
            match planned {
                Ok(plan) => {
                    environments.insert(plan.environment.name.clone(), plan.environment.clone());
                    plans.push(plan);
                }
                Err((row, reason)) => all.push(failed("instance", Some(&row.instance_id), "", reason)),
            }
        }
        let builder = self.clone();
        let made = pool.each(environments.into_iter().collect(), move |recipe: Recipe| {
            let builder = builder.clone();
            async move { builder.make("environment", &recipe, None, None).await }
        });
        let environments = made.await?;
        let broken: Vec<String> =
            environments.iter().filter(|made| made.error.is_some()).map(|made| made.image.clone()).collect();
        all.extend(environments);
        let plans = plans.into_iter().map(|plan| (plan.row.instance_id.clone(), plan)).collect();
        let builder = self.clone();
        let made = pool.each(plans, move |plan: Plan| {
            let (builder, broken) = (builder.clone(), broken.contains(&plan.environment.name));
            async move {
                let Plan { row, source, environment, instance } = plan;
                if broken {
                    let reason = format!("its environment `{}` failed", environment.name);
                    return failed("instance", Some(&row.instance_id), &instance.name, reason);
                }
                builder.make("instance", &instance, Some(&row), Some(&source)).await
            }
        });
        all.extend(made.await?);
        Ok(all)
    }

    /// Returns the image that bases are made from, pulled where it is missing.
    async fn obtain(&self, name: &str) -> anyhow::Result<StoredImage> {
        if let Some(image) = self.images.find(name).await? {
            return Ok(image);
        }
        let (config, platform) = (&self.config, self.config.platform.as_deref());
        let pulled = self.images.pull(name, platform, config.pull_attempts, config.pull_pause(), &self.say).await;
        pulled.context("hint: `images.base` names the image that all others are made from")?;
        self.images.find(name).await?.with_context(|| format!("no image `{name}`"))
    }

    async fn plan(&self, recipes: &RecipeSettings, base: &Recipe, row: &Row) -> anyhow::Result<Plan> {
        let spec = self.specs.find(&row.repo, &row.version).map_err(anyhow::Error::msg)?.clone();
        let source = self.sources.of(row)?;
        let packages = self.packages(&spec, row, &source).await?;
        let environment = recipes.environment(base, &spec, &packages).map_err(anyhow::Error::msg)?;
        let instance = recipes.instance(&environment, &row.instance_id, &spec, &source.key(row));
        Ok(Plan { row: row.clone(), source, environment, instance })
    }

    /// Returns the packages that the spec asks for, those of the repository's own lists included.
    async fn packages(&self, spec: &Spec, row: &Row, source: &Source) -> anyhow::Result<PackageList> {
        let repo = self.specs.repo(&row.repo).map_err(anyhow::Error::msg)?;
        let mut texts: BTreeMap<String, Option<String>> = BTreeMap::new();
        loop {
            // What a list refers to is known once it is read, so ask again until nothing is missing.
            let mut missing = None;
            let found = PackageList::find(repo, spec, |path| {
                let text = texts.get(path).cloned();
                missing = text.is_none().then(|| path.to_owned()).or_else(|| missing.take());
                text.ok_or_else(String::new)
            });
            match missing {
                Some(path) => {
                    let text = self.sources.read(source, row, &path).await?;
                    texts.insert(path, text);
                }
                None => return found.map_err(anyhow::Error::msg),
            }
        }
    }

    /// Makes an image unless it is up to date.
    async fn make(
        &self,
        kind: &'static str,
        recipe: &Recipe,
        row: Option<&Row>,
        source: Option<&Source>,
    ) -> ImageResult {
        let started = Instant::now();
        let id = row.map(|row| row.instance_id.as_str());
        let mut made = match self.make_or_fail(recipe, row, source).await {
            Ok((image, shared_bytes, state)) => ImageResult {
                state,
                own_bytes: image.size.saturating_sub(shared_bytes),
                shared_bytes,
                base_commit: image.labels.get(store::COMMIT).cloned(),
                ..failed(kind, id, &recipe.name, String::new())
            },
            Err(err) => failed(kind, id, &recipe.name, format!("{err:#}")),
        };
        made.seconds = (started.elapsed().as_secs_f64() * 10.0).round() / 10.0;
        made.error = made.error.filter(|error| !error.is_empty());
        (self.say)(&made.line());
        made
    }

    async fn make_or_fail(
        &self,
        recipe: &Recipe,
        row: Option<&Row>,
        source: Option<&Source>,
    ) -> anyhow::Result<(StoredImage, u64, &'static str)> {
        let parent = self.images.find(&recipe.parent).await?;
        let parent = parent.with_context(|| format!("`{}`, which it is made from, is gone", recipe.parent))?;
        if let Some(image) = self.images.find(&recipe.name).await?
            && image.labels.get(store::RECIPE) == Some(&recipe.digest)
            && image.layers.starts_with(&parent.layers)
            && !self.force
        {
            return Ok((image, parent.size, "current"));
        }
        let mut variables: Vec<(String, String)> = self.network.variables.clone().into_iter().collect();
        let mut labels = vec![(store::RECIPE.to_owned(), recipe.digest.clone())];
        let mut _git = None;
        if let (Some(row), Some(source)) = (row, source) {
            let name = file_name(&recipe.name);
            let target = self.folder.join("share/repositories").join(&name);
            _git = Some(Folder(target.clone()));
            let repository = self.sources.prepare(source, row, &target).await.context("step `source` failed")?;
            let below = repository.git.strip_prefix(self.folder.join("share")).unwrap_or(&repository.git);
            variables.push(("SPOTTER_REPOSITORY".to_owned(), format!("{SHARE}/{}", below.display())));
            variables.push(("SPOTTER_COMMIT".to_owned(), repository.commit.clone()));
            labels.push((store::COMMIT.to_owned(), repository.commit));
            labels.push((store::INSTANCE.to_owned(), row.instance_id.clone()));
        }
        let path = self.folder.join(format!("{}.log", file_name(&recipe.name)));
        fs::create_dir_all(&self.folder)?;
        let mut log = File::create(&path).with_context(|| format!("cannot write the log `{}`", path.display()))?;
        let order = Build {
            name: recipe.name.clone(),
            parent: recipe.parent.clone(),
            platform: self.config.platform.clone(),
            steps: recipe.steps.iter().map(|step| (step.name.clone(), step.script.clone())).collect(),
            labels,
            variables,
            mounts: self.network.mounts.clone(),
            network: self.config.network.clone(),
            memory: self.config.memory,
            timeout: Duration::from_secs(self.config.step_timeout),
        };
        let image = self.images.build(&order, &mut log).await;
        let image = image.map_err(|err| anyhow::anyhow!("{err}\nhint: the log is `{}`", path.display()))?;
        Ok((image, parent.size, "built"))
    }
}

fn failed(kind: &'static str, instance_id: Option<&str>, image: &str, reason: String) -> ImageResult {
    let instance_id = instance_id.map(str::to_owned);
    ImageResult {
        kind,
        instance_id,
        image: image.to_owned(),
        state: "failed",
        error: Some(reason),
        ..ImageResult::default()
    }
}

impl ImageResult {
    /// Returns the line that tells a person of it.
    pub fn line(&self) -> String {
        let name = self.instance_id.as_deref().unwrap_or(&self.image);
        if let Some(error) = &self.error {
            return format!("{name}: {error}");
        }
        let megabytes = |bytes: u64| bytes as f64 / 1e6;
        let (own, shared) = (megabytes(self.own_bytes), megabytes(self.shared_bytes));
        format!("{name}: {} in {:.1} s, {own:.0} MB of its own over {shared:.0} MB", self.state, self.seconds)
    }
}

/// Does things side by side, in whatever way the caller bounds them.
pub trait Pool: Sync {
    /// Does one thing for each named item and returns what came of them in their order.
    ///
    /// # Errors
    /// When one of them has panicked.
    fn each<T, R, F>(
        &self,
        items: Vec<(String, T)>,
        run: impl Fn(T) -> F + Send + Sync + 'static,
    ) -> impl Future<Output = anyhow::Result<Vec<R>>> + Send
    where
        T: Send + 'static,
        R: Send + 'static,
        F: Future<Output = R> + Send + 'static;
}
