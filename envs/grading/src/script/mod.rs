//! The scripts that run tests: the one of an instance, and what is taken out of it to run other tests.

mod eval_script;
mod own_tests;
mod test_patch;

pub use eval_script::{eval_script, record_exit_code};
pub use own_tests::{Naming, OwnTests};
pub use test_patch::old_files;
