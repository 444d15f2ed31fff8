//! The test lists of an instance.

/// The test lists of an instance.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TestLists {
    /// Tests that the fix turns.
    pub fail_to_pass: Vec<String>,
    /// Tests that pass with and without it.
    pub pass_to_pass: Vec<String>,
}
