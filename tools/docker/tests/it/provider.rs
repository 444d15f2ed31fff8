//! The provider that is tested.

use docker::Docker;
use tool_core::{SandboxPlug, Source};

pub(crate) const PLUG: SandboxPlug = SandboxPlug::of::<Docker>();

/// Returns what sandboxes of the tests start from.
pub(crate) fn source() -> Source {
    Source::Container { name: test_image(), platform: None }
}

/// Returns the image for tests.
pub(crate) fn test_image() -> String {
    let image = std::env::var("SPOTTER_TEST_IMAGE").unwrap_or_else(|_| "spotter/registry-base:latest".to_owned());
    let output = std::process::Command::new("docker").args(["image", "inspect", &image]).output();
    let output = output.unwrap_or_else(|err| panic!("needs Docker, whose client does not start: {err}"));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "needs Docker, and an image: make it with tests/registry/build_images.py, or set SPOTTER_TEST_IMAGE: {said}"
    );
    image
}

/// Makes a test of a function.
macro_rules! provider_test {
    (async fn $name:ident() $body:block) => {
        #[tokio::test]
        #[ignore = "needs Docker"]
        async fn $name() $body
    };
}
pub(crate) use provider_test;
