//! What a model that judges episodes is shown: the same text whether it is trained on it or asked with it.

mod log;
mod question;
mod spans;

pub use log::Log;
pub(crate) use question::OPENED;
pub use question::{Question, Rated, answer};
pub use spans::{Spans, truth};
