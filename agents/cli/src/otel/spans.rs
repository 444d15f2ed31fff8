//! Spans of episodes, model calls and tools, by OpenTelemetry's conventions for generative AI.
//!
//! They are made from the records of an episode as they come. No text of a prompt, an answer or a command is in them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use agent_core::{Completion, FinishReason, Header, Outcome, OutcomeClass, Record, ToolCall};
use opentelemetry::trace::{Span, SpanKind, Status, TraceContextExt, Tracer};
use opentelemetry::{Array, Context, KeyValue, StringValue, Value};
use opentelemetry_sdk::trace::SdkTracer;
use runner::engine::{Event, INFRASTRUCTURE, Listener, Phase, WorkItem};
use tool_core::Observation;

/// Names of models that are none: their answers are read from a file.
const FILES: [&str; 3] = ["replay", "script", "recorded"];

/// Makes spans of what happens to items.
pub(super) struct Spans {
    tracer: SdkTracer,
    under_way: Mutex<HashMap<WorkItem, UnderWay>>,
}

/// The spans of an item under way.
#[derive(Clone)]
struct UnderWay {
    /// The context of the episode, or the root where there is none.
    episode: Context,
    model: Arc<str>,
    provider: Arc<str>,
    judging: Option<Context>,
    /// When the episode ended.
    ended: Option<SystemTime>,
}

impl Spans {
    /// Returns what makes spans by a tracer.
    pub(super) fn new(tracer: SdkTracer) -> Self {
        Self { tracer, under_way: Mutex::default() }
    }

