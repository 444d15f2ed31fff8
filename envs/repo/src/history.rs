//! Cleans a repository's history before an agent sees it, and keeps what the patch will be taken against.

use env_core::{Baseline, EnvError};
use sha2::{Digest, Sha256};
use tool_core::{FileError, Sandbox};

use crate::scratch::scratch_path;
use crate::script::{PRELUDE, SNAPSHOT, run};

pub(crate) const CLEAN: &str = include_str!("scripts/clean.sh");
pub(crate) const LAYOUT: &str = include_str!("scripts/layout.sh");
pub(crate) const VERIFY: &str = include_str!("scripts/verify.sh");
pub(crate) const LISTING: &str = include_str!("scripts/listing.sh");
pub(crate) const NOTE: &str = include_str!("scripts/note.sh");
const RESUME: &str = include_str!("scripts/resume.sh");
pub(crate) const STRAY: &str = include_str!("scripts/stray.sh");
pub(crate) const BASELINE: &str = include_str!("scripts/baseline.sh");

/// Puts the repository at `base_commit`, removes everything after it from reach and keeps a [`Baseline`].
///
/// Tracked files are reset, untracked and ignored ones stay. `.git` is rebuilt to hold the objects of the history up to
/// `base_commit`, one branch and nothing else: no tags, remotes, reflogs, stashes, notes, worktrees, alternates, replace
/// refs, hooks or leftovers. Submodules and nested repositories lose their git directories, bundles and packs that lie
/// about untracked go, and in an isolated sandbox so do the object stores outside that the repository borrowed from.
/// A second script checks the outcome. With `keep_history` only the reset is done.
///
/// # Errors
/// [`EnvError::Unusable`], with an empty id, when the commit is not there or the repository is broken;
/// [`EnvError::Leak`] when the check finds something: the episode must not start.
pub async fn prepare(
    sandbox: &dyn Sandbox,
    root: &str,
    base_commit: &str,
    keep_history: bool,
) -> Result<Baseline, EnvError> {
    if !is_revision(base_commit) {
        let reason = format!("`{base_commit}` is not a commit");
        return Err(EnvError::Unusable { id: String::new(), reason });
    }
    let flag = |on: bool| if on { "1" } else { "0" };
    let isolated = flag(sandbox.info().isolated);
    let variables = [("root", root), ("base", base_commit), ("keep", flag(keep_history)), ("isolated", isolated)];
    let cleaned = run(sandbox, &variables, &[STRAY, CLEAN]).await?;
    let commit = cleaned.get("commit")?;
    let whole = !keep_history && cleaned.get("objects")? == "kept";
    if !keep_history {
        verify(sandbox, root, commit).await?;
    }
    let git_dir = git_dir(sandbox);
    let variables = [("root", root), ("commit", commit), ("shadow", &git_dir), ("whole", flag(whole))];
    let kept = run(sandbox, &variables, &[SNAPSHOT, BASELINE, LISTING, NOTE]).await?;
    Ok(baseline(sandbox, root, kept.get("tree")?, git_dir).await)
}

/// Returns the baseline of a sandbox in which nothing has changed yet.
async fn baseline(sandbox: &dyn Sandbox, root: &str, tree: &str, git_dir: String) -> Baseline {
    Baseline { root: root.to_owned(), tree: tree.to_owned(), git_dir, stamp: sandbox.stamp(root).await }
}

/// Returns the [`Baseline`] of a sandbox that was started from a state that [`prepare`] has made, without
/// `keep_history`. That the git directories are as they were is checked, not their objects once more; nothing is where the
/// state `is_checked` as a whole.
///
/// # Errors
/// [`EnvError::Leak`] when the check finds something.
pub async fn resume(sandbox: &dyn Sandbox, root: &str, is_checked: bool) -> Result<Baseline, EnvError> {
    let git_dir = git_dir(sandbox);
    if is_checked {
        let state = sandbox.read_file(&scratch_path(sandbox, "state")).await.map_err(no_state)?;
        let state = String::from_utf8_lossy(&state);
        let tree = state.lines().next().filter(|tree| is_object_id(tree));
        let tree = tree.ok_or_else(|| EnvError::Leak("the kept state has no note".to_owned()))?;
        return Ok(baseline(sandbox, root, tree, git_dir).await);
    }
    let variables = [("root", root), ("shadow", git_dir.as_str())];
    let resumed = run(sandbox, &variables, &[LISTING, RESUME]).await?;
    Ok(baseline(sandbox, root, resumed.get("tree")?, git_dir).await)
}

/// Returns what tells the state that [`prepare`] makes of an image from those that others would make of it.
pub fn key(root: &str, base_commit: &str, startup: &str) -> String {
    let scripts = [PRELUDE, STRAY, CLEAN, LAYOUT, VERIFY, SNAPSHOT, BASELINE, LISTING, NOTE];
    let parts = [root, base_commit, startup].into_iter().chain(scripts);
    let mut digest = Sha256::new();
    for part in parts {
        digest.update(part.len().to_le_bytes());
        digest.update(part);
    }
    digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn no_state(err: FileError) -> EnvError {
    match err {
        FileError::Sandbox(err) => err.into(),
        err => EnvError::Leak(format!("the kept state has no note: {err}")),
    }
}

fn is_object_id(text: &str) -> bool {
    [40, 64].contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn git_dir(sandbox: &dyn Sandbox) -> String {
    format!("{}/base.git", sandbox.info().scratch.trim_end_matches('/'))
}

/// Checks that the repository holds the history up to `commit`, a full object id, and nothing else.
///
/// # Errors
/// [`EnvError::Leak`] with the first thing that should not be there.
pub async fn verify(sandbox: &dyn Sandbox, root: &str, commit: &str) -> Result<(), EnvError> {
    run(sandbox, &[("root", root), ("commit", commit)], &[STRAY, LAYOUT, VERIFY]).await?.get("clean").map(drop)
}

/// Returns whether `text` can only be taken for a revision, never for an option.
fn is_revision(text: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || "._/-~^".contains(c);
    !text.is_empty() && !text.starts_with('-') && text.chars().all(fits)
}
