//! The providers of sandboxes that the program knows.

use anyhow::bail;
use env_core::nearest;
use tool_core::{Host, SandboxConfig, SandboxPlug};

/// The providers that the program knows; `clean` tells of what it removed in this order.
pub const PLUGS: &[SandboxPlug] = &[SandboxPlug::of::<docker::Docker>(), SandboxPlug::of::<local::Local>()];

/// Returns the provider that the settings name, which must take its own settings.
pub fn find<'a>(plugs: &'a [SandboxPlug], config: &SandboxConfig) -> anyhow::Result<&'a SandboxPlug> {
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

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use serde_json::json;

    use super::*;

    fn check(settings: serde_json::Value, expected: &Expect) {
        let config: SandboxConfig = serde_json::from_value(settings).unwrap();
        let found = find(PLUGS, &config).map_or_else(|err| err.to_string(), |plug| plug.name.to_owned());
        expected.assert_eq(&found);
    }

    #[test]
    fn a_provider_is_found_by_its_name() {
        check(json!({}), &expect!["docker"]);
        check(json!({"provider": "local"}), &expect!["local"]);
        check(
            json!({"provider": "dokcer"}),
            &expect![[r#"
            unknown `sandbox.provider` `dokcer`
            hint: did you mean `docker`?
            hint: the providers are `docker`, `local`"#]],
        );
        check(
            json!({"provider": "modal"}),
            &expect![[r#"
            unknown `sandbox.provider` `modal`
            hint: the providers are `docker`, `local`"#]],
        );
        check(
            json!({"options": {"region": "north"}}),
            &expect![[
                r#"`sandbox.options` does not fit the provider `docker`: unknown field `region`, there are no fields"#
            ]],
        );
    }
}
