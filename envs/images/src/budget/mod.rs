//! Keeps the images that work pulls within a budget: pulls ahead, removes what is needed last, and leaves alone what
//! others have pulled.

mod drive;
mod ledger;
mod order;
mod planner;
mod registry;
mod state;

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::anyhow;
use docker::{Images, Removal};
use futures_util::{StreamExt, stream};
use shell::Owner;
use tokio::sync::{Notify, OnceCell};
use tool_core::Host;

use crate::config::ImagesConfig;
use planner::Layer;
use registry::Registry;
use state::State;

/// How often it is looked again whether another process has released something.
const POLL: Duration = Duration::from_secs(1);
/// How many images a registry is asked about at once.
const ASKED: usize = 8;
/// The folder, below that of runs, in which it is kept which images are here by our doing.
const FOLDER: &str = "images/pulled";

/// An image that work needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NeededImage {
    /// Its name.
    pub name: String,
    /// Its platform; `None` is the engine's own.
    pub platform: Option<String>,
    /// What images that probably share layers have in common, such as repository and version.
    pub group: String,
}

/// Keeps the images that work pulls within `images.disk`.
///
/// Images that others have pulled cost nothing and stay. Which are ours is in a file below the folder of runs, one for
/// each engine, so that processes which share an engine and the folder share the budget, and so that it outlives them.
#[derive(Clone)]
pub struct ImageBudget(Arc<Inner>);

struct Inner {
    config: ImagesConfig,
    /// How many bytes images may take.
    disk: u64,
    runs: PathBuf,
    host: Host,
    /// This process, as the file names it.
    own: String,
    connected: OnceCell<Connected>,
    state: Mutex<State>,
    changed: Notify,
}

/// What is asked and told.
struct Connected {
    images: Images,
    registry: Registry,
    folder: PathBuf,
    /// Keys of the layers that images of others have.
    free: HashSet<String>,
}

/// An image that stays for as long as this value lives.
pub struct ImageGuard {
    inner: Arc<Inner>,
    name: String,
}

impl Drop for ImageGuard {
    fn drop(&mut self) {
        self.inner.state().release(&self.name);
        self.inner.kick();
    }
}

/// A wait for an image, which is given up when this is dropped.
struct Ticket {
    inner: Arc<Inner>,
    number: u64,
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.inner.state().give_up(self.number);
        self.inner.kick();
    }
}

impl ImageBudget {
    /// Returns the budget of a configuration, whose runs are below a folder; `None` where it has none.
    pub fn new(config: &ImagesConfig, runs: &Path, host: Host) -> Option<Self> {
        let disk = config.disk?.0;
        Some(Self(Arc::new(Inner {
            config: config.clone(),
            disk,
            runs: runs.to_owned(),
            // Several images at once have no room for a bar each.
            host: Host { terminal: false, ..host },
            own: Owner::this().to_string(),
            connected: OnceCell::new(),
            state: Mutex::default(),
            changed: Notify::new(),
        })))
    }

    /// Takes in what will be worked on, one image for each item, and returns the order in which this is best done: what
    /// is in one image follows each other, and so do images that share layers.
    ///
    /// # Errors
    /// When the engine does not answer.
    pub async fn plan(&self, wanted: &[NeededImage]) -> anyhow::Result<Vec<usize>> {
        let mut seen = HashSet::new();
        let distinct: Vec<NeededImage> = wanted.iter().filter(|one| seen.insert(&one.name)).cloned().collect();
        tracing::info!("looking for the layers of {} images", distinct.len());
        let learn = |one: NeededImage| {
            let inner = self.0.clone();
            async move { inner.learn(&one).await }
        };
        let learned = stream::iter(distinct).map(learn).buffer_unordered(ASKED);
        for learned in learned.collect::<Vec<_>>().await {
            learned?;
        }
        let order = {
            let mut state = self.0.state();
            let layers: Vec<Vec<String>> = wanted.iter().map(|one| state.path(one)).collect();
            let order = order::order(&layers);
            state.plan(order.iter().filter_map(|place| wanted.get(*place)));
            order
        };
        self.0.kick();
        Ok(order)
    }

