//! The lines by which logs say what happened to a patch.

/// What every marker starts with.
pub const MARKER: &str = ">>>>> ";
/// The patch under judgement was applied; SWE-bench 1 marks other patches by other words in the brackets.
pub const APPLIED_PREDICTION: &str = ">>>>> Applied Patch (pred)";
/// No way of applying the patch worked.
pub const APPLY_FAILED: &str = ">>>>> Patch Apply Failed";
/// The repository could not be reset.
pub const RESET_FAILED: &str = ">>>>> Reset Failed";
/// The words of SWE-bench 1 for [`RESET_FAILED`].
pub const RESET_FAILED_WORDS: &str = "Failed to reset task environment";
/// The tests broke off.
pub const TESTS_ERRORED: &str = ">>>>> Tests Errored";
/// The tests ran into the time limit.
pub const TESTS_TIMED_OUT: &str = ">>>>> Tests Timed Out";
/// The test command starts.
pub const TESTS_START: &str = ">>>>> Start Test Output";
/// The test command ended.
pub const TESTS_END: &str = ">>>>> End Test Output";
/// The exit code of the test command follows.
pub const EXIT_CODE: &str = ">>>>> Test Exit Code";

/// First line of our own logs, which hold the applying too; the official `test_output.txt` does not.
pub const OWN_START: &str = ">>>>> Applying Patch\n";
/// Line of our own logs after which the part begins that the official harness would have.
pub const OWN_TESTS: &str = ">>>>> Running Tests\n";
