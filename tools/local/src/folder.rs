//! One sandbox: its temporary folder, and the processes in it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream::{self, BoxStream, StreamExt};
use shell::{Backend, Chunk, Ending, Health, Owner, Pipe, Process, ProcessTime, nonce};
use tokio::io::{AsyncRead, AsyncReadExt};
use tool_core::{FileError, Host, Image, SandboxConfig, SandboxError, SandboxInfo, Source, Stamp};

use crate::blocking::blocking;
use crate::environment::variables;
use crate::names::{MARKER, OWNER, PREFIX};
use crate::processes::ControlGroup;
use crate::processes::Tracker;
use crate::processes::{Processes, Usage};
use crate::programs::Programs;
use crate::removal::{Content, Removals};
use crate::size::size_below;
use crate::{damage, files, kept, stamp};

/// Bytes read at once from a stream of a shell; each of many waiting shells holds two of them.
const PIECE: usize = 16 << 10;
/// Processes that must be left for a command of the harness.
const RESERVED: u64 = 10;
const REMOVED: &str = "the sandbox has been removed";

/// What all sandboxes of a provider share.
#[derive(Clone)]
pub(crate) struct Shared {
    pub(crate) tracker: Arc<Tracker>,
    pub(crate) removals: Removals,
    pub(crate) programs: Arc<Programs>,
}

/// The temporary folder of a sandbox, and the processes in it.
pub(crate) struct Folder {
    info: SandboxInfo,
    marker: String,
    variables: Vec<(&'static str, String)>,
    content: Arc<Content>,
    removals: Removals,
    programs: Arc<Programs>,
    limits: Usage,
    oom_kills: AtomicU64,
    /// The persistent shell, which stays when all else is ended.
    shell: AtomicU32,
    background_ended: AtomicBool,
}

impl Folder {
    /// Makes the folder and fills it from an image, or from a state of it that was kept. Blocks.
    pub(crate) fn create(
        (image, kept): (&Image, Option<&Path>),
        config: &SandboxConfig,
        host: &Host,
        shared: &Shared,
    ) -> Result<Self, SandboxError> {
        let broken =
            |err: std::io::Error| SandboxError::Unavailable(format!("cannot create a temporary folder: {err}"));
        let temporary = tempfile::Builder::new().prefix(PREFIX).tempdir_in(host.temporary()).map_err(broken)?;
        let path = temporary.path().canonicalize().map_err(broken)?;
        let marker = nonce();
        let id = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let group = ControlGroup::place(&id);
        let shown = group.as_deref().unwrap_or(Path::new("")).display();
        fs::write(path.join(OWNER), format!("{}\n{marker}\n{shown}\n", Owner::this())).map_err(broken)?;
        let name = Path::new(&image.root).file_name().unwrap_or_else(|| "repository".as_ref());
        let root = path.join("work").join(name);
        for folder in [&root, &path.join("home"), &path.join("tmp"), &path.join("scratch")] {
            fs::create_dir_all(folder).map_err(broken)?;
        }
        fs::write(path.join("home/.gitconfig"), GIT_CONFIG).map_err(broken)?;
        match kept {
            Some(kept) => kept::restore(kept, &root, &path.join("scratch")).map_err(broken)?,
            None => fill(image, &root)?,
        }
        let info = SandboxInfo {
            provider: "local",
            id,
            root: root.to_string_lossy().into_owned(),
            scratch: path.join("scratch").to_string_lossy().into_owned(),
            isolated: false,
            max_file: config.max_file.0,
        };
        let processes = Processes::marked(
            &shared.tracker,
            &marker,
            group.and_then(|path| ControlGroup::new(path, config.pids.into())),
        );
        let _ = temporary.keep();
        Ok(Self {
            info,
            variables: variables(&path, host),
            marker,
            content: Arc::new(Content::new(path, processes)),
            removals: shared.removals.clone(),
            programs: shared.programs.clone(),
            limits: Usage { count: u64::from(config.pids), memory: config.memory.0 },
            oom_kills: AtomicU64::new(0),
            shell: AtomicU32::new(0),
            background_ended: AtomicBool::new(false),
        })
    }

