//! The index of a sandbox's repository, brought up to date before each query.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::ops::Deref;
use std::sync::{Arc, OnceLock};

use serde_json::json;
use tokio::sync::{MappedMutexGuard, Mutex, MutexGuard};
use tool_core::{Command, Embed, ExecEnd, FileError, Sandbox, Texts, ToolError, shell_quote};

use crate::cut::language::Language;
use crate::cut::place::{FOREIGN, NOTEBOOK, is_test, largest};
use crate::error::SearchError;
use crate::index::code_index::{CodeIndex, Options};
use crate::index::tree::unpack;
use crate::rank::request::{Found, SearchRequest};
use crate::rank::rerank::Reranker;
use crate::tools::config::SearchConfig;

/// Fewer files than this are read one by one.
const FEW: usize = 16;

/// The index of a sandbox's repository. The tree is fetched at the first query; from then on a listing of sizes and
/// times tells what was changed since, by whatever means, and only that is read.
pub struct Checkout {
    config: SearchConfig,
    repository: OnceLock<String>,
    state: Mutex<Option<State>>,
    reranker: Reranker,
}

/// What is known of one sandbox.
struct State {
    sandbox: String,
    index: CodeIndex,
    /// Whether tests were asked for.
    tests: bool,
    /// Size and time of each file that was read.
    stamps: BTreeMap<String, String>,
}

/// Contents by path.
type Files = BTreeMap<String, Vec<u8>>;

/// A file in a listing.
struct Listed {
    path: String,
    size: u64,
    stamp: String,
}

impl Checkout {
    /// Returns a checkout that is indexed at the first query.
    pub fn new(config: SearchConfig) -> Arc<Self> {
        let (repository, state) = (OnceLock::new(), Mutex::default());
        Arc::new(Self { config, repository, state, reranker: Reranker::default() })
    }

    /// Names the repository, such as `owner/name`, when the episode starts; episodes on the same one share their work.
    /// A name in the settings goes before, and the first name stays.
    pub fn name_repository(&self, name: &str) {
        self.repository.get_or_init(|| name.to_owned());
    }

    /// Re-ranks what is found from now on by the vectors of an embedder, where there is one; the first one stays. The
    /// vectors are kept for all checkouts with clones of the same settings.
    pub fn rerank_with(&self, embedder: Option<Arc<dyn Embed>>) {
        embedder.into_iter().for_each(|embedder| self.reranker.set(embedder));
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
    pub async fn sync(&self, sandbox: &dyn Sandbox, tests: bool, texts: &dyn Texts) -> Result<Synced<'_>, ToolError> {
        let mut state = self.state.lock().await;
        let mut listed = list(sandbox, self.config.max_file, texts).await?;
        let before = state.take().filter(|state| state.sandbox == sandbox.info().id);
        let tests = tests || before.as_ref().is_some_and(|state| state.tests);
        listed.retain(|file| tests || !is_test(&file.path));
        let now = match before {
            Some(state) => self.refresh(state, listed, tests, sandbox, texts).await?,
            None => self.fetch(listed, tests, sandbox, texts).await?,
        };
        let index = MutexGuard::map(state, |state| &mut state.insert(now).index);
        Ok(Synced { index, checkout: self })
    }

    /// Answers a request on the repository as it is now, as [`Synced::answer`] does, and returns the index as well.
    ///
    /// # Errors
    /// [`ToolError::Rejected`] when the repository cannot be indexed or the request makes no sense.
    pub async fn search(
        &self,
        sandbox: &dyn Sandbox,
        request: &SearchRequest,
        texts: &dyn Texts,
    ) -> Result<(Synced<'_>, Found), ToolError> {
        let index = self.sync(sandbox, request.include_tests, texts).await?;
        let found = index.answer(request).await?;
        Ok((index, found))
    }

    /// Indexes the repository for the first time.
    async fn fetch(
        &self,
        listed: Vec<Listed>,
        tests: bool,
        sandbox: &dyn Sandbox,
        texts: &dyn Texts,
    ) -> Result<State, ToolError> {
        let (cache, options) = (self.config.open_cache(), self.options());
        let _permit = cache.permit().await;
        let files = read(&listed, sandbox, texts).await?;
        let stamps = stamps(listed, &files);
        let index = blocking(move || CodeIndex::from_files(files, &cache, &options), texts).await?;
        let info = sandbox.info();
        Ok(State { sandbox: info.id.clone(), index: index.at(&info.root), tests, stamps })
    }

