//! What must hold for any bytes at all: each function takes an input and panics when something does not.
//!
//! `cargo +nightly fuzz run logs` (or `patches`, `rows`) looks for inputs that break them; the ordinary tests run them on
//! the files in `corpus`.

mod logs;
mod patches;
mod rows;

pub use logs::logs;
pub use patches::patches;
pub use rows::rows;
