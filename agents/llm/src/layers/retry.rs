//! Retries what may succeed the next time.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use agent_core::ModelError;
use tokio::time::Instant;

use crate::RetryConfig;

/// How long requests waited for their turn, which is no patience with a server.
#[derive(Debug, Default)]
pub(crate) struct Waited(AtomicU64);

impl Waited {
    pub(crate) fn add(&self, waited: Duration) {
        self.0.fetch_add(u64::try_from(waited.as_micros()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    fn get(&self) -> Duration {
        Duration::from_micros(self.0.load(Ordering::Relaxed))
    }
}

/// Asks until there is an answer or an error that lasts, waiting longer each time.
pub(crate) async fn again<T, Answer>(
    config: &RetryConfig,
    waited: &Waited,
    ask: impl Fn() -> Answer,
) -> Result<T, ModelError>
where
    Answer: Future<Output = Result<T, ModelError>>,
{
    let started = Instant::now();
    let mut attempt: u32 = 1;
    loop {
        let (message, retry_after) = match ask().await {
            Err(ModelError::Transient { message, retry_after }) => (message, retry_after),
            answer => return answer,
        };
        let wait = wait(config, attempt, retry_after, fastrand::f64());
        let elapsed = started.elapsed().saturating_sub(waited.get());
        if elapsed.saturating_add(wait).as_secs_f64() > config.max_elapsed {
            let message = format!("{message}\ngave up after attempt {attempt}, {:.1} s", elapsed.as_secs_f64());
            return Err(ModelError::Transient { message, retry_after });
        }
        tracing::warn!("attempt {attempt} failed, the next is in {:.1} s: {message}", wait.as_secs_f64());
        tokio::time::sleep(wait).await;
        attempt += 1;
    }
}

/// Returns how long to wait after an attempt: a share (0 to 1) of a bound that doubles, but longer than the server
/// asks.
fn wait(config: &RetryConfig, attempt: u32, retry_after: Option<Duration>, share: f64) -> Duration {
    let drawn = |bound: f64| Duration::try_from_secs_f64(share * bound.min(config.cap)).unwrap_or_default();
    let doubled = drawn(config.base * 2f64.powi(attempt.saturating_sub(1).min(60) as i32));
    // Those that were all sent away at once are not to come back all at once.
    let asked = retry_after.map(|asked| asked.saturating_add(drawn(config.base)));
    doubled.max(asked.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_cap_but_never_less_than_the_server_asks() {
        let config = RetryConfig { max_elapsed: 100.0, base: 1.0, cap: 5.0 };
        let longest = |attempt| wait(&config, attempt, None, 1.0).as_secs_f64();
        assert_eq!([1, 2, 3, 4, 100].map(longest), [1.0, 2.0, 4.0, 5.0, 5.0]);
        assert_eq!(wait(&config, 4, None, 0.0), Duration::ZERO);
        assert_eq!(wait(&config, 1, Some(Duration::from_secs(30)), 0.0), Duration::from_secs(30));
        assert_eq!(wait(&config, 1, Some(Duration::from_secs(30)), 1.0), Duration::from_secs(31));
        assert_eq!(wait(&config, 1, Some(Duration::MAX), 1.0), Duration::MAX);
        assert_eq!(wait(&config, 4, Some(Duration::from_secs(2)), 1.0), Duration::from_secs(5));
    }
}
