//! `index`: indexes a checkout, and reports time and size.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use ::search::{Cache, CodeIndex, Options, SearchError};
use clap::Args;
use serde_json::json;

use crate::console::say;
use crate::failed::Failed;
use crate::output::{print, print_json};

/// Files that were not parsed and are named.
const NAMED: usize = 20;
/// Bytes that the cache may take.
const MAX_CACHE: u64 = 2 << 30;

#[derive(Debug, Args)]
pub(crate) struct Index {
    /// The checkout.
    pub(crate) path: PathBuf,
    #[command(flatten)]
    pub(crate) tree: TreeArgs,
    /// Prints JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

/// How a checkout is indexed.
#[derive(Debug, Clone, Args)]
pub(crate) struct TreeArgs {
    /// Also indexes tests.
    #[arg(long)]
    pub(crate) tests: bool,
    /// Skips files larger than this, in bytes.
    #[arg(long, value_name = "BYTES", default_value_t = 1 << 20)]
    pub(crate) max_file: u64,
    /// Folder of the index cache; by default in the user's cache folder.
    #[arg(long, value_name = "DIR")]
    pub(crate) cache: Option<PathBuf>,
    /// Uses no cache.
    #[arg(long, conflicts_with = "cache")]
    pub(crate) no_cache: bool,
}

impl TreeArgs {
    pub(super) fn open_cache(&self) -> Cache {
        let folder = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|folder| folder.is_absolute());
        let users =
            || Some(folder("XDG_CACHE_HOME").or_else(|| Some(folder("HOME")?.join(".cache")))?.join("spotter/search"));
        match self.cache.clone().or_else(users).filter(|_| !self.no_cache) {
            Some(folder) => Cache::new(folder, MAX_CACHE),
            None => Cache::none(),
        }
    }

    /// Indexes a checkout and prints warnings about it.
    pub(super) fn open(&self, path: &Path) -> Result<CodeIndex, Failed> {
        let options = Options { repository: project(path).0, max_file: self.max_file, tests: self.tests };
        let index = CodeIndex::open(path, &self.open_cache(), &options).map_err(failed)?;
        for note in index.notes() {
            say(&format!("warning: {note}"));
        }
        Ok(index)
    }
}

/// Returns the project of a checkout and its version, if it has one, by the name of its folder as a source package
/// unpacks. The cache keeps a repository by its project.
pub(super) fn project(path: &Path) -> (String, Option<String>) {
    let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let version = name.match_indices('-').find(|(at, _)| name[at + 1..].starts_with(|c: char| c.is_ascii_digit()));
    match version {
        Some((at, _)) => (name[..at].to_owned(), Some(name[at + 1..].to_owned())),
        None => (name, None),
    }
}

/// Returns the failure of a search by whose fault it is.
pub(super) fn failed(err: SearchError) -> Failed {
    match err {
        SearchError::Tree(_) | SearchError::Empty | SearchError::Pattern { .. } => Failed::Usage(err.into()),
        err => Failed::Run(err.into()),
    }
}

pub(crate) fn run(args: &Index) -> Result<ExitCode, Failed> {
    let begin = Instant::now();
    let index = args.tree.open(&args.path)?;
    let seconds = begin.elapsed().as_secs_f64();
    let (files, spans) = index.size();
    let (skipped, unparsed) = (index.skipped(), index.unparsed());
    if args.json {
        let report = json!({
            "files": files, "spans": spans, "reused": index.reused(), "seconds": seconds,
            "skipped": skipped.counts, "unreadable": skipped.unreadable, "unparsed": unparsed,
        });
        print_json(&report)?;
        return Ok(ExitCode::SUCCESS);
    }
    let reused = index.reused();
    print(&format!("{files} files with {spans} spans in {seconds:.3}s; {reused} of the files were in the cache\n"))?;
    for (skip, count) in &skipped.counts {
        print(&format!(
            "left out: {count} {}\n",
            serde_json::to_value(skip).map_err(anyhow::Error::from)?.as_str().unwrap_or_default()
        ))?;
    }
    for path in &skipped.unreadable {
        say(&format!("warning: cannot be read: {path}"));
    }
    for file in unparsed.iter().take(NAMED) {
        say(&format!("warning: not parsed: {}: {}", file.path, file.why));
    }
    if unparsed.len() > NAMED {
        say(&format!("warning: not parsed: {} more; --json names them", unparsed.len() - NAMED));
    }
    Ok(ExitCode::SUCCESS)
}
