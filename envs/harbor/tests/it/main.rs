//! Tests of task folders, written and read.

mod folders;
mod grader;
mod round_trip;
