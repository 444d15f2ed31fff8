//! Docker and Local sandboxes, the persistent shell and the bash tool.
//!
//! [`connect`] gives a [`Provider`] for a [`Config`]; it starts sandboxes, and [`Provider::close`] removes what is left
//! of them. [`Bash`] is the tool that runs a command. [`clean`] removes what killed processes left behind. What is in
//! the sandbox (which repository, which history) is the business of the environments.

mod bash;
mod config;
mod host;
mod leftovers;
mod provider;

mod backend;
mod docker;
mod local;
mod sandbox;
mod worker;

mod capture;
mod clean;
mod shell;

pub use bash::{Bash, BashArgs};
pub use config::{Config, Kind, Network, Pull, Size};
pub use docker::{Build, BuildError, Docker, Images, Part, Removal, StoredImage};
pub use host::Host;
pub use leftovers::{Removed, clean};
pub use local::Local;
pub use provider::{Provider, connect};
