//! The `apply_patch` tool.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;
use tool_core::{Observation, Sandbox, Texts, Tool, ToolError};

use crate::patch::file_patch::{FilePatch, Origin, Sign};
use crate::tools::editor::syntax_warning;
use crate::tools::path::inside;
use crate::tools::staging::Staging;
use crate::{EditError, PatchConfig, Patched, Text, apply_hunks, parse_patch};

/// Hunks that do not fit shown at most.
const FAILURES: usize = 3;

/// Applies a unified diff, all of it or nothing.
#[derive(Debug, Clone, Default)]
pub struct ApplyPatch {
    config: PatchConfig,
}

/// Arguments of `apply_patch`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ApplyPatchArgs {
    /// The patch as a unified diff, as `git diff` prints it. It may change several files.
    patch: String,
}

impl Tool for ApplyPatch {
    const NAME: &'static str = "apply_patch";
    type Args = ApplyPatchArgs;

    async fn call(
        &self,
        args: ApplyPatchArgs,
        sandbox: &dyn Sandbox,
        texts: &dyn Texts,
    ) -> Result<Observation, ToolError> {
        let files = parse_patch(&args.patch, texts).map_err(|err| ToolError::Rejected(err.to_string()))?;
        let mut staging = Staging::new(sandbox, texts);
        let mut report = texts.plain("patch/applied") + "\n";
        let mut failures = Vec::new();
        for file in &files {
            match self.stage(file, &sandbox.info().root, &mut staging, texts).await? {
                Ok(lines) => report.push_str(&lines),
                Err(reasons) => failures.extend(reasons),
            }
        }
        if !failures.is_empty() {
            return Err(ToolError::Rejected(refusal(&failures, texts)));
        }
        staging.write().await?;
        Ok(Observation::text(report))
    }
}

/// What came of one file: lines of the report, or why it cannot be.
type Staged = Result<String, Vec<String>>;

impl ApplyPatch {
    /// Returns the tool.
    pub fn new(config: PatchConfig) -> Self {
        Self { config }
    }

    async fn stage(
        &self,
        file: &FilePatch,
        root: &str,
        staging: &mut Staging<'_>,
        texts: &dyn Texts,
    ) -> Result<Staged, ToolError> {
        let Some(target) = find(file, root, staging, texts).await? else {
            let path = file.old.as_deref().or(file.new.as_deref()).unwrap_or_default();
            let path = path.strip_prefix("a/").unwrap_or(path);
            return Ok(Err(vec![of_file(path, &texts.plain("patch/no_such_file"), texts)]));
        };
        let Target { from, to } = target;
        let before = match &from {
            Some(from) => staging.read(from).await?,
            None => None,
        };
        let name = to.as_ref().or(from.as_ref()).cloned().unwrap_or_default();
        let refused = |reason: &str| Ok(Err(vec![of_file(&name, &texts.plain(reason), texts)]));
        if from != to
            && let Some(to) = &to
            && staging.read(to).await?.is_some()
        {
            return refused("patch/already_there");
        }
        if from == to && file.hunks.is_empty() && file.mode.is_none() {
            return refused("patch/no_hunk");
        }
        let (after, patched, warning) = match self.patched(file, &name, before.as_deref(), texts) {
            Ok(patched) => patched,
            Err(reasons) => return Ok(Err(reasons)),
        };
        let Some(to) = to else {
            if !patched.body.is_empty() {
                return refused("patch/lines_left");
            }
            staging.set(&name, None, None);
            return Ok(Ok(report(&texts.plain("patch/deleted"), &name, &patched, "", texts)));
        };
        let mut mode = file.mode;
        let verb = match (&from, file.origin) {
            (None, _) => texts.plain("patch/created"),
            (Some(from), _) if *from == to => texts.plain("patch/changed"),
            (Some(from), origin) => {
                mode = mode.or(staging.mode(from).await?);
                if origin == Origin::Copied {
                    texts.render("patch/copied", json!({ "from": from }))
                } else {
                    staging.set(from, None, None);
                    texts.render("patch/renamed", json!({ "from": from }))
                }
            }
        };
        staging.set(&to, Some(after), mode);
        let mode = file
            .mode
            .filter(|mode| from.is_some() || *mode != 0o644)
            .map(|mode| texts.render("patch/mode", json!({ "mode": format!("{mode:o}") })))
            .unwrap_or_default();
        Ok(Ok(report(&(verb + &mode), &to, &patched, &warning, texts)))
    }

