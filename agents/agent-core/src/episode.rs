//! One agent on one instance.

use std::sync::Arc;
use std::time::{Duration, Instant};

use env_core::{Baseline, EnvError, Instance, Patch};
use prompts::Prompts;
use repo::capture::{Captured, capture};
use repo::{LeftOut, WhyLeftOut};
use serde::Serialize;
use serde_json::{Map, Value};
use tool_core::{Embed, Finish, Observation, Sandbox, SandboxError, Tool, ToolError, Toolbox};

use crate::conversation::context::Context;
use crate::fresh_sandbox::{FreshSandbox, take_patch};
use crate::resume::fingerprint::Fingerprints;
use crate::resume::restore::{Answered, Restore};
use crate::{
    AgentError, Completion, ContextConfig, EpisodeTexts, ExitStatus, FinishReason, Header, Limit, Limits, Message,
    Model, ModelError, Outcome, OutcomeClass, Record, Recorder, Request, Secrets, Spending, StuckDetector, ToolCall,
    ToolSpec, Trajectory, clip, escaped, moved,
};

/// One agent on one instance: the conversation, and everything that the agent may use.
///
/// Whatever an agent does goes through [`Episode::query`] and [`Episode::act`], which keep the limits and the record.
pub struct Episode {
    parts: EpisodeParts,
    /// The conversation, and all tools.
    request: Request,
    fingerprints: Fingerprints,
    spending: Spending,
    context: Context,
    last_tokens: u64,
    /// The path of the repository as the model knows it; it differs from the real one only in a resumed episode.
    root: String,
    /// The record of a killed attempt, until it is used up.
    restore: Option<Restore>,
    /// How many steps were reused from a parent, if there is one.
    parent_steps: u64,
    stuck: StuckDetector,
    /// The call in the middle of which the latest answer was cut off.
    cut_off: Option<ToolCall>,
    /// The patch that `finish` captured, if nothing was run since.
    captured: Option<Captured>,
    /// Whether the model was told of files that are too large for the patch.
    leftovers_told: bool,
    started: Instant,
}

/// The parts of an episode.
pub struct EpisodeParts {
    /// The instance.
    pub instance: Instance,
    /// Where commands run.
    pub sandbox: Arc<dyn Sandbox>,
    /// The baseline that the patch is taken against.
    pub baseline: Baseline,
    /// The model.
    pub model: Arc<dyn Model>,
    /// The tools that the model may call.
    pub toolbox: Toolbox,
    /// The templates.
    pub prompts: Prompts,
    /// The limits of the episode.
    pub limits: Limits,
    /// How the conversation is kept within the model's context.
    pub context: ContextConfig,
    /// Records the trajectory.
    pub recorder: Box<dyn Recorder>,
    /// Prepares another sandbox for the same instance, from which a damaged baseline is restored.
    pub fresh_sandbox: Option<FreshSandbox>,
    /// The embedding model, for tools that rank by vectors; `None` if none is configured.
    pub embedder: Option<Arc<dyn Embed>>,
    /// The record of a killed attempt at the same episode, or the first steps of another episode; the conversation
    /// continues where it ends.
    pub earlier: Option<Trajectory>,
    /// Secrets that must not be shown to the model or recorded.
    pub secrets: Secrets,
}

impl Episode {
    /// Starts the clock and writes the header, whose tools are filled in from the toolbox.
    ///
    /// # Errors
    /// When a tool has no description, or the header cannot be written.
    pub fn begin(mut parts: EpisodeParts, mut header: Header) -> Result<Self, AgentError> {
        let tools = describe(&parts.toolbox, &parts.prompts)?;
        header.tools.clone_from(&tools);
        let restore = parts.earlier.take().and_then(Restore::new);
        let root = restore.as_ref().map_or(parts.sandbox.info().root.as_str(), Restore::root).to_owned();
        header.root.clone_from(&root);
        let parent_steps = header.origin.parent.as_ref().map_or(0, |parent| parent.step);
        parts.recorder.append(&Record::Header(header))?;
        Ok(Self {
            context: Context::new(&parts.context),
            parts,
            request: Request { messages: Vec::new(), tools },
            fingerprints: Fingerprints::default(),
            spending: Spending::default(),
            last_tokens: 0,
            root,
            restore,
            parent_steps,
            stuck: StuckDetector::default(),
            cut_off: None,
            captured: None,
            leftovers_told: false,
            started: Instant::now(),
        })
    }

