//! Log lines as JSON, with the item that they are about.

use std::fmt::Debug;

use runner::engine::ITEM_SPAN;
use serde_json::{Map, Value};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id};
use tracing::{Event, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

use super::line::Line;

/// Writes each event of `tracing` as a line of JSON.
pub(super) struct JsonLayer;

/// The item that a span is about.
struct Item(String);

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for JsonLayer {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        if attributes.metadata().target() != ITEM_SPAN {
            return;
        }
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        if let (Some(span), Some(Value::String(item))) = (context.span(id), fields.0.remove("id")) {
            span.extensions_mut().insert(Item(item));
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let Fields(mut fields) = fields;
        let message = match fields.remove("message") {
            Some(Value::String(message)) => message,
            other => other.map(|other| other.to_string()).unwrap_or_default(),
        };
        // What crates say through `log` names its place in fields.
        let logged = fields.get("log.target").and_then(Value::as_str).map(str::to_owned);
        let target = logged.as_deref().unwrap_or(event.metadata().target());
        let level = event.metadata().level().as_str().to_lowercase();
        let mut line = Line::new(&level, target, &message);
        for span in context.event_scope(event).into_iter().flatten() {
            if let Some(Item(item)) = span.extensions().get::<Item>() {
                line = line.with("item", item.as_str());
            }
        }
        for (key, value) in fields {
            if !key.starts_with("log.") {
                line = line.with(&key, value);
            }
        }
        line.write();
    }
}

/// The fields of an event.
#[derive(Default)]
struct Fields(Map<String, Value>);

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.0.insert(field.name().to_owned(), format!("{value:?}").into());
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name().to_owned(), value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.0.insert(field.name().to_owned(), value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.0.insert(field.name().to_owned(), value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.0.insert(field.name().to_owned(), value.into());
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.0.insert(field.name().to_owned(), value.into());
    }
}
