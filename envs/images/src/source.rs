//! Where the repository of an instance comes from: a git repository, or a source package.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context, bail};
use dataset::Row;
use grading::read_given;
use serde::Deserialize;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;
use tokio::sync::Mutex;

use crate::config::ImagesConfig;

const SDIST: &str = include_str!("sdist.py");
/// Who made the commits of source packages: the same everywhere, so that the commits are too.
const IDENTITY: [(&str, &str); 6] = [
    ("GIT_AUTHOR_NAME", "spotter"),
    ("GIT_AUTHOR_EMAIL", "spotter@localhost"),
    ("GIT_AUTHOR_DATE", "2024-01-01T00:00:00+0000"),
    ("GIT_COMMITTER_NAME", "spotter"),
    ("GIT_COMMITTER_EMAIL", "spotter@localhost"),
    ("GIT_COMMITTER_DATE", "2024-01-01T00:00:00+0000"),
];

/// An entry of the file of sources; one of `git`, `clone` and `sdist` is set.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Entry {
    /// URL of a git repository.
    git: Option<String>,
    /// Path of a local clone.
    clone: Option<String>,
    /// A source package, as `NAME==VERSION`.
    sdist: Option<String>,
    /// The source package's hash.
    sha256: Option<String>,
    /// Whether the package holds the fix, so that the row's patches are taken out of it first.
    reverse: bool,
}

/// Where repositories come from, and the copies of them that are kept.
pub struct Sources {
    default: String,
    entries: BTreeMap<String, Entry>,
    folder: PathBuf,
    /// One at a time writes into the copies.
    writing: Mutex<()>,
}

/// Where the repository of one instance comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// A URL or path that git knows.
    Git(String),
    /// A source package.
    Sdist {
        /// Name of the package.
        name: String,
        /// Its version.
        version: String,
        /// Its hash.
        sha256: String,
        /// Whether it holds the fix, which is taken out.
        reverse: bool,
    },
}

/// The repository of one instance, ready to be copied into an image.
pub struct Repository {
    /// The git folder.
    pub git: PathBuf,
    /// The commit that a solver starts from.
    pub commit: String,
}

impl Sources {
    /// Reads the file of sources; copies are kept below `folder`.
    pub fn load(config: &ImagesConfig, folder: PathBuf) -> anyhow::Result<Self> {
        let mut entries = BTreeMap::new();
        if let Some(path) = &config.sources {
            let text = read_given(path)?.with_context(|| format!("no such file of sources: `{}`", path.display()))?;
            let read: BTreeMap<String, Entry> =
                serde_yaml::from_str(&text).with_context(|| format!("the file of sources `{}`", path.display()))?;
            entries.extend(read.into_iter().map(|(id, entry)| (id.to_lowercase(), entry)));
        }
        Ok(Self { default: config.source.clone(), entries, folder, writing: Mutex::default() })
    }

    /// Returns where the repository of an instance comes from.
    pub fn of(&self, row: &Row) -> anyhow::Result<Source> {
        let Some(entry) = self.entries.get(&row.instance_id.to_lowercase()) else {
            let (owner, name) = row.repo.split_once('/').unwrap_or(("", &row.repo));
            let place = self.default.replace("{repo}", &row.repo).replace("{owner}", owner).replace("{name}", name);
            return Ok(Source::Git(place));
        };
        match (&entry.git, &entry.clone, &entry.sdist) {
            (Some(place), None, None) | (None, Some(place), None) => Ok(Source::Git(place.clone())),
            (None, None, Some(sdist)) => {
                let (name, version) = sdist.split_once("==").context("`sdist` is written `NAME==VERSION`")?;
                let sha256 = entry.sha256.clone().context("`sdist` needs the package's `sha256`")?;
                Ok(Source::Sdist { name: name.to_owned(), version: version.to_owned(), sha256, reverse: entry.reverse })
            }
            _ => bail!("its source must name exactly one of `git`, `clone` and `sdist`"),
        }
    }