    /// Returns the instance.
    pub fn instance(&self) -> &Instance {
        &self.parts.instance
    }

    /// Returns the sandbox.
    pub fn sandbox(&self) -> &dyn Sandbox {
        self.parts.sandbox.as_ref()
    }

    /// Returns the embedding model, if one is configured.
    pub fn embedder(&self) -> Option<Arc<dyn Embed>> {
        self.parts.embedder.clone()
    }

    /// Returns what the episode has spent so far.
    pub fn spending(&self) -> &Spending {
        &self.spending
    }

    /// Returns the conversation.
    pub fn messages(&self) -> &[Message] {
        &self.request.messages
    }

    /// Renders a template with `instance`, `root` and `tools` (own name to name on the wire).
    ///
    /// # Errors
    /// See [`prompts::PromptError`].
    pub fn render(&self, template: &str) -> Result<String, AgentError> {
        self.render_with(template, ())
    }

    /// Renders a template with `extra` in addition to what [`Episode::render`] offers.
    ///
    /// # Errors
    /// See [`prompts::PromptError`].
    pub fn render_with(&self, template: &str, extra: impl Serialize) -> Result<String, AgentError> {
        #[derive(Serialize)]
        struct Variables<'a, T> {
            instance: &'a Instance,
            root: &'a str,
            tools: std::collections::BTreeMap<&'a str, &'a str>,
            extra: T,
        }
        let names = self.parts.toolbox.signatures();
        let variables = Variables {
            instance: &self.parts.instance,
            root: &self.root,
            tools: names.map(|signature| (signature.name, signature.wire_name.as_str())).collect(),
            extra,
        };
        Ok(self.parts.prompts.render(template, variables)?)
    }

    /// Returns the texts of tools, for an agent that uses them outside of a tool call.
    pub fn texts(&self) -> EpisodeTexts<'_> {
        EpisodeTexts::new(&self.parts.prompts)
    }

    /// Appends a message to the conversation.
    ///
    /// # Errors
    /// When it cannot be recorded.
    pub fn push(&mut self, message: Message) -> Result<(), AgentError> {
        let recorded = self.restore.as_mut().and_then(|restore| restore.message(&message));
        self.note_end_of_record()?;
        let restored = recorded.is_some();
        let message = recorded.unwrap_or(message);
        self.parts.recorder.append(&Record::Message {
            step: self.spending.steps,
            message: message.clone(),
            extra: Map::new(),
            restored,
        })?;
        self.request.messages.push(message);
        Ok(())
    }

    /// Begins a new conversation, as for the next state of an agent that has several: the model is shown nothing of
    /// what was said before. Spending, limits and the record continue.
    ///
    /// # Errors
    /// When it cannot be recorded.
    pub fn begin_conversation(&mut self, name: &str) -> Result<(), AgentError> {
        let restored = self.restore.as_mut().is_some_and(|restore| restore.conversation(name));
        self.note_end_of_record()?;
        let record = Record::Conversation { step: self.spending.steps, name: name.to_owned(), restored };
        self.parts.recorder.append(&record)?;
        self.request.messages.clear();
        self.fingerprints = Fingerprints::default();
        self.context = Context::new(&self.parts.context);
        self.last_tokens = 0;
        Ok(())
    }

    /// Queries the model, offering every tool.
    ///
    /// # Errors
    /// A limit, or the model's failure.
    pub async fn query(&mut self) -> Result<Completion, AgentError> {
        self.ask(None).await
    }

    /// Queries the model, offering only the named tools (own names).
    ///
    /// # Errors
    /// A limit, or the model's failure.
    pub async fn query_with(&mut self, names: &[&str]) -> Result<Completion, AgentError> {
        let own = |spec: &ToolSpec| self.parts.toolbox.own_name(&spec.name);
        let offered = self.request.tools.iter().filter(|spec| own(spec).is_some_and(|name| names.contains(&name)));
        let offered = offered.cloned().collect();
        self.ask(Some(offered)).await
    }

    /// Runs a tool call and appends its observation to the conversation, clipped in the middle if it is too long.
    ///
    /// # Errors
    /// A limit, or a broken sandbox; a rejected call is an observation.
    pub async fn act(&mut self, call: &ToolCall) -> Result<Observation, AgentError> {
        let started = Instant::now();
        let observation = if self.cut_off.as_ref() == Some(call) {
            Observation::error(self.render("episode/cut_off.md")?)
        } else {
            let sandbox = self.parts.sandbox.clone();
            let arguments = moved(&call.arguments, &escaped(&self.root), &escaped(&sandbox.info().root));
            let told = self.texts();
            let called = self.parts.toolbox.call(&call.name, &arguments, sandbox.as_ref(), &told).await;
            let observed = self.observed(called, &told)?;
            told.check()?;
            let text = moved(&observed.text, &sandbox.info().root, &self.root);
            Observation { text: self.parts.secrets.redact(text), ..observed }
        };
        let observation = self.told_of_leftovers(call, observation).await?;
        let seconds = started.elapsed().as_secs_f64();
        self.spending.tool_seconds += seconds;
        let step = self.spending.steps;
        let recorded = self.restore.as_mut().and_then(|restore| restore.observation(call, &observation));
        self.note_end_of_record()?;
        let restored = recorded.is_some();
        let (observation, seconds) = recorded.unwrap_or((observation, seconds));
        let clipped = self.clipped(observation.text.clone())?;
        let record = Record::Observation {
            step,
            call: call.clone(),
            observation: observation.clone(),
            shown: (clipped != observation.text).then(|| clipped.clone()),
            seconds,
            extra: Map::new(),
            restored,
        };
        self.parts.recorder.append(&record)?;
        self.request.messages.push(Message::tool(call, clipped));
        self.stuck.saw(call, &observation);
        self.check_stuck()?;
        Ok(observation)
    }

    /// Runs the calls of an answer in order, each as [`Episode::act`] does, and returns whether `finish` was among
    /// them; the other calls are run and answered as well.
    ///
    /// # Errors
    /// As [`Episode::act`].
    pub async fn act_all(&mut self, calls: &[ToolCall]) -> Result<bool, AgentError> {
        let mut finished = false;
        for call in calls {
            let shown = self.act(call).await?;
            finished |= self.parts.toolbox.own_name(&call.name) == Some(Finish::NAME) && !shown.is_error;
        }
        Ok(finished)
    }

    /// Answers the first `finish` with what would be left out of the patch as too large, where there is something. The
    /// patch that was taken for that is kept as long as nothing else is run.
    async fn told_of_leftovers(
        &mut self,
        call: &ToolCall,
        observation: Observation,
    ) -> Result<Observation, AgentError> {
        self.captured = None;
        if self.parts.toolbox.own_name(&call.name) != Some(Finish::NAME) || observation.is_error {
            return Ok(observation);
        }
        // What cannot be taken now is seen to at the end.
        let Ok(captured) = capture(self.parts.sandbox.as_ref(), &self.parts.baseline).await else {
            return Ok(observation);
        };
        let too_large = captured.left_out.iter().filter(|one| one.why == WhyLeftOut::TooLarge);
        let files: Vec<String> = too_large.take(20).map(LeftOut::to_string).collect();
        self.captured = Some(captured);
        if files.is_empty() || std::mem::replace(&mut self.leftovers_told, true) {
            return Ok(observation);
        }
        let extra: Extra = [("files", files.join(", "))].into_iter().collect();
        Ok(Observation::error(self.render_with("episode/left_out.md", extra)?))
    }

    /// Returns what a call showed; what the tool refuses is an observation, too.
    fn observed(
        &self,
        called: Result<Observation, ToolError>,
        told: &EpisodeTexts<'_>,
    ) -> Result<Observation, AgentError> {
        let why = match called {
            Ok(observation) => return Ok(observation),
            Err(err) => err.message(told)?,
        };
        let text = self.render_with("episode/rejected.md", [("why", why)].into_iter().collect::<Extra>())?;
        Ok(Observation::error(text))
    }

    /// Counts a step.
    pub(crate) fn next_step(&mut self) -> Result<(), AgentError> {
        if self.parts.limits.steps.is_some_and(|limit| self.spending.steps >= limit) {
            return Err(AgentError::Limit(Limit::Steps));
        }
        self.spending.steps += 1;
        Ok(())
    }

    /// Returns the time left, where there is a limit on it.
    pub(crate) fn remaining(&self) -> Option<Duration> {
        self.parts.limits.duration().map(|limit| limit.saturating_sub(self.started.elapsed()))
    }

    /// Takes the patch and writes the last line.
    pub(crate) async fn finish(mut self, mut exit_status: ExitStatus) -> Outcome {
        let taken = match self.captured.take() {
            Some(captured) => Ok(captured),
            None => {
                take_patch(self.parts.sandbox.as_ref(), &self.parts.baseline, self.parts.fresh_sandbox.as_ref()).await
            }
        };
        let (patch, left_out) = match taken {
            Ok(Captured { patch, left_out }) => {
                let redacted = Patch(self.parts.secrets.redact(patch.0.clone()));
                if redacted != patch {
                    tracing::warn!("the patch contained the value of a key, which was redacted");
                }
                (Some(redacted), left_out)
            }
            // What the agent did leaves no patch to be had: its own doing, and an empty one.
            Err(EnvError::Patch(reason)) => {
                tracing::warn!("{reason}");
                if let ExitStatus::Submitted | ExitStatus::Limit(_) | ExitStatus::GaveUp(_) = exit_status {
                    exit_status = ExitStatus::Limit(Limit::Patch);
                }
                (Some(Patch::default()), Vec::new())
            }
            // When the episode began, all that it needs was there.
            Err(EnvError::Sandbox(SandboxError::Damaged(how)) | EnvError::Unusable { reason: how, .. }) => {
                if exit_status.class() != OutcomeClass::Infrastructure {
                    exit_status = ExitStatus::SandboxDamaged(how);
                }
                (Some(Patch::default()), Vec::new())
            }
            Err(err) => {
                if exit_status.class() != OutcomeClass::Infrastructure {
                    exit_status = ExitStatus::SandboxFailed(format!("the patch could not be captured: {err}"));
                }
                (None, Vec::new())
            }
        };
        let named: Vec<String> =
            left_out.iter().filter(|one| one.why != WhyLeftOut::Bytecode).map(LeftOut::to_string).collect();
        if !named.is_empty() {
            tracing::warn!("left out of the patch: {}", named.join(", "));
        }
        self.spending.seconds = self.started.elapsed().as_secs_f64();
        let outcome = Outcome { exit_status, patch, left_out, spending: self.spending };
        if let Err(err) = self.parts.recorder.append(&Record::Outcome(outcome.clone())) {
            tracing::error!("the outcome could not be recorded: {err}");
        }
        outcome
    }

    /// Queries the model, offering these tools, or all.
    async fn ask(&mut self, offered: Option<Vec<ToolSpec>>) -> Result<Completion, AgentError> {
        self.check_spending()?;
        if self.context.overflows(self.last_tokens) && !self.context.shrink(&self.request.messages) {
            return Err(AgentError::Limit(Limit::Context));
        }
        let masked = if self.context.masks() { self.render("episode/masked.md")? } else { String::new() };
        let started = Instant::now();
        let mut took_then = 0.0;
        let (fingerprint, view, answer, restored) = loop {
            let view = self.context.view(&self.request.messages, &masked);
            // What is the whole of it is sent without a copy.
            let part = (view.is_some() || offered.is_some()).then(|| Request {
                messages: view.clone().unwrap_or_default().of(&self.request.messages),
                tools: offered.as_ref().unwrap_or(&self.request.tools).clone(),
            });
            let (fingerprint, answer, restored) = match self.restore.as_mut().and_then(Restore::answer) {
                Some(Answered::Completion(fingerprint, completion, seconds)) => {
                    took_then = seconds;
                    (fingerprint, Ok(*completion), true)
                }
                Some(Answered::TooLong(fingerprint)) => {
                    (fingerprint, Err(ModelError::ContextLength("the request was too long".to_owned())), true)
                }
                None => {
                    self.note_end_of_record()?;
                    self.go_on_live();
                    let request = part.as_ref().unwrap_or(&self.request);
                    let fingerprint = match &view {
                        None => self.fingerprints.next(request, &self.root),
                        Some(_) => request.fingerprint(&self.root),
                    };
                    (fingerprint, self.parts.model.complete(request).await, false)
                }
            };
            if let Err(ModelError::ContextLength(_)) = &answer {
                let (step, request) = (self.spending.steps, fingerprint.clone());
                let record = Record::TooLong { step, request, restored };
                self.parts.recorder.append(&record)?;
                if self.context.shrink(&self.request.messages) {
                    continue;
                }
            }
            break (fingerprint, view, answer, restored);
        };
        let seconds = took_then + started.elapsed().as_secs_f64();
        self.spending.model_seconds += seconds;
        let mut completion = answer?;
        self.account(&completion, restored);
        self.note_cut(&mut completion)?;
        let step = self.spending.steps;
        let (request, answer) = (fingerprint, completion.clone());
        let record = Record::Completion { step, request, completion: answer, seconds, view, restored };
        self.parts.recorder.append(&record)?;
        self.request.messages.push(completion.message.clone());
        if completion.message.tool_calls.is_empty() {
            self.stuck.said(&completion.message.content);
            self.check_stuck()?;
        }
        Ok(completion)
    }

    /// Reports and records that the rest of a killed episode's record is not used, if so.
    fn note_end_of_record(&mut self) -> Result<(), AgentError> {
        if let Some(why) = self.restore.as_mut().and_then(Restore::take_cut) {
            tracing::warn!("the rest of the record is not used: {why}; the episode continues live from there");
            self.parts.recorder.append(&Record::RecordCut { step: self.spending.steps, why })?;
        }
        Ok(())
    }

    /// Ends the restoring of a killed episode.
    fn go_on_live(&mut self) {
        if let Some(restore) = self.restore.take() {
            tracing::info!("{} answers were taken from the record", restore.answers());
        }
    }

    /// Notes the call in which an answer ended at the limit on its length, or, where it got to none, says so.
    fn note_cut(&mut self, completion: &mut Completion) -> Result<(), AgentError> {
        let was_cut = completion.finish_reason == FinishReason::Length;
        let last = completion.message.tool_calls.last();
        let is_torn = |call: &&ToolCall| serde_json::from_str::<Map<String, Value>>(&call.arguments).is_err();
        self.cut_off = last.filter(|_| was_cut).filter(is_torn).cloned();
        if was_cut && last.is_none() && completion.malformed.is_none() {
            completion.malformed = Some(self.render("episode/cut_off.md")?);
        }
        Ok(())
    }

    fn account(&mut self, completion: &Completion, restored: bool) {
        if restored && self.spending.steps <= self.parent_steps {
            let taken_over = &mut self.spending.restored;
            taken_over.queries += 1;
            taken_over.usage += completion.usage;
            taken_over.cost += completion.cost.unwrap_or_default();
            taken_over.unpriced_queries += u64::from(completion.cost.is_none());
        }
        self.last_tokens = completion.usage.total();
        self.spending.queries += 1;
        self.spending.usage += completion.usage;
        match completion.cost {
            Some(cost) => self.spending.cost += cost,
            None => {
                if self.spending.unpriced_queries == 0 && self.parts.limits.cost.is_some() {
                    tracing::warn!("an answer has no known price, so the cost limit cannot be enforced");
                }
                self.spending.unpriced_queries += 1;
            }
        }
    }

    fn check_spending(&self) -> Result<(), AgentError> {
        let limits = &self.parts.limits;
        if limits.tokens.is_some_and(|limit| self.spending.usage.total() >= limit) {
            return Err(AgentError::Limit(Limit::Tokens));
        }
        if limits.cost.is_some_and(|limit| self.spending.cost >= limit) {
            return Err(AgentError::Limit(Limit::Cost));
        }
        Ok(())
    }

    fn check_stuck(&self) -> Result<(), AgentError> {
        match self.stuck.pattern() {
            Some(_) if self.parts.limits.stuck => Err(AgentError::Limit(Limit::Stuck)),
            _ => Ok(()),
        }
    }

    fn clipped(&self, text: String) -> Result<String, AgentError> {
        let mut failed = None;
        let shown = clip(text, self.parts.limits.observation, |omitted| {
            let extra: Extra = [("omitted", omitted.to_string())].into_iter().collect();
            self.render_with("episode/clipped.md", extra).unwrap_or_else(|err| {
                failed = Some(err);
                String::new()
            })
        });
        failed.map_or(Ok(shown), Err)
    }
}

type Extra = std::collections::BTreeMap<&'static str, String>;

/// Returns the tools of a toolbox as a model sees them.
///
/// # Errors
/// When a tool has no description.
pub fn describe(toolbox: &Toolbox, prompts: &Prompts) -> Result<Vec<ToolSpec>, AgentError> {
    let specs = toolbox.signatures().map(|signature| {
        let description = prompts.render(&format!("tools/{}.md", signature.name), ())?;
        Ok(ToolSpec { name: signature.wire_name.clone(), description, parameters: signature.parameters.clone() })
    });
    specs.collect()
}
