//! How many tokens a conversation takes, and which of them are trained.

mod chat_template;
mod counter;
mod digits;
mod encoded;
mod fast;
mod marks;
mod memory;
mod normal;
mod spans;
mod turn;
mod words;

pub use chat_template::ChatTemplate;
pub(crate) use chat_template::function;
pub use counter::{Counter, Measure, ModelTokenizer};
pub use encoded::{Encoded, NOT_TRAINED, recorded};
pub use turn::Turn;
