//! Data sets of runs that the tests write.

mod sft;
mod written;
