//! End-to-end and tidy tests.

mod tidy;
