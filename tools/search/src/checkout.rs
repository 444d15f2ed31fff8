//! The index of a sandbox's repository, brought up to date before each query.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::ops::Deref;
use std::sync::{Arc, OnceLock};

use tokio::sync::{MappedMutexGuard, Mutex, MutexGuard};
use tool_core::{Command, FileError, Sandbox, ToolError, shell_quote};

use crate::config::SearchConfig;
use crate::error::SearchError;
use crate::index::{CodeIndex, Options};
use crate::language::LANGUAGES;
use crate::place::{FOREIGN, is_test};
use crate::tree::unpack;

/// Fewer files than this are read one by one.
const FEW: usize = 16;

/// The index of a sandbox's repository. The tree is fetched at the first query; from then on a listing of sizes and
/// times tells what was changed since, by whatever means, and only that is read.
pub struct Checkout {
    config: SearchConfig,
    repository: OnceLock<String>,
    state: Mutex<Option<State>>,
}

/// What is known of one sandbox.
struct State {
    sandbox: String,
    index: CodeIndex,
    /// Size and time of each file that was taken in, or passed over for good.
    stamps: BTreeMap<String, String>,
}

/// A file in a listing.
struct Listed {
    path: String,
    size: u64,
    stamp: String,
}

impl Checkout {
    /// Returns a checkout that is indexed at the first query.
    pub fn new(config: SearchConfig) -> Arc<Self> {
        Arc::new(Self { config, repository: OnceLock::new(), state: Mutex::default() })
    }

    /// Names the repository, such as `owner/name`, when the episode starts; episodes on the same one share their work.
    /// A name in the settings goes before, and the first name stays.
    pub fn name_repository(&self, name: &str) {
        self.repository.get_or_init(|| name.to_owned());
    }

    /// Returns the settings.
    pub fn config(&self) -> &SearchConfig {
        &self.config
    }

    fn options(&self) -> Options {
        let named = self.config.repository.as_ref().or_else(|| self.repository.get());
        let repository = named.cloned().unwrap_or_else(|| Options::default().repository);
        Options { repository, max_file: self.config.max_file, tests: true }
    }

    /// Returns the index as the repository is now. Tests are taken in when they are first asked for, and stay.
    ///
    /// # Errors
    /// [`ToolError::Rejected`] when the repository cannot be listed or indexed.
    pub async fn sync(&self, sandbox: &dyn Sandbox, tests: bool) -> Result<Synced<'_>, ToolError> {
        let mut state = self.state.lock().await;
        let mut listed = list(sandbox, self.config.max_file).await?;
        let before = state.take().filter(|state| state.sandbox == sandbox.info().id);
        let had_tests = before.as_ref().is_some_and(|state| state.stamps.keys().any(|path| is_test(path)));
        listed.retain(|file| tests || had_tests || !is_test(&file.path));
        let now = match before {
            Some(state) => self.refresh(state, listed, sandbox).await?,
            None => self.fetch(listed, sandbox).await?,
        };
        Ok(Synced(MutexGuard::map(state, |state| &mut state.insert(now).index)))
    }

    /// Indexes the repository for the first time.
    async fn fetch(&self, listed: Vec<Listed>, sandbox: &dyn Sandbox) -> Result<State, ToolError> {
        let files = read(&listed, sandbox).await?;
        let (cache, options) = (self.config.open_cache(), self.options());
        let index = blocking(move || CodeIndex::from_files(files, &cache, &options)).await?;
        let stamps = listed.into_iter().map(|file| (file.path, file.stamp)).collect();
        Ok(State { sandbox: sandbox.info().id.clone(), index, stamps })
    }

    /// Takes in what has changed.
    async fn refresh(&self, state: State, listed: Vec<Listed>, sandbox: &dyn Sandbox) -> Result<State, ToolError> {
        let State { sandbox: id, mut index, mut stamps } = state;
        let now: BTreeMap<String, String> = listed.iter().map(|file| (file.path.clone(), file.stamp.clone())).collect();
        let gone = stamps.keys().filter(|path| !now.contains_key(*path));
        let mut changes: Vec<(String, Option<Vec<u8>>)> = gone.map(|path| (path.clone(), None)).collect();
        let changed: Vec<Listed> =
            listed.into_iter().filter(|file| stamps.get(&file.path) != Some(&file.stamp)).collect();
        let files = read(&changed, sandbox).await?;
        changes.extend(files.into_iter().map(|(path, bytes)| (path, Some(bytes))));
        stamps = now;
        if !changes.is_empty() {
            index = blocking(move || index.update(changes).map(|()| index)).await?;
        }
        Ok(State { sandbox: id, index, stamps })
    }
}

/// The index as the repository was at [`Checkout::sync`]; while it is held, nothing else of the episode searches.
pub struct Synced<'a>(MappedMutexGuard<'a, CodeIndex>);

impl Deref for Synced<'_> {
    type Target = CodeIndex;

    fn deref(&self) -> &CodeIndex {
        &self.0
    }
}

/// Runs work that takes long beside the other episodes.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, SearchError> + Send + 'static,
) -> Result<T, ToolError> {
    let done = tokio::task::spawn_blocking(work).await;
    let done = done.map_err(|err| ToolError::Rejected(format!("the search index failed: {err}")))?;
    Ok(done?)
}