    /// Takes note that planned work in an image has ended, or is left out.
    pub fn done(&self, name: &str) {
        self.0.state().done(name);
        self.0.kick();
    }

    /// Waits until an image is here, pulled where it has to be.
    ///
    /// # Errors
    /// When the image cannot be had, or is larger than the budget.
    pub async fn hold(&self, wanted: &NeededImage) -> anyhow::Result<ImageGuard> {
        if self.0.state().hold_again(&wanted.name) {
            return Ok(ImageGuard { inner: self.0.clone(), name: wanted.name.clone() });
        }
        self.0.learn(wanted).await?;
        let number = self.0.state().wait_for(&wanted.name);
        let ticket = Ticket { inner: self.0.clone(), number };
        loop {
            let changed = self.0.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            if let Some(answer) = self.0.state().answer(ticket.number) {
                answer.map_err(|why| anyhow!(why))?;
                return Ok(ImageGuard { inner: self.0.clone(), name: wanted.name.clone() });
            }
            self.0.kick();
            let _ = tokio::time::timeout(POLL, changed).await;
        }
    }
}

impl Inner {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn connected(&self) -> anyhow::Result<&Connected> {
        self.connected.get_or_try_init(|| self.connect()).await
    }

    async fn connect(&self) -> anyhow::Result<Connected> {
        let images = Images::connect(&self.host).await?;
        let folder = folder(&self.runs, &images).await?;
        let ours = ledger::peek(&folder)?;
        let mut free = HashSet::new();
        for image in images.list().await? {
            if !image.names.iter().any(|name| ours.contains_key(name)) {
                free.extend(docker::chain(&image.layers));
            }
        }
        let registry = Registry::new(self.host.clone()).map_err(|why| anyhow!(why))?;
        Ok(Connected { images, registry, folder, free })
    }

    /// Finds out what layers an image has, unless that is known.
    async fn learn(&self, wanted: &NeededImage) -> anyhow::Result<()> {
        if self.state().knows(&wanted.name) {
            return Ok(());
        }
        let connected = self.connected().await?;
        let layers = match connected.images.layers(&wanted.name).await? {
            Some(layers) => Some(measured(layers)),
            None => match connected.registry.layers(&wanted.name, wanted.platform.as_deref()).await {
                Ok(layers) => layers,
                Err(why) => {
                    tracing::info!("the layers of `{}` are not known before it is pulled: {why}", wanted.name);
                    None
                }
            },
        };
        self.state().learn(wanted, layers);
        Ok(())
    }
}

/// Returns layers as the engine tells of them.
fn measured(layers: Vec<(String, u64)>) -> Vec<Layer> {
    layers.into_iter().map(|(key, bytes)| Layer { key, bytes, download: 0 }).collect()
}

/// Returns the folder in which it is kept which images of an engine are here by our doing.
async fn folder(runs: &Path, images: &Images) -> anyhow::Result<PathBuf> {
    let engine = images.engine().await?;
    let name: String = engine.chars().map(|one| if one.is_ascii_alphanumeric() { one } else { '-' }).collect();
    Ok(runs.join(FOLDER).join(name))
}

/// Removes the images that work has pulled within a budget and that no process uses, and returns their names.
///
/// # Errors
/// When the engine does not answer, or the file cannot be written.
pub async fn remove_pulled(runs: &Path, images: &Images) -> anyhow::Result<Vec<String>> {
    let folder = folder(runs, images).await?;
    if ledger::peek(&folder)?.is_empty() {
        return Ok(Vec::new());
    }
    let mut ledger = ledger::Ledger::open(&folder).await?;
    let unused = ledger.images.iter().filter(|(_, entry)| !entry.is_coming() && !entry.is_held_elsewhere(""));
    let unused: Vec<String> = unused.map(|(name, _)| name.clone()).collect();
    let mut removed = Vec::new();
    for name in unused {
        if images.remove(&name).await? == Removal::Done {
            ledger.images.remove(&name);
            ledger.save()?;
            removed.push(name);
        }
    }
    Ok(removed)
}
