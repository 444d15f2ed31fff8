//! What a server serves, and the sessions on it.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::anyhow;
use axum::http::StatusCode;
use env_core::{Environment, Instance};
use futures_util::future::join;
use journal::Lease;
use llm::Forward;
use runner::Plugs;
use runner::driver::driver;
use runner::engine::Engine;
use runner::stages::{Attempt, Cell, Solving, tools_of_driver};
use serde::Deserialize;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::gateway::Records;
use crate::metrics::Metrics;
use crate::refusal::Refusal;
use crate::rollout::Rollouts;
use crate::sessions::{Ended, Kept, KeptFile, Kind, Missing, Session, Slot, Slots, State, Table};
use crate::tasks::Tasks;
use crate::tools::Tools;
use crate::{Abandoned, Reward, Settings, Warm};

/// Connections for each session that may be under way; a few more are for those that are told that there is no place.
const CONNECTIONS: usize = 4;

/// Endings of files of datasets, which are no part of their names.
const ENDINGS: [&str; 5] = [".zst", ".gz", ".jsonl", ".json", ".parquet"];

/// What a gym is made from.
pub struct Parts {
    /// The cell of the sessions, whose models are asked elsewhere.
    pub cell: Cell,
    /// The environment of the cell.
    pub environment: Arc<Warm>,
    /// The places of the instances that are served, in their order.
    pub places: Vec<usize>,
    /// Works on the episodes. Once its drain is cancelled, no session begins.
    pub engine: Engine,
    /// How it serves.
    pub settings: Settings,
    /// What the program is put together from, for rollouts.
    pub plugs: Plugs,
    /// The settings of the command, over which those of a rollout are laid.
    pub base: runner::Settings,
}

/// What a server serves, and the sessions on it.
pub struct Gym {
    /// Name of the environment in addresses.
    pub(crate) name: String,
    pub(crate) settings: Settings,
    pub(crate) tasks: Tasks,
    /// What a client may call.
    pub(crate) tools: Tools,
    pub(crate) metrics: Metrics,
    pub(crate) table: Table,
    pub(crate) engine: Engine,
    pub(crate) environment: Arc<Warm>,
    pub(crate) cell: Cell,
    /// Connections of web sockets.
    pub(crate) connections: Slots,
    /// The index of the instance of the next session that is on any.
    next: AtomicUsize,
    pub(crate) plugs: Plugs,
    pub(crate) base: runner::Settings,
    pub(crate) rollouts: Rollouts,
    /// Calls of foreign agents that are under way.
    pub(crate) forwarding: Slots,
    /// Where the calls of foreign agents go; `None` where no model is configured.
    pub(crate) forward: Option<Forward>,
    /// The calls of foreign agents.
    pub(crate) records: Records,
    kept: KeptFile,
    /// No other server is at the same run.
    _lease: Lease,
    /// The number of the next episode, by cell and instance.
    samples: Mutex<HashMap<(String, String), u32>>,
    /// Once cancelled, all that is under way is stopped.
    pub(crate) stop: CancellationToken,
}

impl Gym {
    /// Returns a gym.
    ///
    /// # Errors
    /// When a template of a tool is missing or broken, the folder of the run cannot be written or is another server's, or the
    /// server of the model that is configured cannot be asked.
    pub fn new(parts: Parts) -> anyhow::Result<Self> {
        let Parts { cell, environment, places, engine, settings, plugs, base } = parts;
        let tools = Tools::new(tools_of_driver(&cell.resolved)?);
        let run = cell.cell_dir.journal().run();
        let lease = Lease::take(&run.join("leases").join("gym.server"))?;
        let held = || anyhow!("another server is at the run `{}`\nhint: choose another `--run`", run.display());
        let lease = lease.ok_or_else(held)?;
        let (kept, earlier) = KeptFile::open(run)?;
        let records = Records::new(run);
        let model = &cell.resolved.config.model;
        let is_configured = model.name.is_some() || model.base_url.is_some() || !model.endpoints.is_empty();
        let forward = is_configured.then(|| Forward::connect(model)).transpose()?;
        Ok(Self {
            name: wire_name(cell.resolved.config.env.dataset.as_deref().unwrap_or_else(|| environment.name())),
            tasks: Tasks::new(settings.split.clone(), places),
            table: Table::new(earlier, settings.sessions),
            connections: Slots::new(settings.sessions.saturating_mul(CONNECTIONS).saturating_add(64)),
            forwarding: Slots::new(usize::MAX),
            settings,
            tools,
            metrics: Metrics::default(),
            engine,
            environment,
            cell,
            next: AtomicUsize::new(0),
            plugs,
            base,
            rollouts: Rollouts::default(),
            forward,
            records,
            kept,
            _lease: lease,
            samples: Mutex::default(),
            stop: CancellationToken::new(),
        })
    }

