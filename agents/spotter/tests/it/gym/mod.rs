//! The server for trainers, over loopback.

mod clients;
mod faults;
mod http;
mod openenv;
mod ors;
mod rollouts;
mod server;
mod tokens;
