//! Takes the patch out of a sandbox, whatever the agent did to git.

mod text;

use env_core::{Baseline, EnvError, Patch};
use tool_core::{Command, FileError, Sandbox, SandboxError, shell_quote};

pub(crate) use self::text::unquote;
use crate::left_out::LeftOut;
use crate::script::{SNAPSHOT, run, run_exclusively};

const CAPTURE: &str = include_str!("scripts/capture.sh");

/// The patch that was taken, and what is not in it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Captured {
    /// The patch.
    pub patch: Patch,
    /// What was left out of it, each once.
    pub left_out: Vec<LeftOut>,
}

/// Returns the changes in the sandbox against `baseline`.
///
/// The comparison runs in the baseline's own git directory and never looks at the repository's `.git`, so commits,
/// stashes, branches, hooks, configuration and even a deleted `.git` make no difference. What `.gitignore` names is
/// left out unless it was tracked, and so are Python's byte code and `.pytest_cache`. The files of repositories that
/// the agent made inside the tree, and of submodules, count as files; an untracked git directory without a tree of its
/// own does not. A file whose text is not UTF-8 is given as a binary diff, so that the patch is always valid text. New
/// virtual environments and core dumps are left out, and so are the largest files as far as the patch would have more
/// bytes than the sandbox's cap on files.
///
/// # Errors
/// [`EnvError::Patch`] when there is none to be had: the baseline was damaged (see [`rebuild`]), or the tree cannot be
/// read.
pub async fn capture(sandbox: &dyn Sandbox, baseline: &Baseline) -> Result<Captured, EnvError> {
    // Where nothing has changed, nothing need run.
    if baseline.stamp.is_some() && sandbox.stamp(&baseline.root).await == baseline.stamp {
        return Ok(Captured::default());
    }
    let patch = Patch(take(sandbox, baseline).await?);
    let left_out = sandbox.read_file(&format!("{}/left_out", sandbox.info().scratch)).await.map_err(file_error)?;
    let mut left_out = LeftOut::parse(&left_out);
    left_out.dedup();
    Ok(Captured { patch, left_out })
}

/// Returns the text of the patch.
async fn take(sandbox: &dyn Sandbox, baseline: &Baseline) -> Result<String, EnvError> {
    let bytes = diff(sandbox, baseline, "").await?;
    let invalid = match text::decode(bytes) {
        Ok(patch) => return Ok(patch),
        Err(invalid) => invalid,
    };
    let lines: String = invalid.iter().map(|path| format!("{} -diff\n", text::attribute_pattern(path))).collect();
    let bytes = diff(sandbox, baseline, &lines).await?;
    text::decode(bytes).map_err(|paths| {
        let paths: Vec<_> = paths.iter().map(|path| String::from_utf8_lossy(path).into_owned()).collect();
        EnvError::Patch(format!("the changes to `{}` are not valid text", paths.join("`, `")))
    })
}

/// Puts a damaged baseline back from a sandbox that was just prepared for the same instance.
///
/// # Errors
/// [`EnvError::Patch`] when the other sandbox does not hold the same tree.
pub async fn rebuild(
    sandbox: &dyn Sandbox,
    baseline: &Baseline,
    fresh: (&dyn Sandbox, &Baseline),
) -> Result<(), EnvError> {
    let (other, kept) = fresh;
    check_same_tree(baseline, kept)?;
    run(other, &[("root", kept.root.as_str()), ("shadow", &kept.git_dir)], &[SNAPSHOT, "use_shadow\n"]).await?;
    let archive = other.archive(&kept.git_dir).await.map_err(file_error)?;
    let tar = format!("{}/base.tar", sandbox.info().scratch);
    sandbox.write_file(&tar, &archive, None).await.map_err(file_error)?;
    let variables =
        [("root", baseline.root.as_str()), ("shadow", &baseline.git_dir), ("tree", &baseline.tree), ("tar", &tar)];
    let script = include_str!("scripts/rebuild.sh");
    run(sandbox, &variables, &[script]).await.map(drop)
}

/// Returns the changes in a sandbox in which nothing need run any more: its tree is copied, from outside, into one that
/// was just prepared for the same instance, and compared there.
///
/// # Errors
/// As [`capture`], and when the tree cannot be copied, or the other sandbox was not prepared from the same tree.
pub async fn capture_copy(
    sandbox: &dyn Sandbox,
    baseline: &Baseline,
    (fresh, kept): (&dyn Sandbox, &Baseline),
) -> Result<Captured, EnvError> {
    check_same_tree(baseline, kept)?;
    let archive = sandbox.export(&baseline.root).await.map_err(file_error)?;
    let folder = format!("{}/copy", fresh.info().scratch);
    let made = fresh.exec(Command::fresh(format!("mkdir -p {}", shell_quote(&folder)))).await?;
    if !made.success() {
        return Err(SandboxError::Lost(format!("`{folder}` cannot be created: {}", made.output)).into());
    }
    fresh.import(&folder, archive).await.map_err(file_error)?;
    let name = baseline.root.rsplit('/').next().unwrap_or_default();
    capture(fresh, &Baseline { root: format!("{folder}/{name}"), stamp: None, ..kept.clone() }).await
}

fn check_same_tree(baseline: &Baseline, fresh: &Baseline) -> Result<(), EnvError> {
    if fresh.tree == baseline.tree {
        return Ok(());
    }
    Err(EnvError::Patch(format!("the fresh baseline is tree `{}`, not `{}`", fresh.tree, baseline.tree)))
}

/// Runs the diff with `binary` as further attribute lines, and returns it.
async fn diff(sandbox: &dyn Sandbox, baseline: &Baseline, binary: &str) -> Result<Vec<u8>, EnvError> {
    let limit = sandbox.info().max_file;
    let limit_text = limit.to_string();
    let variables = [
        ("root", baseline.root.as_str()),
        ("shadow", &baseline.git_dir),
        ("tree", &baseline.tree),
        ("binary", binary),
        ("limit", &limit_text),
    ];
    let size = run_exclusively(sandbox, &variables, &[SNAPSHOT, CAPTURE])
        .await?
        .get("size")?
        .parse::<u64>()
        .unwrap_or(u64::MAX);
    if size > limit {
        let reason = format!("it has more than {limit} bytes, in very many files");
        return Err(EnvError::Patch(reason));
    }
    sandbox.read_file(&format!("{}/patch.diff", sandbox.info().scratch)).await.map_err(file_error)
}

fn file_error(err: FileError) -> EnvError {
    match err {
        FileError::Sandbox(err) => err.into(),
        err => EnvError::Patch(err.to_string()),
    }
}
