//! Configuration, environments and models for it, and the engine that works on items.
//!
//! [`Resolved`] is a configuration from its layers; [`environments`] opens what poses and judges; [`stages`] are what can
//! be done with an instance, and the [`engine`] does it with many at once; [`replay`] is for episodes that are there, and a
//! [`driver`] for those whose steps come from outside. The command line is not here: `cli` has it.

pub mod config;
pub mod driver;
pub mod engine;
pub mod environments;
pub mod plugs;
pub mod replay;
pub mod run_folder;
pub mod shown;
pub mod stages;

pub use config::{Resolved, RunConfig, Settings};
pub use plugs::{AgentPlug, Plugs};
