//! A sweep by processes on other machines, which share nothing but the file system: what starts them differs, and all
//! else is the same.

mod command;
mod coordinator;
mod hyperqueue;
#[cfg(feature = "kubernetes")]
mod kubernetes;
mod launcher;
mod open;
mod pilots;
mod ray;
mod ray_client;
mod shown;
mod slurm;

pub use coordinator::{Coordinator, Current, cancel_now};
pub use launcher::{Job, Launcher, USUAL};
pub use open::open;
pub use pilots::Pilots;
