//! Pages of runs that tests write.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test fails by panicking, and tells what it measured")]

mod browser;
mod live;
mod opened;
mod page;
mod why;
mod written;
