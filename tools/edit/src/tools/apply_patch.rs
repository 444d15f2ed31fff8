//! The `apply_patch` tool.

use schemars::JsonSchema;
use serde::Deserialize;
use tool_core::{Observation, Sandbox, Tool, ToolError};

use crate::patch::file_patch::{FilePatch, Origin, Sign};
use crate::tools::editor::syntax_warning;
use crate::tools::path::inside;
use crate::tools::staging::Staging;
use crate::{PatchConfig, Patched, Text, apply_hunks, parse_patch};

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

    async fn call(&self, args: ApplyPatchArgs, sandbox: &dyn Sandbox) -> Result<Observation, ToolError> {
        let files = parse_patch(&args.patch).map_err(|err| ToolError::Rejected(err.to_string()))?;
        let mut staging = Staging::new(sandbox);
        let mut report = "Applied the patch:\n".to_owned();
        let mut failures = Vec::new();
        for file in &files {
            match self.stage(file, &sandbox.info().root, &mut staging).await? {
                Ok(lines) => report.push_str(&lines),
                Err(reasons) => failures.extend(reasons),
            }
        }
        if !failures.is_empty() {
            return Err(ToolError::Rejected(refusal(&failures)));
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

    async fn stage(&self, file: &FilePatch, root: &str, staging: &mut Staging<'_>) -> Result<Staged, ToolError> {
        let Some(target) = find(file, root, staging).await? else {
            let path = file.old.as_deref().or(file.new.as_deref()).unwrap_or_default();
            let path = path.strip_prefix("a/").unwrap_or(path);
            return Ok(Err(vec![format!("`{path}`: there is no such file in the repository\n")]));
        };
        let Target { from, to } = target;
        let before = match &from {
            Some(from) => staging.read(from).await?,
            None => None,
        };
        let name = to.as_ref().or(from.as_ref()).cloned().unwrap_or_default();
        let named = |reason: String| vec![format!("`{name}`: {reason}\n")];
        if from != to
            && let Some(to) = &to
            && staging.read(to).await?.is_some()
        {
            return Ok(Err(named("the patch creates it, but it is already there".to_owned())));
        }
        if from == to && file.hunks.is_empty() && file.mode.is_none() {
            return Ok(Err(named("the patch names it, but has no hunk for it".to_owned())));
        }
        let (after, patched, warning) = match self.patched(file, &name, before.as_deref()) {
            Ok(patched) => patched,
            Err(reasons) => return Ok(Err(reasons)),
        };
        let Some(to) = to else {
            if !patched.body.is_empty() {
                return Ok(Err(named("the patch deletes it, but does not account for all of its lines".to_owned())));
            }
            staging.set(&name, None, None);
            return Ok(Ok(report("deleted", &name, &patched, "")));
        };
        let mut mode = file.mode;
        let verb = match (&from, file.origin) {
            (None, _) => "created".to_owned(),
            (Some(from), _) if *from == to => "changed".to_owned(),
            (Some(from), origin) => {
                mode = mode.or(staging.mode(from).await?);
                if origin == Origin::Copied {
                    format!("copied from {from}")
                } else {
                    staging.set(from, None, None);
                    format!("renamed from {from}")
                }
            }
        };
        staging.set(&to, Some(after), mode);
        let mode = file
            .mode
            .filter(|mode| from.is_some() || *mode != 0o644)
            .map(|mode| format!(", mode {mode:o}"))
            .unwrap_or_default();
        Ok(Ok(report(&(verb + &mode), &to, &patched, &warning)))
    }

    /// Returns the bytes of a file after its hunks, with the account of them and a warning about syntax.
    fn patched(
        &self,
        file: &FilePatch,
        name: &str,
        before: Option<&[u8]>,
    ) -> Result<(Vec<u8>, Patched, String), Vec<String>> {
        let named = |reason: &dyn std::fmt::Display| vec![format!("`{name}`: {reason}\n")];
        let bytes = before.unwrap_or_default();
        if file.hunks.is_empty() {
            // An empty new file, an unchanged move, or a deletion that does not spell out what goes.
            return Ok((bytes.to_vec(), Patched::default(), String::new()));
        }
        let text = Text::decode(bytes).map_err(|err| named(&err))?;
        let patched = apply_hunks(text.body(), &file.hunks, self.config.fuzz).map_err(|reasons| {
            reasons.iter().map(|reason| format!("`{name}`: {}", text.display(reason))).collect::<Vec<_>>()
        })?;
        let warning = match file.new {
            Some(_) => syntax_warning(self.config.syntax_check, name, text.body(), &patched.body)
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
async fn find(file: &FilePatch, root: &str, staging: &mut Staging<'_>) -> Result<Option<Target>, ToolError> {
    let paths = |path: &Option<String>, prefixes: [&str; 2]| candidates(path.as_deref(), prefixes, file, root);
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
fn candidates(path: Option<&str>, prefixes: [&str; 2], file: &FilePatch, root: &str) -> Result<Vec<String>, ToolError> {
    let Some(path) = path else { return Ok(Vec::new()) };
    let stripped = prefixes.iter().find_map(|prefix| path.strip_prefix(prefix));
    match stripped.filter(|_| file.origin == Origin::Same) {
        Some(stripped) => Ok(vec![inside(stripped, root)?, inside(path, root)?]),
        None => Ok(vec![inside(path, root)?]),
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

fn report(verb: &str, path: &str, patched: &Patched, warning: &str) -> String {
    let notes: String = patched.notes.iter().map(|note| format!("    {note}\n")).collect();
    format!("  {path}: {verb}, +{} -{}\n{notes}{warning}", patched.added, patched.removed)
}

fn refusal(failures: &[String]) -> String {
    let mut text = "the patch does not fit, so nothing was changed\n".to_owned();
    text.extend(failures.iter().take(FAILURES).map(String::as_str));
    if failures.len() > FAILURES {
        text.push_str(&format!("({} more hunks or files do not fit)", failures.len() - FAILURES));
    }
    text.trim_end().to_owned()
}