    /// Returns the name of the environment in addresses.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns how many sessions and rollouts are under way.
    pub fn live(&self) -> usize {
        self.table.live.taken()
    }

    /// Returns an instance by its place.
    pub(crate) fn instance(&self, place: usize) -> Result<&Instance, Refusal> {
        self.environment.instances().get(place).ok_or_else(|| Refusal::bad("there is no such instance"))
    }

    /// Returns the place of an instance that a client wants, by its id, its index, a number that stands for one of them, or,
    /// where it wants any, of the next one.
    pub(crate) fn wanted(&self, wanted: &Wanted) -> Result<usize, Refusal> {
        if let Some(split) = &wanted.split {
            self.tasks.check(split)?;
        }
        let count = self.tasks.places().len();
        match wanted {
            Wanted { instance_id: Some(id), .. } => self.tasks.find(self.environment.as_ref(), id),
            Wanted { index: Some(index), .. } => self.tasks.place(*index),
            Wanted { seed: Some(seed), .. } => self.tasks.place((*seed % count.max(1) as u64) as i64),
            _ => self.tasks.place((self.next.fetch_add(1, Ordering::Relaxed) % count.max(1)) as i64),
        }
    }

    /// Begins a session on an instance.
    pub(crate) fn begin(self: &Arc<Self>, id: &str, place: usize) -> Result<Arc<Session>, Refusal> {
        let instance = self.instance(place)?;
        check_id(id)?;
        if self.table.has(id) {
            return Err(Refusal::bad(format!("session `{id}` exists already")));
        }
        let taken = self.take_slot()?;
        let instance_id = instance.instance_id.clone();
        let sample = self.next_sample(&self.cell, &instance_id);
        let (driver, beginning, asks) = driver();
        let (states, state) = watch::channel(State::Starting);
        let session = Arc::new(Session::new(id.to_owned(), instance_id, driver, state));
        if !self.table.add(session.clone()) {
            return Err(Refusal::bad(format!("session `{id}` exists already")));
        }
        if let Err(refusal) = self.keep(id, Kind::Session, &self.cell, &session.instance_id, sample) {
            // It is begun by nobody, and would never end.
            self.table.remove(id);
            return Err(refusal);
        }
        let attempt = Attempt { cell: Arc::new(self.cell.driven(sample, asks)), index: place };
        let gym = self.clone();
        self.metrics.begun("session");
        tokio::spawn(async move {
            let solving = Arc::new(Solving);
            let run = gym.engine.one(&solving, attempt);
            let begun = async {
                let messages = beginning.wait().await.map(Arc::new);
                if let Some(messages) = &messages {
                    states.send_replace(State::Ready(messages.clone()));
                }
                messages.unwrap_or_default()
            };
            let reward = tokio::select! {
                (ran, messages) = join(run, begun) => {
                    let reward = match ran {
                        Ok((_, attempted)) => Reward::of(gym.settings.reward, &attempted),
                        Err(why) => Reward::none(&why),
                    };
                    gym.metrics.ended("session", &reward);
                    Some(Ended { reward, messages })
                }
                () = gym.stop.cancelled() => None,
            };
            // The slot is free before anyone hears of the end.
            drop(taken);
            let ended = reward.unwrap_or_else(|| Ended::broken("the server is ending"));
            states.send_replace(State::Ended(Arc::new(ended)));
        });
        Ok(session)
    }

    /// Takes a slot of those that may be under way.
    pub(crate) fn take_slot(&self) -> Result<Slot, Refusal> {
        self.check_drain("begins no more")?;
        self.table.live.take().ok_or_else(|| {
            self.metrics.refused("capacity");
            let most = self.table.live.most();
            Refusal::for_now(format!("{most} are under way, which is as many as may be\nhint: `--sessions`"))
        })
    }

    /// Refuses what is asked of a server that is to end.
    pub(crate) fn check_drain(&self, what: &str) -> Result<(), Refusal> {
        if self.engine.drain.is_cancelled() {
            self.metrics.refused("draining");
            return Err(Refusal::new(StatusCode::SERVICE_UNAVAILABLE, format!("the server is ending and {what}")));
        }
        Ok(())
    }

