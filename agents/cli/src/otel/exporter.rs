//! Sends spans to a collector, by a thread of its own.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::bail;
use opentelemetry::trace::TracerProvider;
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{BatchConfigBuilder, BatchSpanProcessor, SdkTracerProvider, SpanData};

use super::spans::Spans;
use crate::console::say;

/// How long the last spans may take at the end of the program.
const LAST: Duration = Duration::from_secs(2);
/// How many spans wait for the collector at most; more are dropped. The specification's 2,048 are those of a second in
/// a large sweep.
const QUEUE: usize = 1 << 14;

/// The variables that name a protocol, the first of which wins.
const PROTOCOLS: [&str; 2] = ["OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"];

/// What sends the spans of this process.
pub(super) struct Traces {
    provider: SdkTracerProvider,
    spans: Arc<Spans>,
    warning: Arc<Warning>,
}

impl Traces {
    /// Begins to send, as the standard variables say.
    pub(super) fn start() -> anyhow::Result<Self> {
        let protocol = PROTOCOLS.into_iter().filter_map(|name| std::env::var(name).ok()).find(|one| !one.is_empty());
        if protocol.as_deref() == Some("grpc") {
            bail!(
                "the protocol `grpc` is not built in\nhint: set `OTEL_EXPORTER_OTLP_PROTOCOL` to `http/protobuf`, and \
                the endpoint to its port, usually 4318"
            );
        }
        llm::install_cryptography();
        let warning = Arc::new(Warning::default());
        let mut exporter = SpanExporter::builder().with_http();
        if protocol.is_none() {
            // The crate takes JSON where it can write that.
            exporter = exporter.with_protocol(Protocol::HttpBinary);
        }
        let exporter = Warned { inner: exporter.build()?, warning: warning.clone() };
        let mut config = BatchConfigBuilder::default();
        if std::env::var_os("OTEL_BSP_MAX_QUEUE_SIZE").is_none() {
            config = config.with_max_queue_size(QUEUE);
        }
        let processor = BatchSpanProcessor::builder(exporter).with_batch_config(config.build()).build();
        let provider = SdkTracerProvider::builder().with_resource(resource()).with_span_processor(processor).build();
        let spans = Arc::new(Spans::new(provider.tracer("spotter")));
        Ok(Self { provider, spans, warning })
    }

    /// Returns what makes the spans.
    pub(super) fn spans(&self) -> Arc<Spans> {
        self.spans.clone()
    }

    /// Sends what is left.
    pub(super) fn end(&self) {
        self.spans.end();
        if let Err(err) = self.provider.shutdown_with_timeout(LAST) {
            self.warning.give(&format!("the last spans were not sent: {err}"));
        }
    }
}

/// Returns the resource attributes of the process: those of the variables, and a service name in any case.
fn resource() -> Resource {
    let has_name = std::env::var("OTEL_SERVICE_NAME").is_ok_and(|name| !name.is_empty())
        || std::env::var("OTEL_RESOURCE_ATTRIBUTES").is_ok_and(|text| text.contains("service.name="));
    let resource = Resource::builder();
    if has_name { resource.build() } else { resource.with_service_name("spotter").build() }
}

/// What is said once of a collector that does not take spans.
#[derive(Debug, Default)]
struct Warning(AtomicBool);

impl Warning {
    fn give(&self, why: &str) {
        if !self.0.swap(true, Ordering::Relaxed) {
            say(&format!("warning: the trace collector accepts no spans (this is reported once): {why}"));
        }
    }
}

/// An exporter whose first failure is said.
#[derive(Debug)]
struct Warned {
    inner: SpanExporter,
    warning: Arc<Warning>,
}

impl opentelemetry_sdk::trace::SpanExporter for Warned {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let exported = self.inner.export(batch).await;
        if let Err(err) = &exported {
            self.warning.give(&err.to_string());
        }
        exported
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.inner.shutdown_with_timeout(timeout)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.inner.force_flush()
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.inner.set_resource(resource);
    }
}
