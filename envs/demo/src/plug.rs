//! The instances that ship with the project, as the configuration sees them.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use audit::{Certificates, Gate};
use env_core::{Environment, EnvironmentPlug, EnvironmentRequest, OpenError, RecordedEpisodes};

use crate::{committed, environment, episode, has_episodes};

/// The instances that ship with the project, as the configuration sees them.
pub struct Demo;

#[async_trait]
impl EnvironmentPlug for Demo {
    fn name(&self) -> &'static str {
        "demo"
    }

    fn kinds(&self) -> Vec<String> {
        vec!["demo".to_owned()]
    }

    fn takes(&self, dataset: &str) -> bool {
        dataset == "demo"
    }

    fn dataset_of(&self, instance_id: &str) -> Option<String> {
        let owner = instance_id.split("__").next().unwrap_or_default();
        owner.eq_ignore_ascii_case("demo").then(|| "demo".to_owned())
    }

    /// They need no container.
    fn sandbox(&self) -> Option<&'static str> {
        Some("local")
    }

    fn recorded(&self, agent: &str) -> Option<RecordedEpisodes> {
        let agent = agent.to_owned();
        has_episodes(&agent).then(|| Box::new(move |id: &str| episode(id, &agent)) as RecordedEpisodes)
    }

    async fn open(&self, request: EnvironmentRequest<'_>) -> Result<Arc<dyn Environment>, OpenError> {
        let provider = request.providers.of_episodes().await?;
        let (judge, limits) = request.providers.of_judging(&provider).await?;
        let demo = environment(provider, request.keep_history)?.judged_by(committed(judge), limits);
        let timeout = request.settings.get("eval_timeout").and_then(serde_json::Value::as_u64);
        let timeout = timeout.ok_or("`env.eval_timeout` is not a number of seconds")?;
        let judging = request.settings.get("judging").and_then(serde_json::Value::as_str).unwrap_or("official");
        let demo = demo.judging(judging.parse()?);
        let on_leak = request.settings.get("on_leak").and_then(serde_json::Value::as_str).unwrap_or("refuse");
        let demo = demo.audited(Gate::new(Certificates::below(request.runs), on_leak.parse()?));
        Ok(Arc::new(demo.with_timeout(Duration::from_secs(timeout))))
    }
}
