//! The crate from outside.

mod learned;
mod pool;
mod published;
mod scorers;
