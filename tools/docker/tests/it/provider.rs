//! The provider that is tested.

use docker::Docker;
use tool_core::{SandboxPlug, Source};

pub(crate) const PLUG: SandboxPlug = SandboxPlug::of::<Docker>();

/// Returns what sandboxes of the tests start from.
pub(crate) fn source() -> Option<Source> {
    Some(Source::Container { name: test_image()?, platform: None })
}

/// Returns the image for tests, or `None` with a word on standard error when there is none.
pub(crate) fn test_image() -> Option<String> {
    let image = std::env::var("SPOTTER_TEST_IMAGE").unwrap_or_else(|_| "spotter/registry-base:latest".to_owned());
    let output = std::process::Command::new("docker").args(["image", "inspect", &image]).output();
    match output {
        Ok(output) if output.status.success() => Some(image),
        Ok(_) => {
            eprintln!("skipped: no image `{image}` (set SPOTTER_TEST_IMAGE), or no Docker engine");
            None
        }
        Err(err) => {
            eprintln!("skipped: no Docker: {err}");
            None
        }
    }
}
