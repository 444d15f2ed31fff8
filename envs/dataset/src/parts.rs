//! A row taken apart into what a solver may know and what judges it.

use env_core::{Answers, Instance};

use crate::Row;

impl Row {
    /// Returns what a solver may know, and the rest, for an environment to keep.
    pub fn into_parts(self) -> (Instance, Answers) {
        let instance = self.instance();
        let answers = Answers {
            patch: self.patch,
            test_patch: self.test_patch,
            fail_to_pass: self.fail_to_pass,
            pass_to_pass: self.pass_to_pass,
            image: self.image,
            eval_script: self.eval_script,
            log_parser: self.log_parser,
            eval_type: self.eval_type,
        };
        (instance, answers)
    }
}
