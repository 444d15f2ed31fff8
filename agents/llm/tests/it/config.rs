//! Settings and what is wrong with them.

use expect_test::{Expect, expect};
use llm::{ConnectError, ModelConfig, Prices};

use crate::server::{KEY, prompts};

fn fails(yaml: &str, variables: &[(&str, &str)], expected: Expect) {
    let config: Result<ModelConfig, _> = serde_yaml::from_str(yaml);
    let variable =
        |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
    let message = match config {
        Err(err) => err.to_string(),
        Ok(config) => {
            let connected = llm::connect_in(&config, &Prices::new(None).unwrap(), &prompts(), variable);
            connected.map(|model| model.name().to_owned()).map_err(|err: ConnectError| err.to_string()).unwrap_err()
        }
    };
    expected.assert_eq(&message);
}

#[test]
fn defaults_survive_a_round_trip() {
    let text = serde_yaml::to_string(&ModelConfig::default()).unwrap();
    assert_eq!(serde_yaml::from_str::<ModelConfig>(&text).unwrap(), ModelConfig::default());
    assert_eq!(serde_yaml::from_str::<ModelConfig>("{}").unwrap(), ModelConfig::default());
}

#[test]
fn what_is_wrong_with_settings_is_said() {
    fails(
        "{}",
        &[],
        expect![[r#"
        no model is configured
        hint: set `model.name`"#]],
    );
    fails(
        "name: gpt-4o",
        &[],
        expect![[r#"
        no key for `https://api.openai.com/v1`: the environment variable `OPENAI_API_KEY` is not set
        hint: for a server without keys, set `model.base_url`"#]],
    );
    fails(
        "{name: gpt-4o, api_key_env: MY_KEY}",
        &[("OPENAI_API_KEY", KEY)],
        expect![[r#"
        no key for `https://api.openai.com/v1`: the environment variable `MY_KEY` is not set
        hint: for a server without keys, set `model.base_url`"#]],
    );
    fails(
        "{name: gpt-4o}",
        &[("OPENAI_API_KEY", "sk-\u{fffd}-1234")],
        expect![
            "the environment variable `OPENAI_API_KEY` does not hold a key: it contains characters that cannot be sent"
        ],
    );
    fails(
        "{name: m, base_url: 'localhost:8000'}",
        &[],
        expect!["`localhost:8000` is not the address of a server: it must begin with `http://` or `https://`"],
    );
    fails(
        "{name: m, base_url: 'http://me:hunter22@h/v1'}",
        &[],
        expect!["`http://h/v1` is not the address of a server: a password belongs in an environment variable"],
    );
    fails(
        "{name: m, base_url: 'http://h/v1?key=hunter22'}",
        &[],
        expect!["`http://h/v1` is not the address of a server: it must not have `?` or `#`"],
    );
    fails(
        "{name: m, base_url: 'http://h/v1', timeout: 0}",
        &[],
        expect!["`model.timeout` must be a positive number of seconds, not 0"],
    );
    fails(
        "{name: m, nmae: x}",
        &[],
        expect![
            "unknown field `nmae`, expected one of `provider`, `name`, `base_url`, `api_key_env`, `endpoints`, `rate`, `temperature`, `top_p`, `max_output_tokens`, `seed`, `stop`, `extra`, `tool_calls`, `several_calls`, `send_reasoning`, `system_role`, `merge_roles`, `limit_name`, `leave_out`, `stream`, `token_ids`, `logprobs`, `timeout`, `connect_timeout`, `retry`, `prices`, `path`, `on_divergence`, `record` at line 1 column 11"
        ],
    );
    fails(
        "{api_key_env: sk-test-0123456789abcdef}",
        &[],
        expect!["`api_key_env` must be the name of an environment variable, not a key"],
    );
}

#[test]
fn a_key_is_wanted_only_without_an_address_of_ones_own() {
    let prices = Prices::new(None).unwrap();
    let config = |yaml: &str| serde_yaml::from_str::<ModelConfig>(yaml).unwrap();
    let own = config("{name: m, base_url: 'http://127.0.0.1:1/v1'}");
    assert_eq!(llm::connect_in(&own, &prices, &prompts(), |_| None).unwrap().name(), "m");
    let by_variable = |name: &str| (name == "OPENAI_BASE_URL").then(|| "http://127.0.0.1:1/v1".to_owned());
    assert!(llm::connect_in(&config("name: m"), &prices, &prompts(), by_variable).is_ok());
}
