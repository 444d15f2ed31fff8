//! Sandboxes in temporary folders of this machine.

mod census;
mod damage;
mod environment;
mod files;
mod group;
mod kept;
mod processes;
mod removal;
mod size;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream::{self, BoxStream, StreamExt};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::sync::oneshot;
use tool_core::{FileError, Image, Sandbox, SandboxError, SandboxInfo, SandboxProvider, Source};

use crate::Config;
use crate::backend::{Backend, Chunk, Health, Moment, Pipe, Signal};
use crate::host::{Host, Owner, nonce};
use crate::provider::Started;
use crate::sandbox::Running;
use crate::shell::BOOT;
use size::size_below;

use census::Census;
use environment::variables;
use group::Group;
pub(crate) use processes::Process;
use processes::{Processes, Usage};
pub(crate) use removal::remove_leftover;
use removal::{Content, Removals};

/// Start of the names of our temporary folders.
pub(crate) const PREFIX: &str = "spotter-";
/// The file in each of them that names the process it belongs to and, on another line, the marker of its processes.
pub(crate) const OWNER: &str = "owner";
/// The variable by which processes of a sandbox are known.
const MARKER: &str = "SPOTTER_SANDBOX";
const PIECE: usize = 64 << 10;
/// Processes that must be left for a command of the harness.
const ROOM: u64 = 10;
const REMOVED: &str = "the sandbox has been removed";

/// Starts sandboxes in temporary folders of this machine.
///
/// There is **no isolation**: a command can read, write and reach whatever the user can. Limits on memory and
/// processes are kept by a look at the process table every 100 ms while a command runs, one for all sandboxes, which a
/// quick command outruns. While none runs, nothing is looked at. Where this user may make control groups (root may),
/// the kernel counts the processes as well, and none gets beyond the limit.
pub struct Local {
    config: Config,
    host: Host,
    started: Arc<Started>,
    census: Arc<Census>,
    removals: Removals,
}

impl Local {
    pub(crate) fn new(config: Config, host: Host) -> Self {
        Self { config, host, started: Arc::default(), census: Arc::default(), removals: Removals::default() }
    }

    /// Removes all sandboxes that are still there, and once more tries those whose removal has failed.
    ///
    /// # Errors
    /// When something is left behind.
    pub async fn close(&self) -> Result<(), SandboxError> {
        let result = self.started.remove_all().await;
        result.and(self.removals.finish().await)
    }
}

#[async_trait]
impl SandboxProvider for Local {
    async fn start(&self, image: &Image) -> Result<Arc<dyn Sandbox>, SandboxError> {
        if let Source::Container { name, .. } = &image.source {
            return Err(SandboxError::Unsupported(format!(
                "a local sandbox cannot run the container image `{name}`\nhint: use the docker provider"
            )));
        }
        self.start_from(image, None).await
    }

    fn keeps(&self) -> bool {
        self.config.kept.0 > 0
    }

    async fn start_kept(&self, image: &Image, key: &str) -> Result<Option<Arc<dyn Sandbox>>, SandboxError> {
        match kept::archive(image, key, &self.host).filter(|archive| archive.exists()) {
            Some(archive) => self.start_from(image, Some(archive)).await.map(Some),
            None => Ok(None),
        }
    }

    async fn keep(&self, sandbox: &dyn Sandbox, image: &Image, key: &str) -> bool {
        let Some(archive) = kept::archive(image, key, &self.host).filter(|_| self.keeps()) else { return false };
        let (info, limit) = (sandbox.info().clone(), self.config.kept.0);
        let kept = tokio::task::spawn_blocking(move || kept::keep(&info, &archive, limit)).await;
        let kept = kept.map_err(std::io::Error::other).flatten();
        if let Err(err) = &kept {
            tracing::info!("the prepared state of `{}` is not kept: {err}", sandbox.info().id);
        }
        kept.is_ok()
    }
}

impl Local {
    /// Starts a sandbox from the files of an image, or from a state of it that was kept.
    async fn start_from(&self, image: &Image, kept: Option<PathBuf>) -> Result<Arc<dyn Sandbox>, SandboxError> {
        let (image, config, host) = (image.clone(), self.config.clone(), self.host.clone());
        let (census, removals) = (self.census.clone(), self.removals.clone());
        let startup = image.startup.clone();
        // When the caller gives up, the folder is still made to its end, and removed before the provider is closed.
        let (sender, made) = oneshot::channel();
        self.removals.tasks.spawn(async move {
            let create = move || Folder::create((&image, kept.as_deref()), &config, &host, &census, removals);
            let _ = sender.send(blocking(create).await);
        });
        let cut_off = |_| SandboxError::Lost("the making of the folder was cut off".to_owned());
        let folder = made.await.map_err(cut_off)??;
        let backend: Arc<dyn Backend> = Arc::new(folder);
        self.started.add(&backend);
        Running::start(backend, &self.config, &startup).await
    }
}

