//! The same page on loopback, while a run goes on.

mod http;
mod server;
mod state;

pub use server::{Bound, bind, serve};
