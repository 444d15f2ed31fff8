//! Does what the planner says.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use docker::Removal;
use tool_core::Size;

use super::ledger::{Entry, Ledger};
use super::planner::{Layer, Step, Stored, View, next};
use super::{Connected, Inner, measured};

/// How many images are pulled at once.
const PULLS: usize = 2;
/// The pause after a registry has said that it was asked too much, where it does not say how long.
const LIMITED: Duration = Duration::from_secs(60);

impl Inner {
    /// Has it looked at what can be done now.
    pub(super) fn kick(self: &Arc<Self>) {
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        let mut state = self.state();
        state.is_dirty = true;
        if std::mem::replace(&mut state.is_driven, true) {
            return;
        }
        runtime.spawn(self.clone().run());
    }

    async fn run(self: Arc<Self>) {
        loop {
            self.state().is_dirty = false;
            if let Err(err) = self.drive().await {
                self.state().fail_all(&format!("images cannot be kept within `images.disk`: {err:#}"));
            }
            self.changed.notify_waiters();
            let mut state = self.state();
            if !state.is_dirty {
                state.is_driven = false;
                return;
            }
        }
    }

    async fn drive(self: &Arc<Self>) -> anyhow::Result<()> {
        let connected = self.connected().await?;
        let mut ledger = Ledger::open(&connected.folder).await?;
        self.recover(connected, &mut ledger).await?;
        self.answer(connected, &mut ledger).await?;
        loop {
            let step = next(&self.view(connected, &ledger));
            match step {
                Step::Pull(name) => {
                    if self.is_paused() {
                        break;
                    }
                    if connected.images.find(&name).await?.is_some() {
                        // Whoever has pulled it, it is not ours.
                        let mut state = self.state();
                        state.is_of_others(&name);
                        // Who has asked for it since it was last looked is not to wait for a pull.
                        state.grant(&name, &Ok(()));
                        continue;
                    }
                    let layers = self.state().layers(&name, self.disk);
                    let entry = Entry { layers, coming: Some(self.own.clone()), used: now(), ..Entry::default() };
                    ledger.images.insert(name.clone(), entry);
                    // It is known to be ours before it is there.
                    ledger.save()?;
                    tokio::spawn(self.clone().pull(name));
                }
                Step::Remove(name) => match connected.images.remove(&name).await? {
                    Removal::Done => {
                        tracing::info!("removed the image {name}");
                        ledger.images.remove(&name);
                        ledger.save()?;
                    }
                    Removal::InUse(why) => {
                        tracing::debug!("the image {name} stays for now: {why}");
                        self.state().stuck(&name);
                    }
                },
                Step::TooLarge(name, bytes) => self.state().fail(&name, &too_large(&name, bytes, self.disk)),
                Step::Nothing => break,
            }
        }
        ledger.save()
    }

    /// Finds out what became of pulls whose process has died.
    async fn recover(&self, connected: &Connected, ledger: &mut Ledger) -> anyhow::Result<()> {
        let is_lost = |entry: &Entry| entry.coming.is_some() && !entry.is_coming();
        let lost = ledger.images.iter().filter(|(_, entry)| is_lost(entry));
        for name in lost.map(|(name, _)| name.clone()).collect::<Vec<_>>() {
            match connected.images.layers(&name).await? {
                Some(layers) => {
                    if let Some(entry) = ledger.images.get_mut(&name) {
                        entry.coming = None;
                        entry.layers = measured(layers);
                    }
                }
                None => drop(ledger.images.remove(&name)),
            }
        }
        Ok(())
    }

    /// Gives those who wait the images that are here, and writes down what is held.
    async fn answer(&self, connected: &Connected, ledger: &mut Ledger) -> anyhow::Result<()> {
        let waiting = self.state().waiting();
        for name in waiting {
            if ledger.images.get(&name).is_some_and(|entry| entry.coming.is_some()) {
                continue;
            }
            if connected.images.find(&name).await?.is_none() {
                // Whoever has removed it, it is no longer there.
                ledger.images.remove(&name);
                self.state().is_gone(&name);
                continue;
            }
            self.state().grant(&name, &Ok(()));
            if let Some(entry) = ledger.images.get_mut(&name) {
                entry.used = now();
            }
        }
        let state = self.state();
        for (name, entry) in &mut ledger.images {
            if state.holds(name) {
                entry.holders.insert(self.own.clone());
            } else {
                entry.holders.remove(&self.own);
            }
        }
        Ok(())
    }

