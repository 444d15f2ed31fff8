//! The traits of a tool and of a sandbox, and the data they exchange.
//!
//! [`Tool`] is what a model may call and [`Toolbox`] holds the tools of one agent; [`Sandbox`] is where commands run
//! and files live, and [`SandboxProvider`] starts one. A crate with another provider implements it and [`Connect`], and
//! is named to a program by its [`SandboxPlug`]. [`Finish`] and [`Think`] are the two tools that touch nothing.
//! [`Embed`] turns texts into vectors for the tools that have a use for them.
//! This crate does no IO: no Docker, no file, no clock policy. What a model reads about a tool is in `prompts/tools`, and
//! what a tool tells it in `prompts/texts`, which comes to a tool as [`Texts`].

mod command;
mod host;
mod image;
mod sandbox;
mod sandbox_config;
mod sandbox_plug;
mod size;

mod arguments;
mod builtin;
mod embed;
mod observation;
mod texts;
mod tool;
mod toolbox;

pub use builtin::{Finish, Think};
pub use command::{Command, ExecEnd, ExecOutput, Interrupt, Shell, shell_quote};
pub use embed::{Embed, EmbedError};
pub use host::Host;
pub use image::{Image, Source};
pub use observation::Observation;
pub use sandbox::{FileError, Sandbox, SandboxError, SandboxInfo, SandboxProvider, Stamp};
pub use sandbox_config::{Network, Pull, SandboxConfig};
pub use sandbox_plug::{Connect, NoOptions, SandboxPlug};
pub use size::Size;
pub use texts::Texts;
pub use tool::{Tool, ToolError};
pub use toolbox::{ToolSignature, Toolbox};
