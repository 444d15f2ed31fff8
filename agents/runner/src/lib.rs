//! Configuration, solve, evaluate, run folders and the command line.
//!
//! [`main`] is the whole of an agent's `main.rs`: it takes the agents the program knows, each made by [`plug`]. Only
//! this crate reads files, arguments and the process environment (API keys are read by `llm`). Standard output carries
//! data only; everything said to a person goes to standard error.

mod plug;

mod cli;
mod commands;

mod config;
mod layers;
mod ranges;

mod environments;
mod models;

mod cells;
mod differences;
mod evaluate;
mod given;
mod predictions;
mod rows;
mod solve;
mod validate;
mod verdict;

mod asked;
mod console;
mod control;
mod progress;
mod result;
mod run_dir;
mod stream;
mod summary;
mod tally;

pub use commands::main;
pub use plug::{Plug, plug};
