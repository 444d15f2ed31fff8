//! Episodes with scripted models in a local sandbox.

use std::sync::{Arc, Mutex};

use agent_core::{
    Agent, ContextConfig, Episode, EpisodeParts, Header, Limits, Message, Model, Outcome, Record, Recorder, Trajectory,
    run,
};
use env_core::Environment;
use serde_json::Value;
use tool_core::Embed;

use crate::scripted::Scripted;

/// Keeps records where a test can see them.
#[derive(Clone, Default)]
struct Kept(Arc<Mutex<Vec<Record>>>);

impl Recorder for Kept {
    fn append(&mut self, record: &Record) -> std::io::Result<()> {
        self.0.lock().unwrap().push(record.clone());
        Ok(())
    }
}

/// What a test lays over the defaults.
pub(crate) struct Case<A: Agent> {
    pub(crate) turns: Vec<Value>,
    pub(crate) limits: Limits,
    pub(crate) context: ContextConfig,
    pub(crate) config: A::Config,
    /// What a killed process left of the same episode; its answers come before the turns.
    pub(crate) earlier: Option<Trajectory>,
    pub(crate) embedder: Option<Arc<dyn Embed>>,
    /// Templates laid over ours, by their files.
    pub(crate) prompts: &'static [(&'static str, &'static str)],
}

/// What came of an episode.
pub(crate) struct Ran {
    pub(crate) outcome: Outcome,
    pub(crate) records: Vec<Record>,
    pub(crate) requests: Vec<agent_core::Request>,
}

impl<A: Agent> Default for Case<A> {
    fn default() -> Self {
        Self {
            turns: Vec::new(),
            limits: Limits::default(),
            context: ContextConfig::default(),
            config: A::Config::default(),
            earlier: None,
            embedder: None,
            prompts: &[],
        }
    }
}

impl<A: Agent> Case<A> {
    pub(crate) fn of(turns: Vec<Value>) -> Self {
        Self { turns, ..Self::default() }
    }

    /// Runs the episode on a demo instance in a local sandbox.
    pub(crate) async fn run(self) -> Ran {
        let provider = crate::local_provider().await;
        let environment = demo::environment(provider, false).unwrap();
        let instance = env_core::find_instance(environment.instances(), "demo__lru-1").unwrap().clone();
        let ready = environment.reset(&instance).await.unwrap();
        let environment = Arc::new(environment);
        let posed = instance.clone();
        let fresh_sandbox: agent_core::FreshSandbox = Box::new(move || {
            let (environment, instance) = (environment.clone(), posed.clone());
            Box::pin(async move { environment.reset(&instance).await })
        });
        let root = ready.sandbox.info().root.clone();
        let scripted = Arc::new(Scripted::new(self.turns));
        let model: Arc<dyn Model> = scripted.clone();
        let agent = A::new(self.config);
        let kept = Kept::default();
        let over = self.prompts.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned()));
        let parts = EpisodeParts {
            instance,
            sandbox: ready.sandbox.clone(),
            baseline: ready.baseline,
            model,
            toolbox: agent.tools(),
            prompts: prompts::Prompts::new(over.collect()).unwrap(),
            limits: self.limits,
            context: self.context,
            recorder: Box::new(kept.clone()),
            fresh_sandbox: Some(fresh_sandbox),
            embedder: self.embedder,
            earlier: self.earlier,
            secrets: agent_core::Secrets::new([("TEST_KEY".to_owned(), "sk-of-the-test-1".to_owned())]),
        };
        let outcome = run(agent, Episode::begin(parts, header(&root)).unwrap()).await;
        ready.sandbox.stop().await.unwrap();
        let records = kept.0.lock().unwrap().clone();
        Ran { outcome, records, requests: scripted.requests() }
    }
}

impl Ran {
    /// Returns the texts that the agent or the tools put into the conversation, in order.
    pub(crate) fn told(&self) -> Vec<String> {
        let texts = self.records.iter().filter_map(|record| match record {
            Record::Message { message, .. } => Some(message.content.clone()),
            Record::Observation { observation, .. } => Some(observation.text.clone()),
            _ => None,
        });
        texts.collect()
    }

    pub(crate) fn last(&self) -> &[Message] {
        &self.requests.last().unwrap().messages
    }
}

fn header(root: &str) -> Header {
    let text = || "test".to_owned();
    Header {
        version: 1,
        instance_id: text(),
        environment: text(),
        agent: text(),
        model: text(),
        config: text(),
        root: root.to_owned(),
        sandbox: text(),
        isolated: false,
        history_kept: false,
        tools: Vec::new(),
        origin: agent_core::Origin::default(),
    }
}
