//! The providers of sandboxes that the program knows.

use anyhow::bail;
use env_core::nearest;
use tool_core::{Host, SandboxConfig, SandboxPlug};

/// Returns the provider that the settings name, which must take its own settings.
pub(super) fn find<'a>(plugs: &'a [SandboxPlug], config: &SandboxConfig) -> anyhow::Result<&'a SandboxPlug> {
    let name = config.provider.as_str();
    let Some(plug) = plugs.iter().find(|plug| plug.name == name) else {
        let known: Vec<&str> = plugs.iter().map(|plug| plug.name).collect();
        let near = nearest(name, known.iter().copied()).map(|near| format!("\nhint: did you mean `{near}`?"));
        let near = near.unwrap_or_default();
        bail!("unknown `sandbox.provider` `{name}`{near}\nhint: the providers are `{}`", known.join("`, `"));
    };
    plug.check(config)?;
    Ok(plug)
}

/// Returns what providers may know of this machine and of the environment of this process.
pub fn host() -> Host {
    Host::new(std::env::vars_os(), std::io::IsTerminal::is_terminal(&std::io::stderr()))
}
