//! The crate from outside.

mod published;
