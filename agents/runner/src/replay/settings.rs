//! Settings other than those of the record, and what they change.

use agent_core::Header;
use anyhow::bail;
use env_core::Instance;

use super::record::RecordedEpisode;
use crate::config::{Resolved, differences, digest, in_words};
use crate::stages::digests_of_prompts;

/// Refuses to continue with another agent than the record's.
///
/// # Errors
/// With both names.
pub fn check_agent(record: &RecordedEpisode, named: Option<&str>) -> anyhow::Result<()> {
    let agent = record.header.agent.as_str();
    match named {
        Some(named) if named != agent => bail!(
            "`{}` is an episode of `{agent}`, and `{named}` cannot continue from its steps\nhint: leave `--agent` out",
            record.name()
        ),
        _ => Ok(()),
    }
}

/// Returns in what the settings differ from those of the record, as far as that may change what its steps do: nothing
/// where all is as it was.
///
/// # Errors
/// When `goes_on` and the record's steps would be of another instance than what follows them.
pub fn other_settings(
    record: &RecordedEpisode,
    resolved: &Resolved,
    instance: &Instance,
    goes_on: bool,
) -> anyhow::Result<Option<String>> {
    let Header { origin: then, .. } = &record.header;
    if then.settings.is_null() {
        return Ok(None);
    }
    let settings = serde_yaml::to_value(&then.settings)?;
    let mut found = differences(&settings, &resolved.identity());
    found.retain(|one| !one.starts_with("`model.") && !one.starts_with("`model`"));
    let mut refused: Vec<String> = found.iter().filter(|one| one.starts_with("`env.")).cloned().collect();
    if then.instance != digest(&[&serde_json::to_string(instance)?]) {
        refused.push("the text of the instance differs".to_owned());
        found.push("the text of the instance differs".to_owned());
    }
    if goes_on && !refused.is_empty() {
        bail!(
            "the steps of `{}` do not fit the episode that would follow: {}\nhint: `solve` starts a new episode",
            record.name(),
            in_words(&refused)
        );
    }
    // Other templates show in what the agent says.
    let (_, texts) = digests_of_prompts(resolved)?;
    if then.texts.as_ref().is_some_and(|then| *then != texts) {
        found.push("the texts of the tools differ".to_owned());
    }
    Ok((!found.is_empty()).then(|| in_words(&found)))
}
