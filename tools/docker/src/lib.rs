//! Sandboxes in Docker containers, and the images that they start from.
//!
//! [`Docker`] is the provider; a program names it by its [`SandboxPlug`](tool_core::SandboxPlug). [`Images`] lists, pulls,
//! builds and removes images. No other crate talks to the engine. Which image an instance needs is the business of the
//! environments.

mod provider;

mod container;

mod engine;
mod labels;
mod leftovers;

mod build;
mod credentials;
mod frozen;
mod image;
mod images;
mod kept;
mod progress;
mod reference;

pub use build::{Build, BuildError};
pub use credentials::Login;
pub use frozen::{Archive, Frozen};
pub use images::{Images, Part, Removal, StoredImage};
pub use provider::Docker;
pub use reference::{Reference, chain};
