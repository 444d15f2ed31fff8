//! The log on standard error: lines for people, or one JSON object a line.

mod events;
mod layer;
pub(crate) mod line;

use clap::ValueEnum;
use runner::engine::ITEM_SPAN;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::console::Lines;
use crate::stream;
pub(crate) use events::EventLines;
use layer::JsonLayer;

/// How the log is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// Lines for people.
    Text,
    /// One JSON object a line, progress included.
    Json,
}

/// Crates of others that tell more than anyone wants to know.
const FOREIGN: &[&str] =
    &["bollard", "hyper", "hyper_util", "mio", "reqwest", "rustls", "tantivy", "tokio", "tower", "want"];

/// Begins to write the log.
pub(crate) fn start(format: Format, verbose: u8) {
    let level = match verbose {
        0 => LevelFilter::WARN,
        1 => LevelFilter::INFO,
        _ => LevelFilter::DEBUG,
    };
    // What is not named here, an agent of someone else's among it, is told as ours is.
    let targets = FOREIGN.iter().map(|name| (*name, LevelFilter::WARN));
    let filter = Targets::new().with_default(level).with_targets(targets);
    match format {
        Format::Text => {
            let colours = stream::has_colours(&std::io::stderr());
            let lines = tracing_subscriber::fmt::layer().with_ansi(colours).without_time().with_writer(|| Lines);
            let filter = filter.with_target(ITEM_SPAN, LevelFilter::OFF);
            tracing_subscriber::registry().with(lines.with_filter(filter)).init();
        }
        Format::Json => {
            line::turn_on(verbose);
            let filter = filter.with_target(ITEM_SPAN, LevelFilter::INFO);
            tracing_subscriber::registry().with(JsonLayer.with_filter(filter)).init();
            std::panic::set_hook(Box::new(|panic| line::Line::new("error", "panic", &panic.to_string()).write()));
        }
    }
}