/// Lists the source files of the repository.
async fn list(sandbox: &dyn Sandbox, max_file: u64) -> Result<Vec<Listed>, ToolError> {
    let info = sandbox.info();
    let target = format!("{}/search-files", info.scratch);
    let mut folders = String::from("-name '.?*'");
    for name in FOREIGN {
        let _ = write!(folders, " -o -name {}", shell_quote(name));
    }
    let extensions = LANGUAGES.iter().flat_map(|row| row.extensions);
    let names: Vec<String> = extensions.map(|extension| format!("-name '*.{extension}'")).collect();
    let script = format!(
        "cd -- {root} && find . -type d \\( {folders} \\) -prune -o -type f \\( {names} \\) -size -{max}c \
         -printf '%s %C@ %i %P\\0' >{target}",
        root = shell_quote(&info.root),
        names = names.join(" -o "),
        max = max_file + 1,
        target = shell_quote(&target),
    );
    let output = sandbox.exec(Command::fresh(script)).await?;
    // Without its permission a folder cannot be listed, and the others can.
    let listing = match sandbox.read_file(&target).await {
        Ok(listing) => listing,
        Err(FileError::Sandbox(err)) => return Err(err.into()),
        Err(err) => {
            let words = output.output.trim();
            return Err(ToolError::Rejected(format!("the files of the repository cannot be listed: {err}\n{words}")));
        }
    };
    Ok(listing.split(|byte| *byte == 0).filter_map(listed).collect())
}

/// Reads a line of the listing; a name that is no text is passed over.
fn listed(line: &[u8]) -> Option<Listed> {
    let line = std::str::from_utf8(line).ok()?;
    let mut parts = line.splitn(4, ' ');
    let (size, time, inode, path) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    Some(Listed { path: path.to_owned(), size: size.parse().ok()?, stamp: format!("{size} {time} {inode}") })
}

/// Reads files: a few one by one, many in archives. What vanishes meanwhile is left out.
async fn read(listed: &[Listed], sandbox: &dyn Sandbox) -> Result<Vec<(String, Vec<u8>)>, ToolError> {
    let mut files = Vec::with_capacity(listed.len());
    if listed.len() < FEW {
        for file in listed {
            match sandbox.read_file(&format!("{}/{}", sandbox.info().root, file.path)).await {
                Ok(bytes) => files.push((file.path.clone(), bytes)),
                Err(FileError::Sandbox(err)) => return Err(err.into()),
                Err(err) => tracing::debug!("not indexed: {err}"),
            }
        }
        return Ok(files);
    }
    // An archive pads each file, so that half of the cap is safe.
    let room = sandbox.info().max_file / 2;
    let mut batch = Vec::new();
    let mut bytes = 0;
    for (at, file) in listed.iter().enumerate() {
        batch.push(file.path.as_str());
        bytes += file.size + 1024;
        let next = listed.get(at + 1).map_or(u64::MAX, |next| next.size + 1024);
        if bytes.saturating_add(next) > room {
            files.extend(archive(&batch, sandbox).await?);
            batch.clear();
            bytes = 0;
        }
    }
    Ok(files)
}

/// Fetches files in one archive. They are gathered in a folder first, so that nothing else of the tree travels.
async fn archive(paths: &[&str], sandbox: &dyn Sandbox) -> Result<Vec<(String, Vec<u8>)>, ToolError> {
    let info = sandbox.info();
    let (names, tree) = (format!("{}/search-names", info.scratch), format!("{}/search-tree", info.scratch));
    sandbox.write_file(&names, paths.join("\0").as_bytes(), None).await?;
    let script = format!(
        "rm -rf {tree} && mkdir {tree} && cd -- {root} && xargs -0 cp --parents -t {tree} -- <{names}",
        root = shell_quote(&info.root),
        tree = shell_quote(&tree),
        names = shell_quote(&names),
    );
    let gathered = sandbox.exec(Command::fresh(script)).await?;
    let archive = sandbox.archive(&tree).await;
    let removed =
        sandbox.exec(Command::fresh(format!("rm -rf {} {}", shell_quote(&tree), shell_quote(&names)))).await?;
    if !removed.success() {
        tracing::debug!("`{tree}` stays: {}", removed.output.trim());
    }
    let archive = match archive {
        Ok(archive) => archive,
        Err(FileError::Sandbox(err)) => return Err(err.into()),
        Err(err) => {
            let words = gathered.output.trim();
            return Err(ToolError::Rejected(format!("the repository cannot be fetched: {err}\n{words}")));
        }
    };
    blocking(move || unpack(&archive)).await
}

/// Returns every path of the repository that is not hidden, folders left out.
pub(crate) async fn every_file(sandbox: &dyn Sandbox) -> Result<Vec<String>, ToolError> {
    let info = sandbox.info();
    let target = format!("{}/search-all", info.scratch);
    let script = format!(
        "cd -- {root} && find . -mindepth 1 -name '.?*' -prune -o -type f -printf '%P\\0' >{target}",
        root = shell_quote(&info.root),
        target = shell_quote(&target),
    );
    let output = sandbox.exec(Command::fresh(script)).await?;
    let listing = match sandbox.read_file(&target).await {
        Ok(listing) => listing,
        Err(FileError::Sandbox(err)) => return Err(err.into()),
        Err(err) => return Err(ToolError::Rejected(format!("{err}\n{}", output.output.trim()))),
    };
    let mut paths: Vec<String> = listing
        .split(|byte| *byte == 0)
        .filter(|path| !path.is_empty())
        .map(|path| String::from_utf8_lossy(path).into_owned())
        .collect();
    paths.sort();
    Ok(paths)
}
