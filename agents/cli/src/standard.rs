//! What every program of the project knows besides its agents.

use runner::Plugs;

use crate::datasets::hub;

/// Returns the environments and the providers of sandboxes that ship with the project. An agent's program adds its
/// agent.
pub fn standard() -> Plugs {
    let plugs = Plugs::default().environment(swebench::SweBench::new(hub())).environment(demo::Demo);
    #[cfg(feature = "training")]
    let plugs = plugs.environment(harbor::Harbor);
    plugs.sandbox::<docker::Docker>().sandbox::<local::Local>()
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use serde_json::json;
    use tool_core::SandboxConfig;

    use super::*;

    fn check(settings: serde_json::Value, expected: &Expect) {
        let config: SandboxConfig = serde_json::from_value(settings).unwrap();
        let plugs = standard();
        let found = plugs.find_sandbox(&config).map_or_else(|err| err.to_string(), |plug| plug.name.to_owned());
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
                r#"`sandbox.options` is not valid for the provider `docker`: unknown field `region`, there are no fields"#
            ]],
        );
    }
}
