//! Sandboxes in temporary folders of this machine, without isolation.
//!
//! [`Local`] is the provider; a program names it by its [`SandboxPlug`](tool_core::SandboxPlug). It needs neither
//! Docker nor rights of its own, and keeps no command away from the files, the processes and the network of the machine.

mod provider;

mod damage;
mod environment;
mod files;
mod folder;
mod kept;
mod size;
mod stamp;

mod processes;
mod programs;

mod blocking;
mod leftovers;
mod names;
mod removal;

pub use provider::Local;