    /// Ends the spans of what was under way.
    pub(super) fn end(&self) {
        for (_, under_way) in self.lock().drain() {
            under_way.end(None);
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<WorkItem, UnderWay>> {
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn get(&self, item: &WorkItem) -> Option<UnderWay> {
        self.lock().get(item).cloned()
    }

    fn begin(&self, item: &WorkItem, header: &Header) {
        let model: Arc<str> = header.model.as_str().into();
        let provider: Arc<str> = if FILES.contains(&&*model) { model.clone() } else { "openai".into() };
        let attributes = [
            KeyValue::new("gen_ai.operation.name", "invoke_agent"),
            KeyValue::new("gen_ai.provider.name", provider.clone()),
            KeyValue::new("gen_ai.request.model", model.clone()),
            KeyValue::new("gen_ai.agent.name", header.agent.clone()),
            KeyValue::new("gen_ai.conversation.id", item.id()),
        ];
        let builder = self.tracer.span_builder(format!("invoke_agent {}", header.agent));
        let builder = builder.with_kind(SpanKind::Internal).with_attributes(attributes.into_iter().chain(of(item)));
        let span = builder.start_with_context(&self.tracer, &Context::new());
        let episode = Context::new().with_span(span);
        self.lock().insert(item.clone(), UnderWay { episode, model, provider, judging: None, ended: None });
    }

    /// Makes the span of something that has just ended.
    fn past(
        &self,
        under_way: &UnderWay,
        (name, kind, took): (String, SpanKind, Duration),
        attributes: Vec<KeyValue>,
        error: Option<&'static str>,
    ) {
        let end = SystemTime::now();
        let builder = self.tracer.span_builder(name).with_kind(kind).with_attributes(attributes);
        let builder = builder.with_start_time(end.checked_sub(took).unwrap_or(end));
        let mut span = builder.start_with_context(&self.tracer, &under_way.episode);
        if let Some(error) = error {
            span.set_attribute(KeyValue::new("error.type", error));
            span.set_status(Status::error(error));
        }
        span.end_with_timestamp(end);
    }

    fn chat(&self, under_way: &UnderWay, took: Duration, more: Vec<KeyValue>, error: Option<&'static str>) {
        let mut attributes = vec![
            KeyValue::new("gen_ai.operation.name", "chat"),
            KeyValue::new("gen_ai.provider.name", under_way.provider.clone()),
            KeyValue::new("gen_ai.request.model", under_way.model.clone()),
        ];
        attributes.extend(more);
        self.past(under_way, (format!("chat {}", under_way.model), SpanKind::Client, took), attributes, error);
    }

    fn tool(&self, under_way: &UnderWay, call: &ToolCall, observation: &Observation, (step, took): (u64, Duration)) {
        let mut attributes = vec![
            KeyValue::new("gen_ai.operation.name", "execute_tool"),
            KeyValue::new("gen_ai.tool.name", call.name.clone()),
            KeyValue::new("gen_ai.tool.call.id", call.id.clone()),
            KeyValue::new("gen_ai.tool.type", "function"),
            KeyValue::new("spotter.step", number(step)),
        ];
        attributes.extend(observation.exit_code.map(|code| KeyValue::new("process.exit.code", i64::from(code))));
        let error = observation.is_error.then_some("refused");
        self.past(under_way, (format!("execute_tool {}", call.name), SpanKind::Internal, took), attributes, error);
    }

    fn recorded(&self, item: &WorkItem, record: &Record) {
        match record {
            Record::Header(header) => self.begin(item, header),
            Record::Completion { step, completion, seconds, restored: false, .. } => {
                if let Some(under_way) = self.get(item) {
                    self.chat(&under_way, duration(*seconds), answered(*step, completion), None);
                }
            }
            Record::Observation { step, call, observation, seconds, restored: false, .. } => {
                if let Some(under_way) = self.get(item) {
                    self.tool(&under_way, call, observation, (*step, duration(*seconds)));
                }
            }
            Record::Outcome(outcome) => {
                if let Some(under_way) = self.lock().get_mut(item) {
                    under_way.outcome(outcome);
                }
            }
            // What an earlier process did has its spans there.
            _ => {}
        }
    }

    fn judge(&self, item: &WorkItem) {
        let mut all = self.lock();
        let under_way = all.entry(item.clone()).or_insert_with(|| UnderWay {
            episode: Context::new(),
            model: "".into(),
            provider: "".into(),
            judging: None,
            ended: None,
        });
        if under_way.judging.is_none() {
            let builder = self.tracer.span_builder("judge").with_kind(SpanKind::Internal).with_attributes(of(item));
            let span = builder.start_with_context(&self.tracer, &under_way.episode);
            under_way.judging = Some(Context::new().with_span(span));
        }
    }

    fn ended(&self, item: &WorkItem, ending: Option<&'static str>) {
        let under_way = self.lock().remove(item);
        if let Some(under_way) = under_way {
            under_way.end(ending);
        }
    }
}

impl Listener for Spans {
    fn hear(&self, event: &Event<'_>) {
        match event {
            Event::Recorded { item, record } => self.recorded(item, record),
            Event::Unanswered { item, kind, took } => {
                if let Some(under_way) = self.get(item) {
                    self.chat(&under_way, *took, Vec::new(), Some(kind));
                }
            }
            Event::Entered { item, phase: Phase::Judging } => self.judge(item),
            Event::Retried { item, .. } => self.ended(item, Some(INFRASTRUCTURE)),
            Event::Ended { item, ending, .. } => self.ended(item, Some(ending)),
            Event::Released { item } => self.ended(item, None),
            _ => {}
        }
    }
}

impl UnderWay {
    fn outcome(&mut self, outcome: &Outcome) {
        let span = self.episode.span();
        let (word, paid) = (journal::exit_status(outcome), outcome.spending.paid());
        if outcome.exit_status.class() == OutcomeClass::Infrastructure {
            span.set_attribute(KeyValue::new("error.type", word.clone()));
            span.set_status(Status::error(word.clone()));
        }
        span.set_attribute(KeyValue::new("spotter.exit_status", word));
        span.set_attribute(KeyValue::new("spotter.steps", number(outcome.spending.steps)));
        span.set_attribute(KeyValue::new("spotter.cost", paid.cost));
        span.set_attribute(KeyValue::new("gen_ai.usage.input_tokens", number(paid.usage.prompt_tokens)));
        span.set_attribute(KeyValue::new("gen_ai.usage.output_tokens", number(paid.usage.completion_tokens)));
        self.ended = Some(SystemTime::now());
    }

    fn end(self, ending: Option<&'static str>) {
        let now = SystemTime::now();
        for context in [Some(&self.episode), self.judging.as_ref()].into_iter().flatten() {
            if let Some(ending) = ending {
                context.span().set_attribute(KeyValue::new("spotter.ending", ending));
            }
        }
        if let Some(judging) = &self.judging {
            if ending == Some(INFRASTRUCTURE) {
                judging.span().set_attribute(KeyValue::new("error.type", INFRASTRUCTURE));
                judging.span().set_status(Status::error(INFRASTRUCTURE));
            }
            judging.span().end_with_timestamp(now);
        }
        self.episode.span().end_with_timestamp(self.ended.unwrap_or(now));
    }
}

/// Returns what a span says of the item that it is of.
fn of(item: &WorkItem) -> [KeyValue; 3] {
    [
        KeyValue::new("spotter.cell", item.cell.clone()),
        KeyValue::new("spotter.instance_id", item.instance_id.clone()),
        KeyValue::new("spotter.sample", i64::from(item.sample)),
    ]
}

/// Returns what a span says of an answer.
fn answered(step: u64, completion: &Completion) -> Vec<KeyValue> {
    let served = completion.served.as_deref();
    let reason = served.and_then(|served| served.finish_reason.as_deref());
    let reason = reason.unwrap_or_else(|| word(&completion.finish_reason)).to_owned();
    let usage = &completion.usage;
    let mut attributes = vec![
        KeyValue::new("gen_ai.response.finish_reasons", Value::Array(Array::String(vec![StringValue::from(reason)]))),
        KeyValue::new("gen_ai.usage.input_tokens", number(usage.prompt_tokens)),
        KeyValue::new("gen_ai.usage.output_tokens", number(usage.completion_tokens)),
        KeyValue::new("gen_ai.usage.cache_read.input_tokens", number(usage.cached_tokens)),
        KeyValue::new("spotter.step", number(step)),
    ];
    let model = served.and_then(|served| served.model.clone());
    attributes.extend(model.map(|model| KeyValue::new("gen_ai.response.model", model)));
    let id = served.and_then(|served| served.id.clone());
    attributes.extend(id.map(|id| KeyValue::new("gen_ai.response.id", id)));
    attributes.extend(completion.cost.map(|cost| KeyValue::new("spotter.cost", cost)));
    attributes
}

/// Returns the word of the conventions for why a model stopped.
fn word(reason: &FinishReason) -> &str {
    match reason {
        FinishReason::Stop => "stop",
        FinishReason::ToolCalls => "tool_calls",
        FinishReason::Length => "length",
        FinishReason::ContentFilter => "content_filter",
        FinishReason::Other(word) => word,
    }
}

fn duration(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds).unwrap_or_default()
}

fn number(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