    async fn with_processes<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Processes) -> T + Send + 'static,
    ) -> Result<T, SandboxError> {
        let content = self.content.clone();
        blocking(move || Ok(work(&content.processes))).await
    }

    /// Compares what the processes use with the limits.
    async fn health(&self, shell: u32, shared: Option<Vec<Process>>) -> Result<Health, SandboxError> {
        let look = move |processes: &Processes| {
            let list = shared.unwrap_or_else(|| processes.snapshot());
            let is_alive = list.iter().any(|process| process.id == shell) || Processes::is_alive(shell);
            (Usage::of(&list), processes.are_too_many(), is_alive)
        };
        let (usage, are_too_many, is_alive) = self.with_processes(look).await?;
        // A bomb soon fills the memory as well.
        Ok(if usage.count > self.limits.count || are_too_many {
            Health::Pids
        } else if usage.memory > self.limits.memory {
            self.oom_kills.fetch_add(1, Ordering::Relaxed);
            Health::Memory
        } else if is_alive {
            Health::Good
        } else {
            Health::Dead
        })
    }

    /// Does work on files, unless there is no folder any more.
    async fn with_files<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, FileError> + Send + 'static,
    ) -> Result<T, FileError> {
        let content = self.content.clone();
        blocking(move || {
            damage::check(&content.path)?;
            work()
        })
        .await
    }
}

/// The identity of commits and trust in the copied repository; nothing comes from the configuration of the user.
const GIT_CONFIG: &str = "[user]\n\tname = spotter\n\temail = spotter@localhost\n[safe]\n\tdirectory = *\n\
    [init]\n\tdefaultBranch = main\n[advice]\n\tdetachedHead = false\n";

/// Puts the files of the image into the repository's folder.
fn fill(image: &Image, root: &Path) -> Result<(), SandboxError> {
    let (result, source) = match &image.source {
        Source::Directory(from) => (files::copy_tree(from, root), format!("`{}`", from.display())),
        Source::Files(files) => (files::write_all(files, root), "the files of the instance".to_owned()),
        Source::Container { .. } => return Ok(()),
    };
    result.map_err(|err| SandboxError::Image(format!("cannot copy {source} into the sandbox: {err}")))
}

#[async_trait]
impl Backend for Folder {
    fn info(&self) -> &SandboxInfo {
        &self.info
    }

    async fn open(&self) -> Result<Pipe, SandboxError> {
        let mut command = self.programs.shell();
        command.env_clear().envs(self.variables.iter().map(|(name, value)| (name, value)));
        command.env(MARKER, &self.marker).current_dir("/");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        let unavailable = |reason: String| SandboxError::Unavailable(format!("cannot start bash: {reason}"));
        let content = self.content.clone();
        let spawn = move || {
            damage::check(&content.path)?;
            let child = command.spawn().map_err(|err| unavailable(err.to_string()))?;
            content.processes.add(child.id().unwrap_or_default());
            // A removal that began in the meantime may not have seen it.
            if content.is_removing() { Err(SandboxError::Lost(REMOVED.to_owned())) } else { Ok(child) }
        };
        let mut child = blocking(spawn).await?;
        let (Some(input), Some(output), Some(messages)) =
            (child.stdin.take(), child.stdout.take(), child.stderr.take())
        else {
            return Err(unavailable("it has no pipes".to_owned()));
        };
        let messages = pieces(messages, Chunk::Message).chain(stream::iter([Chunk::Closed]));
        Ok(Pipe {
            input: Box::pin(input),
            chunks: stream::select(pieces(output, Chunk::Output), messages).boxed(),
            exit: Box::pin(async move { child.wait().await.ok().map(exit_code) }),
            clock: Some(ProcessTime::now),
        })
    }

    async fn end_tree(&self, shell: u32, since: ProcessTime) -> Result<(), SandboxError> {
        self.with_processes(move |processes| processes.end(Ending::tree(shell, since))).await
    }

    fn keep(&self, shell: u32) {
        self.shell.store(shell, Ordering::SeqCst);
    }

