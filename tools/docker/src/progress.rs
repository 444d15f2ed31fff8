//! The progress of a pull.

use std::collections::HashMap;

use bollard::models::CreateImageInfo;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// One bar on standard error for all layers of an image; silent where that is not a terminal.
pub(crate) struct Progress {
    bar: ProgressBar,
    layers: HashMap<String, (u64, u64)>,
}

impl Progress {
    pub(crate) fn new(name: &str, terminal: bool) -> Self {
        tracing::info!("pulling {name}");
        let target = if terminal { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(Some(0), target);
        if let Ok(style) = ProgressStyle::with_template("{msg} {wide_bar} {bytes}/{total_bytes} {eta}") {
            bar.set_style(style);
        }
        bar.set_message(format!("pulling {name}"));
        Self { bar, layers: HashMap::new() }
    }

    pub(crate) fn update(&mut self, event: &CreateImageInfo) {
        let Some(id) = &event.id else { return };
        if event.status.as_deref() == Some("Downloading")
            && let Some(detail) = &event.progress_detail
        {
            let number = |value: Option<i64>| value.and_then(|value| u64::try_from(value).ok()).unwrap_or_default();
            self.layers.insert(id.clone(), (number(detail.current), number(detail.total)));
        } else if let Some(layer) = self.layers.get_mut(id) {
            layer.0 = layer.1;
        }
        self.bar.set_length(self.layers.values().map(|layer| layer.1).sum());
        self.bar.set_position(self.layers.values().map(|layer| layer.0).sum());
    }

    pub(crate) fn finish(self) {
        self.bar.finish_and_clear();
    }
}
