//! The provider that is tested.

use std::collections::BTreeMap;

use local::Local;
use tool_core::{SandboxPlug, Source};

pub(crate) const PLUG: SandboxPlug = SandboxPlug::of::<Local>();

/// Returns what sandboxes of the tests start from.
pub(crate) fn source() -> Source {
    Source::Files(BTreeMap::from([("README".to_owned(), b"hello\n".to_vec())]))
}

/// Makes a test of a function.
macro_rules! provider_test {
    (async fn $name:ident() $body:block) => {
        #[tokio::test]
        async fn $name() $body
    };
}
pub(crate) use provider_test;