    /// Returns the bytes of a file after its hunks, with the account of them and a warning about syntax.
    fn patched(
        &self,
        file: &FilePatch,
        name: &str,
        before: Option<&[u8]>,
        texts: &dyn Texts,
    ) -> Result<(Vec<u8>, Patched, String), Vec<String>> {
        let named = |err: &EditError| vec![of_file(name, &err.message(texts), texts)];
        let bytes = before.unwrap_or_default();
        if file.hunks.is_empty() {
            // An empty new file, an unchanged move, or a deletion that does not spell out what goes.
            return Ok((bytes.to_vec(), Patched::default(), String::new()));
        }
        let text = Text::decode(bytes).map_err(|err| named(&err))?;
        let patched = apply_hunks(text.body(), &file.hunks, self.config.fuzz, texts).map_err(|reasons| {
            let shown = reasons.iter().map(|reason| text.display(reason));
            shown.map(|reason| of_file(name, reason.strip_suffix('\n').unwrap_or(&reason), texts)).collect::<Vec<_>>()
        })?;
        let warning = match file.new {
            Some(_) => syntax_warning(self.config.syntax_check, name, text.body(), &patched.body, texts)
                .map_err(|reason| vec![reason])?,
            None => String::new(),
        };
        let crlf = before.is_none() && file.hunks.iter().flat_map(|hunk| &hunk.lines).all(|l| l.text.ends_with('\r'));
        let after = if crlf {
            patched.body.replace('\n', "\r\n").into_bytes()
        } else {
            text.encode(&patched.body).map_err(|err| named(&err))?
        };
        Ok((after, patched, warning))
    }
}

/// Where a file is and where it is to be, relative to the repository; nothing for no file.
struct Target {
    from: Option<String>,
    to: Option<String>,
}

/// Finds the file that a part of the patch means, by its paths with and without prefix.
async fn find(
    file: &FilePatch,
    root: &str,
    staging: &mut Staging<'_>,
    texts: &dyn Texts,
) -> Result<Option<Target>, ToolError> {
    let paths = |path: &Option<String>, prefixes: [&str; 2]| candidates(path.as_deref(), prefixes, file, root, texts);
    let old = paths(&file.old, ["a/", "i/"])?;
    let new = paths(&file.new, ["b/", "w/"])?;
    if file.old.is_none() {
        return Ok(new.into_iter().next().map(|to| Target { from: None, to: Some(to) }));
    }
    if file.origin != Origin::Same {
        let (Some(from), Some(to)) = (existing(&old, staging).await?, new.into_iter().next()) else { return Ok(None) };
        return Ok(Some(Target { from: Some(from), to: Some(to) }));
    }
    let mut known = new.clone();
    known.extend(old);
    match existing(&known, staging).await? {
        Some(path) => Ok(Some(Target { from: Some(path.clone()), to: file.new.is_some().then_some(path) })),
        None if creates(file) => Ok(new.into_iter().next().map(|to| Target { from: None, to: Some(to) })),
        None => Ok(None),
    }
}

/// Returns what a path of the patch may mean, the likeliest first.
fn candidates(
    path: Option<&str>,
    prefixes: [&str; 2],
    file: &FilePatch,
    root: &str,
    texts: &dyn Texts,
) -> Result<Vec<String>, ToolError> {
    let Some(path) = path else { return Ok(Vec::new()) };
    let stripped = prefixes.iter().find_map(|prefix| path.strip_prefix(prefix));
    match stripped.filter(|_| file.origin == Origin::Same) {
        Some(stripped) => Ok(vec![inside(stripped, root, texts)?, inside(path, root, texts)?]),
        None => Ok(vec![inside(path, root, texts)?]),
    }
}

async fn existing(paths: &[String], staging: &mut Staging<'_>) -> Result<Option<String>, ToolError> {
    for path in paths {
        if staging.read(path).await?.is_some() {
            return Ok(Some(path.clone()));
        }
    }
    Ok(None)
}

/// Returns whether the hunks can only be meant for a new file.
fn creates(file: &FilePatch) -> bool {
    let adds = |hunk: &crate::Hunk| hunk.lines.iter().all(|line| line.sign == Sign::Added);
    file.new.is_some() && file.hunks.len() == 1 && file.hunks.iter().all(adds)
}

fn report(what: &str, path: &str, patched: &Patched, warning: &str, texts: &dyn Texts) -> String {
    let notes: String = patched.notes.iter().map(|note| format!("    {note}\n")).collect();
    let values = json!({ "path": path, "what": what, "added": patched.added, "removed": patched.removed });
    let file = texts.render("patch/file", values);
    format!("{file}\n{notes}{warning}")
}

/// Returns a line that says something of a file.
fn of_file(path: &str, reason: &str, texts: &dyn Texts) -> String {
    texts.render("edit/of_file", json!({ "path": path, "reason": reason })) + "\n"
}

fn refusal(failures: &[String], texts: &dyn Texts) -> String {
    let mut text = texts.plain("patch/unfit") + "\n";
    text.extend(failures.iter().take(FAILURES).map(String::as_str));
    if failures.len() > FAILURES {
        text.push_str(&texts.render("patch/more", json!({ "more": failures.len() - FAILURES })));
    }
    text.trim_end().to_owned()
}