    /// Takes in what has changed. Tests that come in for the first time are part of what episodes share.
    async fn refresh(
        &self,
        mut state: State,
        listed: Vec<Listed>,
        tests: bool,
        sandbox: &dyn Sandbox,
        texts: &dyn Texts,
    ) -> Result<State, ToolError> {
        let first = tests && !state.tests;
        let (more, listed): (Vec<_>, Vec<_>) = listed.into_iter().partition(|file| first && is_test(&file.path));
        state = update(state, listed, sandbox, texts).await?;
        if first {
            let (cache, options) = (self.config.open_cache(), self.options());
            let _permit = cache.permit().await;
            let files = read(&more, sandbox, texts).await?;
            state.stamps.extend(stamps(more, &files));
            state.index = blocking(move || state.index.extend(files, &cache, &options), texts).await?;
        }
        Ok(State { tests, ..state })
    }
}

/// Takes in the files whose stamp is another one. One that is gone, or cannot be read, is no longer as it was; the
/// latter is retried at the next query.
async fn update(
    mut state: State,
    listed: Vec<Listed>,
    sandbox: &dyn Sandbox,
    texts: &dyn Texts,
) -> Result<State, ToolError> {
    let is_known = |file: &Listed| state.stamps.get(&file.path) == Some(&file.stamp);
    let (same, changed): (Vec<_>, Vec<_>) = listed.into_iter().partition(is_known);
    let files = read(&changed, sandbox, texts).await?;
    let now = same.into_iter().map(|file| (file.path, file.stamp)).chain(stamps(changed, &files)).collect();
    let before = std::mem::replace(&mut state.stamps, now);
    let gone = before.into_keys().filter(|path| !state.stamps.contains_key(path)).map(|path| (path, None));
    let mut changes: Vec<(String, Option<Vec<u8>>)> = gone.collect();
    changes.extend(files.into_iter().map(|(path, bytes)| (path, Some(bytes))));
    if !changes.is_empty() {
        state.index = blocking(move || state.index.update(changes).map(|()| state.index), texts).await?;
    }
    Ok(state)
}

/// Returns the stamps of those files that were read.
fn stamps(listed: Vec<Listed>, read: &Files) -> BTreeMap<String, String> {
    let read = listed.into_iter().filter(|file| read.contains_key(&file.path));
    read.map(|file| (file.path, file.stamp)).collect()
}

/// The index as the repository was at [`Checkout::sync`]; while it is held, nothing else of the episode searches.
pub struct Synced<'a> {
    index: MappedMutexGuard<'a, CodeIndex>,
    checkout: &'a Checkout,
}

impl Synced<'_> {
    /// Answers a request as [`CodeIndex::search`] does. Where there is an embedder and the request has a query, the
    /// best
    /// [`SearchConfig::rerank`] spans and their files come in an order that mixes the ranks by words with those by
    /// vectors, while the scores stay those of the words. An embedder that fails leaves the order of the words.
    ///
    /// # Errors
    /// [`SearchError::Empty`] for an empty request, [`SearchError::Pattern`] for a pattern that is none.
    pub async fn answer(&self, request: &SearchRequest) -> Result<Found, SearchError> {
        let mut found = self.index.search(request)?;
        let Checkout { config, reranker, .. } = self.checkout;
        let cache = config.open_cache();
        // The index is held while a server is asked: it is that of one episode, whose agent waits for this answer and
        // asks for nothing else meanwhile.
        reranker.rerank(&self.index, &request.query, &mut found, config.rerank, cache.vectors()).await?;
        Ok(found)
    }
}

impl Deref for Synced<'_> {
    type Target = CodeIndex;

    fn deref(&self) -> &CodeIndex {
        &self.index
    }
}

/// Runs work that takes long beside the other episodes.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, SearchError> + Send + 'static,
    texts: &dyn Texts,
) -> Result<T, ToolError> {
    let done = tokio::task::spawn_blocking(work).await;
    let failed = |why: String| ToolError::Rejected(texts.render("search/index_failed", json!({ "why": why })));
    let done = done.map_err(|err| failed(err.to_string()))?;
    Ok(done?)
}

/// Lists the source files of the repository.
async fn list(sandbox: &dyn Sandbox, max_file: u64, texts: &dyn Texts) -> Result<Vec<Listed>, ToolError> {
    let mut folders = String::from("-name '.?*'");
    for name in FOREIGN {
        let _ = write!(folders, " -o -name {}", shell_quote(name));
    }
    let names: Vec<String> = Language::endings().iter().map(|ending| format!("-name '*.{ending}'")).collect();
    let tests = format!(
        "-type d \\( {folders} \\) -prune -o -type f \\( {names} \\) -size -{max}c -printf '%s %C@ %i %P\\0'",
        names = names.join(" -o "),
        max = max_file.saturating_mul(NOTEBOOK).saturating_add(1),
    );
    let listing = find(sandbox, &tests, texts).await?;
    let listed = listing.split(|byte| *byte == 0).filter_map(listed);
    // One that alone is too large to be fetched would keep the others from being so.
    let limit = sandbox.info().max_file / 2;
    Ok(listed.filter(|file| file.size <= largest(&file.path, max_file).min(limit.max(max_file))).collect())
}

