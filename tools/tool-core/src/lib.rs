//! The traits of a tool and of a sandbox, and the data they exchange.
//!
//! [`Tool`] is what a model may call and [`Toolbox`] holds the tools of one agent; [`Sandbox`] is where commands run
//! and files live, and [`SandboxProvider`] starts one. [`Finish`] and [`Think`] are the two tools that touch nothing.
//! [`Embed`] turns texts into vectors for the tools that have a use for them.
//! This crate does no IO: no Docker, no file, no clock policy. What a model reads about a tool is in `prompts/tools`.

mod command;
mod image;
mod sandbox;

mod builtin;
mod coerce;
mod embed;
mod observation;
mod schema;
mod tool;
mod toolbox;

pub use builtin::{Finish, Think};
pub use command::{Command, ExecEnd, ExecOutput, Interrupt, Restart, Shell, shell_quote};
pub use embed::{Embed, EmbedError};
pub use image::{Image, Source};
pub use observation::Observation;
pub use sandbox::{FileError, Sandbox, SandboxError, SandboxInfo, SandboxProvider};
pub use tool::{Tool, ToolError};
pub use toolbox::{ToolSignature, Toolbox};