    async fn end_background_if_full(&self) -> Result<(), SandboxError> {
        let used = self.with_processes(|processes| Usage::of(&processes.snapshot())).await?;
        if used.count + RESERVED.min(self.limits.count / 2) > self.limits.count {
            self.end_background().await?;
        }
        Ok(())
    }

    async fn end_background(&self) -> Result<(), SandboxError> {
        let shell = self.shell.load(Ordering::SeqCst);
        self.with_processes(move |processes| processes.end(Ending::background(shell))).await?;
        self.background_ended.store(true, Ordering::SeqCst);
        Ok(())
    }

    fn take_background_ended(&self) -> bool {
        self.background_ended.swap(false, Ordering::SeqCst)
    }

    async fn check(&self, shell: u32) -> Result<Health, SandboxError> {
        let processes = &self.content.processes;
        let shared = if processes.are_grouped() { None } else { Some(processes.shared_snapshot().await?) };
        self.health(shell, shared).await
    }

    async fn check_now(&self, shell: u32) -> Result<Health, SandboxError> {
        // As after most commands. The kernel knows the number, so that no process has to be looked at.
        if self.content.processes.are_at_most_one() {
            return Ok(Health::Good);
        }
        self.health(shell, None).await
    }

    fn disk(&self) -> Option<PathBuf> {
        Some(self.content.path.clone())
    }

    async fn written(&self) -> Option<u64> {
        let path = self.content.path.clone();
        blocking(move || Ok::<_, SandboxError>(size_below(&path))).await.ok()
    }

    async fn explain(&self, err: SandboxError) -> SandboxError {
        if self.content.is_removing() {
            return err;
        }
        let (content, root) = (self.content.clone(), self.info.root.clone());
        blocking(move || Ok::<_, SandboxError>(damage::explain(&content.path, Path::new(&root), err)))
            .await
            .unwrap_or_else(|err| err)
    }

    fn check_every(&self) -> Duration {
        Duration::from_millis(100)
    }

    async fn oom_kills(&self) -> Result<u64, SandboxError> {
        Ok(self.oom_kills.load(Ordering::Relaxed))
    }

    async fn read_file(&self, path: &str) -> Result<Vec<u8>, FileError> {
        let (path, limit) = (path.to_owned(), self.info.max_file);
        self.with_files(move || files::read(&path, limit)).await
    }

    async fn write_file(&self, path: &str, contents: &[u8], mode: Option<u32>) -> Result<(), FileError> {
        let (root, path, contents) = (self.info.root.clone(), path.to_owned(), contents.to_vec());
        self.with_files(move || files::write(&root, &path, &contents, mode)).await
    }

    async fn stamp(&self, path: &str) -> Option<Stamp> {
        let path = path.to_owned();
        self.with_files(move || Ok(stamp::of(Path::new(&path)))).await.ok().flatten()
    }

    async fn archive(&self, path: &str) -> Result<Vec<u8>, FileError> {
        let (path, limit) = (path.to_owned(), self.info.max_file);
        self.with_files(move || files::archive(&path, limit)).await
    }

    async fn remove(&self) -> Result<(), SandboxError> {
        self.removals.remove(&self.content).await
    }

    fn remove_in_background(&self) {
        self.removals.remove_in_background(&self.content);
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        self.remove_in_background();
    }
}

fn pieces(reader: impl AsyncRead + Unpin + Send + 'static, kind: fn(Bytes) -> Chunk) -> BoxStream<'static, Chunk> {
    let buffer = vec![0; PIECE];
    stream::unfold((reader, buffer), move |(mut reader, mut buffer)| async move {
        match reader.read(&mut buffer).await {
            Ok(count) if count > 0 => Some((kind(Bytes::copy_from_slice(&buffer[..count])), (reader, buffer))),
            _ => None,
        }
    })
    .boxed()
}

fn exit_code(status: std::process::ExitStatus) -> i32 {
    use std::os::unix::process::ExitStatusExt;
    status.code().or_else(|| status.signal().map(|signal| 128 + signal)).unwrap_or(-1)
}