/// The temporary folder of a sandbox, and the processes in it.
struct Folder {
    info: SandboxInfo,
    marker: String,
    variables: Vec<(&'static str, String)>,
    content: Arc<Content>,
    removals: Removals,
    limits: Usage,
    oom_kills: AtomicU64,
    /// The persistent shell, which stays when room has to be made.
    shell: AtomicU32,
    made_room: AtomicBool,
}

impl Folder {
    fn create(
        (image, kept): (&Image, Option<&Path>),
        config: &Config,
        host: &Host,
        census: &Arc<Census>,
        removals: Removals,
    ) -> Result<Self, SandboxError> {
        let broken = |err: std::io::Error| SandboxError::Unavailable(format!("no temporary folder: {err}"));
        let guard = tempfile::Builder::new().prefix(PREFIX).tempdir_in(host.temporary()).map_err(broken)?;
        let path = guard.path().canonicalize().map_err(broken)?;
        let marker = nonce();
        fs::write(path.join(OWNER), format!("{}\n{marker}\n", Owner::this())).map_err(broken)?;
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
        let id = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let info = SandboxInfo {
            provider: "local",
            id: id.clone(),
            root: root.to_string_lossy().into_owned(),
            scratch: path.join("scratch").to_string_lossy().into_owned(),
            isolated: false,
            max_file: config.max_file.0,
        };
        let processes = Processes::marked(census, &marker, Group::new(&id, config.pids.into()));
        let _ = guard.keep();
        Ok(Self {
            info,
            variables: variables(&path, host),
            marker,
            content: Arc::new(Content::new(path, processes)),
            removals,
            limits: Usage { count: u64::from(config.pids), memory: config.memory.0 },
            oom_kills: AtomicU64::new(0),
            shell: AtomicU32::new(0),
            made_room: AtomicBool::new(false),
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
    async fn judge(&self, processes: &[Process], shell: u32) -> Result<Health, SandboxError> {
        let usage = Usage::of(processes);
        // A bomb soon fills the memory as well.
        let are_too_many = usage.count > self.limits.count || self.with_processes(Processes::are_too_many).await?;
        Ok(if are_too_many {
            Health::Pids
        } else if usage.memory > self.limits.memory {
            self.oom_kills.fetch_add(1, Ordering::Relaxed);
            Health::Memory
        } else if processes.iter().any(|process| process.id == shell)
            || blocking(move || Ok::<_, SandboxError>(Processes::is_alive(shell))).await?
        {
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
        // In a session of its own, no command can reach the user's terminal, and Ctrl-C does not reach a command.
        let mut command = tokio::process::Command::new("setsid");
        command.args(["bash", "--norc", "--noprofile", "-p", "-c", BOOT, "bash"]);
        command.env_clear().envs(self.variables.iter().map(|(name, value)| (name, value)));
        command.env(MARKER, &self.marker).current_dir("/");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        let unavailable = |reason: String| SandboxError::Unavailable(format!("cannot start bash: {reason}"));
        let content = self.content.clone();
        let spawn = move || {
            damage::check(&content.path)?;
            let child = command.spawn().map_err(|err| unavailable(err.to_string()))?;
            content.processes.claim(child.id().unwrap_or_default());
            // A removal that began in the meantime may not have seen it.
            if content.is_unwanted() { Err(SandboxError::Lost(REMOVED.to_owned())) } else { Ok(child) }
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
        })
    }

    async fn end_tree(&self, shell: u32, since: Moment, signal: Signal) -> Result<(), SandboxError> {
        let signal = match signal {
            Signal::End => rustix::process::Signal::POWER,
            Signal::Kill => rustix::process::Signal::KILL,
        };
        self.with_processes(move |processes| {
            processes::signal(shell, signal);
            processes.end_tree(shell, since);
            processes::signal(shell, rustix::process::Signal::CONT);
        })
        .await
    }

    fn keep(&self, shell: u32) {
        self.shell.store(shell, Ordering::SeqCst);
    }

    async fn make_room(&self) -> Result<(), SandboxError> {
        let used = self.with_processes(|processes| Usage::of(&processes.look())).await?;
        if used.count + ROOM.min(self.limits.count / 2) > self.limits.count {
            self.end_all().await?;
        }
        Ok(())
    }

    async fn end_all(&self) -> Result<(), SandboxError> {
        let shell = self.shell.load(Ordering::SeqCst);
        self.with_processes(move |processes| processes.end_all_but(shell)).await?;
        self.made_room.store(true, Ordering::SeqCst);
        Ok(())
    }

    fn has_made_room(&self) -> bool {
        self.made_room.swap(false, Ordering::SeqCst)
    }

    async fn check(&self, shell: u32) -> Result<Health, SandboxError> {
        self.judge(&self.content.processes.lately().await?, shell).await
    }

    async fn check_now(&self, shell: u32) -> Result<Health, SandboxError> {
        self.judge(&self.with_processes(Processes::look).await?, shell).await
    }

    fn disk(&self) -> Option<PathBuf> {
        Some(self.content.path.clone())
    }

    async fn written(&self) -> Option<u64> {
        let path = self.content.path.clone();
        blocking(move || Ok::<_, SandboxError>(size_below(&path))).await.ok()
    }

    async fn explain(&self, err: SandboxError) -> SandboxError {
        if self.content.is_unwanted() {
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

    async fn archive(&self, path: &str) -> Result<Vec<u8>, FileError> {
        let (path, limit) = (path.to_owned(), self.info.max_file);
        self.with_files(move || files::archive(&path, limit)).await
    }

    async fn remove(&self) -> Result<(), SandboxError> {
        self.removals.remove(&self.content).await
    }

    fn abandon(&self) {
        self.removals.abandon(&self.content);
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        self.abandon();
    }
}

/// Runs what blocks away from the async tasks; it runs to its end even if no one waits any more.
pub(crate) async fn blocking<T, E>(work: impl FnOnce() -> Result<T, E> + Send + 'static) -> Result<T, E>
where
    T: Send + 'static,
    E: From<SandboxError> + Send + 'static,
{
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(err) => Err(SandboxError::Lost(format!("work in the sandbox was cut off: {err}")).into()),
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