/// Returns every path of the repository that is not hidden, folders left out.
pub(crate) async fn every_file(sandbox: &dyn Sandbox, texts: &dyn Texts) -> Result<Vec<String>, ToolError> {
    let listing = find(sandbox, "-mindepth 1 -name '.?*' -prune -o -type f -printf '%P\\0'", texts).await?;
    let paths = listing.split(|byte| *byte == 0).filter(|path| !path.is_empty());
    let mut paths: Vec<String> = paths.map(|path| String::from_utf8_lossy(path).into_owned()).collect();
    paths.sort();
    Ok(paths)
}

/// Returns what `find` prints below the repository, if it ran to its end.
async fn find(sandbox: &dyn Sandbox, tests: &str, texts: &dyn Texts) -> Result<Vec<u8>, ToolError> {
    let info = sandbox.info();
    let target = format!("{}/search-files", info.scratch);
    let script = format!(
        "rm -f {target} && cd -- {root} || exit 2; find . {tests} >{target}",
        target = shell_quote(&target),
        root = shell_quote(&info.root),
    );
    let output = sandbox.exec(Command::fresh(script)).await?;
    let why = match (output.end, sandbox.read_file(&target).await) {
        (ExecEnd::Exited(0), Ok(listing)) => return Ok(listing),
        // Without its permission a folder cannot be listed, and the others can.
        (ExecEnd::Exited(1), Ok(listing)) if !listing.is_empty() => return Ok(listing),
        (_, Err(FileError::Sandbox(err))) => return Err(err.into()),
        (_, Err(err @ FileError::TooLarge { .. })) => ToolError::from(err).message(texts)?,
        _ => texts.render("search/find_failed", json!({ "code": output.exit_code() })),
    };
    let values = json!({ "why": why, "words": output.output.trim() });
    Err(ToolError::Rejected(texts.render("search/unlisted", values)))
}

/// Reads a line of the listing; a name that is not text is skipped.
fn listed(line: &[u8]) -> Option<Listed> {
    let line = std::str::from_utf8(line).ok()?;
    let mut parts = line.splitn(4, ' ');
    let (size, time, inode, path) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    Some(Listed { path: path.to_owned(), size: size.parse().ok()?, stamp: format!("{size} {time} {inode}") })
}

/// Reads files: a few one by one, many in archives. What vanishes meanwhile is left out.
async fn read(listed: &[Listed], sandbox: &dyn Sandbox, texts: &dyn Texts) -> Result<Files, ToolError> {
    let mut files = Files::new();
    if listed.len() < FEW {
        for file in listed {
            match sandbox.read_file(&format!("{}/{}", sandbox.info().root, file.path)).await {
                Ok(bytes) => drop(files.insert(file.path.clone(), bytes)),
                Err(FileError::Sandbox(err)) => return Err(err.into()),
                Err(err) => tracing::debug!("not indexed: {err}"),
            }
        }
        return Ok(files);
    }
    // An archive pads each file, so that half of the cap is safe.
    let limit = sandbox.info().max_file / 2;
    let mut batch = Vec::new();
    let mut bytes = 0;
    for (at, file) in listed.iter().enumerate() {
        batch.push(file.path.as_str());
        bytes += file.size + 1024;
        let next = listed.get(at + 1).map_or(u64::MAX, |next| next.size + 1024);
        if bytes.saturating_add(next) > limit {
            files.extend(archive(&batch, sandbox, texts).await?);
            batch.clear();
            bytes = 0;
        }
    }
    Ok(files)
}

/// Fetches files in one archive. They are gathered in a folder first, so that nothing else of the tree travels.
async fn archive(
    paths: &[&str],
    sandbox: &dyn Sandbox,
    texts: &dyn Texts,
) -> Result<Vec<(String, Vec<u8>)>, ToolError> {
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
            let values = json!({ "why": ToolError::from(err).message(texts)?, "words": gathered.output.trim() });
            return Err(ToolError::Rejected(texts.render("search/unfetched", values)));
        }
    };
    blocking(move || unpack(&archive), texts).await
}
