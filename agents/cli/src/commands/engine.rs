//! The engine of a command, also for images.

use std::marker::PhantomData;
use std::sync::Arc;

use images::{ImageBudget, Pool};
use runner::Resolved;
use runner::engine::{Ending, Engine, Events, INFRASTRUCTURE, Permits, Stage, Work, WorkItem, Worker};
use runner::environments::Providers;
use runner::plugs::host;
use tokio_util::sync::CancellationToken;

/// Returns an engine whose work ends before the sandboxes of `providers` are removed.
pub(super) fn engine(resolved: &Resolved, providers: &Providers, events: Events, workers: usize) -> Engine {
    let config = &resolved.config;
    let images = ImageBudget::new(&config.images, &config.runs, host());
    Engine {
        events,
        permits: Permits::new(&config.permits, workers, &config.runs).with_images(images),
        workers,
        spare: 0,
        tasks: providers.tasks.clone(),
        drain: CancellationToken::new(),
    }
}

/// The engine as images are made and fetched by.
pub(super) struct ImagePool(pub(super) Engine);

impl Pool for ImagePool {
    async fn each<T, R, F>(
        &self,
        items: Vec<(String, T)>,
        run: impl Fn(T) -> F + Send + Sync + 'static,
    ) -> anyhow::Result<Vec<R>>
    where
        T: Send + 'static,
        R: Send + 'static,
        F: Future<Output = R> + Send + 'static,
    {
        self.0.run(&Arc::new(OfImages { run, takes: PhantomData }), items, |_| Ok(())).await
    }
}

/// What is done for an image; it reports its own progress.
struct OfImages<T, G> {
    run: G,
    takes: PhantomData<fn(T)>,
}

impl<T, R, F, G> Work for OfImages<T, G>
where
    T: Send + 'static,
    R: Send + 'static,
    F: Future<Output = R> + Send + 'static,
    G: Fn(T) -> F + Send + Sync + 'static,
{
    type Input = (String, T);
    type Output = R;

    fn endings(&self) -> &'static [&'static str] {
        &["done", INFRASTRUCTURE]
    }

    fn item(&self, (name, _): &(String, T)) -> WorkItem {
        WorkItem { cell: "images".to_owned(), instance_id: name.clone(), sample: 0, stage: Stage::Image }
    }

    async fn work(&self, (_, input): (String, T), _: &Worker) -> R {
        (self.run)(input).await
    }

    fn ending(&self, _: &R) -> Ending {
        Ending { word: "done", was_kept: false, line: String::new() }
    }
}
