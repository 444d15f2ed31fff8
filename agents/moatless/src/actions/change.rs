//! The actions that change files.

use std::sync::Arc;

use edit::{EditError, Text, miss, new_problems, str_replace};
use schemars::JsonSchema;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::json;
use tool_core::{Observation, Sandbox, Texts, Tool, ToolError};

use crate::edits::diff::diff;
use crate::edits::lint;
use crate::episode_state::EpisodeState;
use crate::files::{load, of_file, relative, save, vacant};

/// Replaces a text that is in a file once.
pub(crate) struct StringReplace(pub(crate) Arc<EpisodeState>);

/// Creates a file.
pub(crate) struct CreateFile(pub(crate) Arc<EpisodeState>);

/// Arguments of `string_replace`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct StringReplaceArgs {
    /// Path of the file, relative to the repository.
    path: String,
    /// The text to replace, exactly as it is in the file, blanks and all. It must be there once.
    old_str: String,
    /// The text to put in its place.
    new_str: String,
}

/// Arguments of `create_file`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CreateFileArgs {
    /// Path of the new file, relative to the repository.
    path: String,
    /// The whole text of the file.
    file_text: String,
}

impl Tool for StringReplace {
    const NAME: &'static str = "string_replace";
    type Args = StringReplaceArgs;

    async fn call(
        &self,
        args: StringReplaceArgs,
        sandbox: &dyn Sandbox,
        texts: &dyn Texts,
    ) -> Result<Observation, ToolError> {
        let path = relative(&args.path, &sandbox.info().root, texts)?;
        let refuse = |why: String| of_file(&path, &why, texts);
        let text = load(&path, sandbox, texts).await?;
        let text = text.ok_or_else(|| refuse(texts.plain("moatless/no_such_file")))?;
        let change = str_replace(text.body(), &args.old_str, &args.new_str).map_err(|err| match err {
            EditError::NotFound => refuse(text.display(&miss(text.body(), &args.old_str, &args.new_str, texts))),
            err => refuse(err.message(texts)),
        })?;
        write(&path, &text, &change.body, &self.0, sandbox, texts).await
    }
}

impl Tool for CreateFile {
    const NAME: &'static str = "create_file";
    type Args = CreateFileArgs;

    async fn call(
        &self,
        args: CreateFileArgs,
        sandbox: &dyn Sandbox,
        texts: &dyn Texts,
    ) -> Result<Observation, ToolError> {
        let path = relative(&args.path, &sandbox.info().root, texts)?;
        let text = vacant(&path, sandbox, texts).await?;
        write(&path, &text, &args.file_text, &self.0, sandbox, texts).await
    }
}

/// Writes a change unless it breaks the syntax, and shows it with the errors that it brings.
async fn write(
    path: &str,
    before: &Text,
    after: &str,
    shared: &EpisodeState,
    sandbox: &dyn Sandbox,
    texts: &dyn Texts,
) -> Result<Observation, ToolError> {
    let broken = if edit::is_python(path) { new_problems(before.body(), after) } else { Vec::new() };
    if let Some(problem) = broken.first() {
        let values = json!({ "path": path, "problem": problem.message(texts) });
        return Err(ToolError::Rejected(texts.render("moatless/no_longer_parses", values)));
    }
    if let Some(problem) = no_notebook(path, before.body(), after) {
        let values = json!({ "path": path, "problem": problem });
        return Err(ToolError::Rejected(texts.render("moatless/no_longer_notebook", values)));
    }
    let problems =
        lint::around(path, shared.config.lint, sandbox, save(path, before, after, sandbox, texts), texts).await?;
    let list: String = problems.iter().flatten().map(|problem| format!("- {problem}\n")).collect();
    let list = if list.is_empty() { list } else { format!("{}\n{list}", texts.plain("moatless/new_errors")) };
    let changed = texts.render("moatless/changed", json!({ "path": path }));
    Ok(Observation::text(format!("{changed}\n{}{list}", diff(path, before.body(), after))))
}

/// Returns why a notebook is none after a change, unless it was none before.
fn no_notebook(path: &str, before: &str, after: &str) -> Option<String> {
    let check = |text| serde_json::from_str::<IgnoredAny>(text).err();
    let was_whole = before.trim().is_empty() || check(before).is_none();
    if search::is_notebook(path) && was_whole { check(after).map(|err| err.to_string()) } else { None }
}

#[cfg(test)]
mod tests {
    use super::no_notebook;

    #[test]
    fn a_change_that_breaks_a_notebook_is_told() {
        for (path, before, after, broken) in [
            ("a.ipynb", "{\"cells\": []}", "{\"cells\": [1]}", false),
            ("a.ipynb", "{\"cells\": []}", "{\"cells\": [\"a\nb\"]}", true),
            ("a.ipynb", "", "x = 1\n", true),
            ("a.ipynb", "{", "{{", false),
            ("a.json", "{}", "{", false),
        ] {
            assert_eq!(no_notebook(path, before, after).is_some(), broken, "{path}: {after}");
        }
    }
}
