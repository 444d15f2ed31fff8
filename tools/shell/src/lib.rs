//! The persistent shell of a sandbox, for all providers, and the bash tool.
//!
//! A provider brings a [`Backend`]: how bash is started in its sandboxes, how processes are ended and how files are
//! moved. [`Running`] makes a sandbox of it, with one shell that keeps its state from command to command.
//!
//! For the backend there are [`Supervisors`], which do most of it where the first process of a sandbox is ours, as in a
//! container; and [`Ending`], which chooses what is ended from lines of the process table, each a [`Process`].
//! [`Started`] holds what a provider has to remove in the end, and [`Owner`] tells what a killed program has left from
//! what is in use.
//!
//! [`Bash`] is the tool that runs a command. What starts a sandbox, and what is in it, is none of this crate's
//! business.

mod bash;

mod backend;
mod running;
mod started;
mod supervisor;
mod worker;

mod capture;
mod clean;
mod protocol;

mod ending;
mod nonce;
mod owner;
mod process;

pub use backend::{Backend, Chunk, Clock, Health, Pipe, ProcessTime};
pub use bash::{Bash, BashArgs};
pub use clean::plain_text;
pub use ending::Ending;
pub use nonce::nonce;
pub use owner::Owner;
pub use process::{Process, table};
pub use protocol::BOOT;
pub use running::Running;
pub use started::Started;
pub use supervisor::{Another, SUPERVISOR, Streams, Supervisors};