    fn view(&self, connected: &Connected, ledger: &Ledger) -> View {
        let state = self.state();
        let stored = ledger.images.iter().map(|(name, entry)| Stored {
            name: name.clone(),
            layers: entry.layers.clone(),
            is_coming: entry.coming.is_some(),
            is_held: state.is_held(name) || entry.is_held_elsewhere(&self.own),
            used: entry.used,
        });
        let (waiting, later) = state.needed(self.disk);
        View { budget: self.disk, pulls: PULLS, free: connected.free.clone(), stored: stored.collect(), waiting, later }
    }

    fn is_paused(&self) -> bool {
        self.state().paused.is_some_and(|until| until > Instant::now())
    }

    async fn pull(self: Arc<Self>, name: String) {
        if let Err(err) = self.try_pull(&name).await {
            self.state().fail(&name, &format!("{err:#}"));
        }
        self.kick();
    }

    async fn try_pull(&self, name: &str) -> anyhow::Result<()> {
        let connected = self.connected().await?;
        if connected.registry.is_counting(name)
            && let Some(pause) = connected.registry.pause(name).await
        {
            self.limited(name, pause);
            Ledger::open(&connected.folder).await.and_then(|mut ledger| {
                ledger.images.remove(name);
                ledger.save()
            })?;
            return Ok(());
        }
        let (config, platform) = (&self.config, self.state().platform(name));
        let say = |text: &str| tracing::info!("{text}");
        let pulled =
            connected.images.pull(name, platform.as_deref(), config.pull_attempts, config.pull_pause(), &say).await;
        let mut ledger = Ledger::open(&connected.folder).await?;
        let layers = match &pulled {
            Ok(()) => connected.images.layers(name).await?.map(measured),
            Err(_) => None,
        };
        let Some(layers) = layers else {
            ledger.images.remove(name);
            ledger.save()?;
            return match pulled {
                Err(err) if is_limit(&err.to_string()) => {
                    self.limited(name, connected.registry.pause(name).await.unwrap_or(LIMITED));
                    Ok(())
                }
                Err(err) => Err(err.into()),
                Ok(()) => anyhow::bail!("the image `{name}` was pulled and is gone"),
            };
        };
        let whole = bytes(&layers, &connected.free, |_| true);
        if whole > self.disk {
            connected.images.remove(name).await?;
            ledger.images.remove(name);
            ledger.save()?;
            anyhow::bail!(too_large(name, whole, self.disk));
        }
        let others: HashSet<&str> = ledger
            .images
            .iter()
            .filter(|(other, _)| *other != name)
            .flat_map(|(_, entry)| &entry.layers)
            .map(|layer| layer.key.as_str())
            .collect();
        let own = bytes(&layers, &connected.free, |key| !others.contains(key));
        self.state().measured(name, &layers, own);
        ledger.images.insert(name.to_owned(), Entry { layers, used: now(), ..Entry::default() });
        ledger.save()
    }

    /// Pulls nothing for a while, as the registry gives nothing.
    fn limited(&self, name: &str, pause: Duration) {
        let mut state = self.state();
        if state.paused.is_none_or(|until| until <= Instant::now()) {
            tracing::warn!("the registry of `{name}` allows no more pulls for now; retrying in {} s", pause.as_secs());
        }
        state.paused = Some(Instant::now() + pause);
    }
}

/// Returns whether a pull failed as the registry was asked too much.
fn is_limit(reason: &str) -> bool {
    let reason = reason.to_lowercase();
    ["toomanyrequests", "too many requests", "http 429"].iter().any(|sign| reason.contains(sign))
}

/// Returns what layers take that are not free.
fn bytes(layers: &[Layer], free: &HashSet<String>, counts: impl Fn(&str) -> bool) -> u64 {
    let counted = layers.iter().filter(|layer| !free.contains(&layer.key) && counts(&layer.key));
    counted.map(|layer| layer.bytes).sum()
}

fn too_large(name: &str, bytes: u64, disk: u64) -> String {
    let mb = bytes.div_ceil(1 << 20);
    format!(
        "the image `{name}` takes {mb} MB while it is pulled, and all images together may take {}\n\
         hint: a larger `images.disk`",
        Size(disk)
    )
}

/// Returns the seconds since 1970.
fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}
