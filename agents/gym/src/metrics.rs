//! What the server counts, in the text form of Prometheus.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Bounds of the buckets of the durations of calls, in seconds.
const BOUNDS: [f64; 10] = [0.001, 0.005, 0.02, 0.1, 0.5, 2.0, 10.0, 60.0, 300.0, 1800.0];

/// What the server counts.
#[derive(Debug, Default)]
pub(crate) struct Metrics {
    /// Sessions and rollouts by how they ended.
    ended: Mutex<BTreeMap<(&'static str, &'static str), u64>>,
    refused: Mutex<BTreeMap<&'static str, u64>>,
    begun: Mutex<BTreeMap<&'static str, u64>>,
    buckets: [AtomicU64; BOUNDS.len()],
    calls: AtomicU64,
    micros: AtomicU64,
    model_calls: AtomicU64,
}

impl Metrics {
    /// Counts a session or rollout that begins.
    pub(crate) fn begun(&self, kind: &'static str) {
        add(&self.begun, kind);
    }

    /// Counts one that ended, by what it was worth.
    pub(crate) fn ended(&self, kind: &'static str, reward: &crate::Reward) {
        let word = match &reward.reward_components {
            None => "infrastructure",
            Some(components) if components.resolved => "resolved",
            Some(_) => "unresolved",
        };
        add(&self.ended, (kind, word));
    }

    /// Counts a request that is refused, by why.
    pub(crate) fn refused(&self, why: &'static str) {
        add(&self.refused, why);
    }

    /// Counts a call of a tool.
    pub(crate) fn called(&self, took: Duration) {
        let seconds = took.as_secs_f64();
        for (_, bucket) in BOUNDS.iter().zip(&self.buckets).filter(|(bound, _)| seconds <= **bound) {
            bucket.fetch_add(1, Ordering::Relaxed);
        }
        self.calls.fetch_add(1, Ordering::Relaxed);
        self.micros.fetch_add(u64::try_from(took.as_micros()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// Counts a call of a model that was handed on.
    pub(crate) fn handed_on(&self) {
        self.model_calls.fetch_add(1, Ordering::Relaxed);
    }

    /// Returns all as text, with how many sessions and rollouts are under way.
    pub(crate) fn text(&self, live: usize, most: usize) -> String {
        let mut text = String::new();
        head(&mut text, "live", "gauge", "Sessions and rollouts that are under way.");
        line(&mut text, "live", "", live as f64);
        head(&mut text, "live_limit", "gauge", "How many may be.");
        line(&mut text, "live_limit", "", most as f64);
        head(&mut text, "begun_total", "counter", "Sessions and rollouts that have begun.");
        for (kind, count) in lock(&self.begun).iter() {
            line(&mut text, "begun_total", &format!("{{kind=\"{kind}\"}}"), *count as f64);
        }
        head(&mut text, "ended_total", "counter", "Sessions and rollouts that have ended, by what came of them.");
        for ((kind, result), count) in lock(&self.ended).iter() {
            let labels = format!("{{kind=\"{kind}\",result=\"{result}\"}}");
            line(&mut text, "ended_total", &labels, *count as f64);
        }
        head(&mut text, "refused_total", "counter", "Requests that were refused, by why.");
        for (why, count) in lock(&self.refused).iter() {
            line(&mut text, "refused_total", &format!("{{why=\"{why}\"}}"), *count as f64);
        }
        head(&mut text, "model_calls_total", "counter", "Calls of models that were handed on.");
        line(&mut text, "model_calls_total", "", self.model_calls.load(Ordering::Relaxed) as f64);
        self.durations(&mut text);
        text
    }

    fn durations(&self, text: &mut String) {
        let count = self.calls.load(Ordering::Relaxed) as f64;
        head(text, "call_seconds", "histogram", "How long calls of tools took.");
        for (bound, bucket) in BOUNDS.iter().zip(&self.buckets) {
            let labels = format!("{{le=\"{bound}\"}}");
            line(text, "call_seconds_bucket", &labels, bucket.load(Ordering::Relaxed) as f64);
        }
        line(text, "call_seconds_bucket", "{le=\"+Inf\"}", count);
        line(text, "call_seconds_sum", "", self.micros.load(Ordering::Relaxed) as f64 / 1e6);
        line(text, "call_seconds_count", "", count);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn add<K: Ord>(counts: &Mutex<BTreeMap<K, u64>>, key: K) {
    *lock(counts).entry(key).or_default() += 1;
}

fn head(text: &mut String, name: &str, kind: &str, help: &str) {
    // Writing to a string does not fail.
    let _ = writeln!(text, "# HELP spotter_gym_{name} {help}\n# TYPE spotter_gym_{name} {kind}");
}

fn line(text: &mut String, name: &str, labels: &str, value: f64) {
    let _ = writeln!(text, "spotter_gym_{name}{labels} {value}");
}