    /// Returns a session.
    pub(crate) fn find(&self, id: &str) -> Result<Arc<Session>, Refusal> {
        self.table.find(id).map_err(|missing| {
            let gone = |why: String| Refusal::new(StatusCode::GONE, why);
            match missing {
                Missing::Unknown => Refusal::new(StatusCode::NOT_FOUND, format!("there is no session `{id}`")),
                Missing::Gone => gone(format!("session `{id}` was closed or left alone, and is gone")),
                Missing::Earlier(kept) if kept.kind == Kind::Rollout => Refusal::bad(format!(
                    "`{id}` is a rollout on `{}`, which takes no calls\nhint: `/rollout` with its `rollout_id` answers it",
                    kept.instance_id
                )),
                Missing::Earlier(kept) => gone(format!(
                    "session `{id}` on `{}` was of a server that has stopped: it has ended, or cannot go on\n\
                     hint: begin another one; what came of it is in the run",
                    kept.instance_id
                )),
            }
        })
    }

    /// Closes a session, which is abandoned unless it has ended.
    pub(crate) fn close(&self, id: &str) {
        let Some(session) = self.table.remove(id) else { return };
        if !matches!(session.state(), State::Ended(_)) {
            let abandoned = self.settings.abandoned;
            tokio::spawn(async move { session.abandon(abandoned, "its client closed the session").await });
        }
    }

    /// Has sessions end that were left alone, again and again.
    pub(crate) async fn end_idle(&self) {
        let idle = self.settings.idle;
        let pause = (idle / 10).clamp(std::time::Duration::from_millis(50), std::time::Duration::from_secs(10));
        loop {
            tokio::time::sleep(pause).await;
            self.rollouts.forget_old(idle);
            self.records.forget_old(idle);
            for session in self.table.take_idle(idle) {
                tracing::info!("session {} on {} was left alone", session.id, session.instance_id);
                let abandoned: Abandoned = self.settings.abandoned;
                let why = format!("its client left it alone for {} seconds", idle.as_secs());
                tokio::spawn(async move { session.abandon(abandoned, &why).await });
            }
        }
    }

    /// Notes that an episode begins.
    pub(crate) fn keep(
        &self,
        id: &str,
        kind: Kind,
        cell: &Cell,
        instance_id: &str,
        sample: u32,
    ) -> Result<(), Refusal> {
        let (cell, instance_id) = (cell.cell_dir.name().to_owned(), instance_id.to_owned());
        let kept = Kept { id: id.to_owned(), kind, cell, instance_id, sample };
        let added = self.kept.add(&kept);
        if kind == Kind::Rollout {
            self.table.know(kept);
        }
        added.map_err(|err| Refusal::broken(&err))
    }

    /// Returns the number of the next episode of a cell on an instance.
    pub(crate) fn next_sample(&self, cell: &Cell, instance_id: &str) -> u32 {
        let mut samples = self.samples.lock().unwrap_or_else(PoisonError::into_inner);
        let next = samples.entry((cell.cell_dir.name().to_owned(), instance_id.to_owned())).or_default();
        while cell.cell_dir.of_sample(*next).instance_path(instance_id).exists() {
            *next += 1;
        }
        *next += 1;
        *next - 1
    }
}

/// Which instance a client wants.
#[derive(Debug, Clone, Default, Deserialize)]
pub(crate) struct Wanted {
    pub(crate) instance_id: Option<String>,
    pub(crate) index: Option<i64>,
    pub(crate) split: Option<String>,
    pub(crate) seed: Option<u64>,
}

/// Refuses an id that would be none in a header, an address or a log.
pub(crate) fn check_id(id: &str) -> Result<(), Refusal> {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | ':');
    if id.is_empty() || id.len() > 128 || !id.chars().all(fits) {
        return Err(Refusal::unfit("an id has 1 to 128 letters, digits, `-`, `_`, `.` and `:`"));
    }
    Ok(())
}

/// Returns the name by which addresses have a dataset: a file's without its folder and its endings.
fn wire_name(dataset: &str) -> String {
    let mut name = std::path::Path::new(dataset).file_name().and_then(|name| name.to_str()).unwrap_or(dataset);
    while let Some(stem) = ENDINGS.iter().find_map(|ending| name.strip_suffix(ending)) {
        name = stem;
    }
    let fits = |c: char| if c.is_ascii_alphanumeric() || c == '-' { c.to_ascii_lowercase() } else { '-' };
    let name: String = name.chars().map(fits).collect();
    if name.is_empty() { "gym".to_owned() } else { name }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_have_a_dataset_by_its_name() {
        for (dataset, expected) in [
            ("swe-gym-lite", "swe-gym-lite"),
            ("org/SWE-bench_Lite", "swe-bench-lite"),
            ("org/rows.v1.5", "rows-v1-5"),
            ("rows.jsonl", "rows"),
            ("../data/Some Rows.jsonl.zst", "some-rows"),
            (".json", "gym"),
        ] {
            assert_eq!(wire_name(dataset), expected, "{dataset}");
        }
    }
}
