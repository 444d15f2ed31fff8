//! The persistent shell of a sandbox, for all providers, and the bash tool.
//!
//! A provider brings a [`Backend`]: how bash is started in its sandboxes, how processes are ended and how files are
//! moved. [`Running`] makes a sandbox of it, with one shell that keeps its state from command to command. [`Started`]
//! holds what a provider has to remove in the end, [`Owner`] tells what a killed program has left from what is in use,
//! [`Process`] is a line of the process table, and
//! [`Ending`] chooses from it what is ended. [`Bash`] is the tool that runs a command.
//!
//! Where the shell runs is none of this crate's business: it knows neither containers nor folders.

mod bash;

mod backend;
mod running;
mod started;
mod worker;

mod capture;
mod clean;
mod protocol;

mod ending;
mod nonce;
mod owner;
mod process;

pub use backend::{Backend, Chunk, Health, Moment, Pipe, Signal};
pub use bash::{Bash, BashArgs};
pub use clean::plain_text;
pub use ending::Ending;
pub use nonce::nonce;
pub use owner::Owner;
pub use process::{Process, table};
pub use protocol::BOOT;
pub use running::Running;
pub use started::Started;
