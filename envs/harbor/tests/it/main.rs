//! Tests of task folders, written and read.

mod clients;
mod folders;
mod grader;
mod round_trip;