    /// Returns the text of a file of the repository at the commit that the environment is made from.
    pub async fn read(&self, source: &Source, row: &Row, path: &str) -> anyhow::Result<Option<String>> {
        match source {
            Source::Git(place) => {
                let commit = row.environment_setup_commit.as_ref().unwrap_or(&row.base_commit);
                let copy = self.copy(place, commit).await?;
                let mut command = git(&copy);
                let output = command.args(["show", &format!("{commit}:{path}")]).output().await?;
                Ok(output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned()))
            }
            Source::Sdist { .. } => {
                let folder = empty_folder(&self.folder, &file_name(&row.instance_id))?;
                self.unpack(source, &folder.0).await?;
                read_given(&folder.0.join(path))
            }
        }
    }

    /// Makes the git folder of an instance at `target`: the base commit, what came before it, and its tags.
    pub async fn prepare(&self, source: &Source, row: &Row, target: &Path) -> anyhow::Result<Repository> {
        remove_folder(target)?;
        fs::create_dir_all(target).with_context(|| format!("cannot create the folder `{}`", target.display()))?;
        match source {
            Source::Git(place) => {
                let copy = self.copy(place, &row.base_commit).await?;
                run(git(target).args(["init", "-q", "--bare", "-b", "main", "."])).await?;
                let wanted = format!("{}:refs/heads/main", row.base_commit);
                let mut fetch = git(target);
                fetch.args(["-c", "protocol.version=2", "fetch", "-q"]).arg(&copy).arg(&wanted);
                run(&mut fetch).await?;
                Ok(Repository { git: target.to_owned(), commit: row.base_commit.clone() })
            }
            Source::Sdist { name, version, reverse, .. } => {
                self.unpack(source, target).await?;
                run(git(target).args(["init", "-q", "-b", "main", "."])).await?;
                for patch in [&row.patch, &row.test_patch].into_iter().filter(|_| *reverse) {
                    feed(git(target).args(["apply", "-R", "--whitespace=nowarn", "-"]), patch)
                        .await
                        .context("the row's patches cannot be taken out of the source package")?;
                }
                // Straight into a pack: thousands of small files take their time, here and in the image.
                run(git(target).args(["-c", "core.bigFileThreshold=1", "add", "-A", "-f", "."])).await?;
                let message = format!("{} {name} {version}", row.repo);
                run(git(target).args(["commit", "-q", "--no-verify", "-m", &message])).await?;
                // What evaluation scripts show of the last commit is then not the whole tree.
                let message = format!("base of {}", row.instance_id);
                run(git(target).args(["commit", "-q", "--no-verify", "--allow-empty", "-m", &message])).await?;
                run(git(target).args(["repack", "-q", "-a", "-d", "--window=0"])).await?;
                let commit = run(git(target).args(["rev-parse", "HEAD"])).await?.trim().to_owned();
                Ok(Repository { git: target.join(".git"), commit })
            }
        }
    }

    /// Returns a local repository that has `commit`: the place itself, or the copy that is kept of it.
    async fn copy(&self, place: &str, commit: &str) -> anyhow::Result<PathBuf> {
        let local = Path::new(place);
        if local.is_dir() {
            return local.canonicalize().with_context(|| format!("the clone `{place}` cannot be read"));
        }
        let copy = self.folder.join(format!("{}.git", file_name(place.trim_end_matches(".git"))));
        let _writing = self.writing.lock().await;
        if !copy.exists() {
            let whole = empty_folder(&self.folder, "clone")?;
            run(git(&self.folder).args(["clone", "-q", "--mirror", place]).arg(&whole.0)).await?;
            fs::rename(&whole.0, &copy)?;
        }
        let has = |copy: &Path| {
            let mut command = git(copy);
            command.args(["cat-file", "-e", &format!("{commit}^{{commit}}")]);
            async move { run(&mut command).await.is_ok() }
        };
        if !has(&copy).await {
            run(git(&copy).args(["fetch", "-q", "--tags", "origin"])).await?;
            if !has(&copy).await {
                // No branch leads to it, as when a pull request was squashed.
                run(git(&copy).args(["fetch", "-q", "origin", commit])).await?;
            }
        }
        Ok(copy)
    }

    /// Fetches a source package, unless it is here, and unpacks it into an empty folder.
    async fn unpack(&self, source: &Source, target: &Path) -> anyhow::Result<()> {
        let Source::Sdist { name, version, sha256, .. } = source else { bail!("no source package") };
        let mut python = Command::new("python3");
        python.args(["-", name, version, sha256]).arg(self.folder.join("sdists")).arg("--unpack").arg(target);
        let fetched = feed(&mut python, SDIST).await;
        fetched.with_context(|| format!("the source package `{name}=={version}` is not available"))?;
        Ok(())
    }
}

impl Source {
    /// Returns what the tree of an instance depends on.
    pub fn key(&self, row: &Row) -> String {
        match self {
            Self::Git(_) => row.base_commit.clone(),
            Self::Sdist { name, version, sha256, reverse } => {
                let patches = if *reverse { format!("{}\0{}", row.patch, row.test_patch) } else { String::new() };
                format!("{name}=={version} {sha256} {patches}")
            }
        }
    }
}

/// Returns `name` as one component of a path.
pub(crate) fn file_name(name: &str) -> String {
    let safe = name.replace(['/', '\\', '\0'], "__");
    if safe.trim_matches('.').is_empty() { "_".to_owned() } else { safe }
}

/// A folder that is removed when it is no longer needed.
pub(crate) struct Folder(pub(crate) PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Makes an empty folder `name` below `parent`, for this process.
fn empty_folder(parent: &Path, name: &str) -> anyhow::Result<Folder> {
    let path = parent.join(format!("{name}-{}", std::process::id()));
    remove_folder(&path)?;
    fs::create_dir_all(&path).with_context(|| format!("cannot create the folder `{}`", path.display()))?;
    Ok(Folder(path))
}

fn remove_folder(path: &Path) -> anyhow::Result<()> {
    match fs::remove_dir_all(path) {
        Err(err) if err.kind() != std::io::ErrorKind::NotFound => {
            Err(err).with_context(|| format!("cannot remove the folder `{}`", path.display()))
        }
        _ => Ok(()),
    }
}

/// Returns a git command in `folder`: no question is asked, and no setting of this machine changes a tree or a commit.
fn git(folder: &Path) -> Command {
    let mut command = Command::new("git");
    let fixed = ["core.autocrlf=false", "core.fileMode=true", "commit.gpgSign=false", "gc.auto=0"];
    command.current_dir(folder).env("GIT_TERMINAL_PROMPT", "0").envs(IDENTITY);
    for setting in fixed {
        command.args(["-c", setting]);
    }
    command
}

/// Runs a command and returns what it prints.
async fn run(command: &mut Command) -> anyhow::Result<String> {
    feed(command, "").await
}

/// Runs a command with `input` and returns what it prints.
async fn feed(command: &mut Command, input: &str) -> anyhow::Result<String> {
    let program = command.as_std().get_program().to_string_lossy().into_owned();
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let mut child = command.spawn().with_context(|| format!("`{program}` cannot be run"))?;
    if let Some(mut stdin) = child.stdin.take() {
        // A program that does not read has its reasons, which its exit code tells.
        let _ = stdin.write_all(input.as_bytes()).await;
    }
    let output = child.wait_with_output().await?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        let said: Vec<&str> = said.lines().rev().take(6).collect();
        bail!("`{program}` failed: {}", said.into_iter().rev().collect::<Vec<_>>().join("\n"));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
