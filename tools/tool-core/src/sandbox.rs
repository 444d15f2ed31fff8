//! Where commands run and files live.

use std::fmt;
use std::fs::File;
use std::io::{self, ErrorKind};
use std::sync::Arc;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::{Command, ExecOutput, Image};

/// Where commands run and files live. Dropping a future of any method leaves nothing of it running.
#[async_trait]
pub trait Sandbox: Send + Sync {
    /// Returns what is fixed about this sandbox.
    fn info(&self) -> &SandboxInfo;

    /// Runs a command to its end or to one of its limits.
    ///
    /// # Errors
    /// Only when the sandbox itself is broken; what the command does wrong is in the [`ExecOutput`].
    async fn exec(&self, command: Command) -> Result<ExecOutput, SandboxError>;

    /// Returns the bytes of a file, at most [`SandboxInfo::max_file`] of them. Relative paths start at the root.
    ///
    /// # Errors
    /// [`FileError`] says what is wrong with the path.
    async fn read_file(&self, path: &str) -> Result<Vec<u8>, FileError>;

    /// Writes a file whole, making its folders. `mode` is the permission bits (such as `0o755`); `None` keeps those of
    /// an existing file and gives a new one `0o644`.
    ///
    /// # Errors
    /// [`FileError::Outside`] when a path inside the repository leads out of it through a symbolic link.
    async fn write_file(&self, path: &str, contents: &[u8], mode: Option<u32>) -> Result<(), FileError>;

    /// Returns what tells the files below a folder, but for its own `.git`, from what they will be once any of them has
    /// been made, removed or written to; `None` where that cannot be seen without running something inside.
    async fn stamp(&self, path: &str) -> Option<Stamp> {
        let _ = path;
        None
    }

    /// Returns a tar archive of a file or folder; member names start with its last path component.
    ///
    /// # Errors
    /// [`FileError`] says what is wrong with the path; by default it is refused.
    async fn archive(&self, path: &str) -> Result<Vec<u8>, FileError> {
        Err(FileError::Refused { path: path.to_owned(), reason: "this sandbox makes no archives".to_owned() })
    }

    /// Returns a file with a tar archive of a folder, made without anything that is in the sandbox, so that it can be
    /// had of one in which nothing runs any more. Member names start with the folder's last component; what lies in its
    /// `.git` is left out, and so is what follows the first [`SandboxInfo::max_file`] bytes and one of a file.
    ///
    /// # Errors
    /// [`FileError`] says what is wrong with the path; by default it is refused.
    async fn export(&self, path: &str) -> Result<File, FileError> {
        Err(FileError::Refused { path: path.to_owned(), reason: "this sandbox exports nothing".to_owned() })
    }

    /// Unpacks an archive of [`Sandbox::export`] in a folder, which is there.
    ///
    /// # Errors
    /// [`FileError`] says what is wrong with the path; by default it is refused.
    async fn import(&self, folder: &str, archive: File) -> Result<(), FileError> {
        drop(archive);
        Err(FileError::Refused { path: folder.to_owned(), reason: "this sandbox imports nothing".to_owned() })
    }

    /// Ends the sandbox and removes all it held. A second call does nothing.
    ///
    /// # Errors
    /// When something is left behind that could not be removed.
    async fn stop(&self) -> Result<(), SandboxError>;
}

/// The state of the files of a folder, by their names, inodes and times of change: where two are equal, nothing has
/// changed; where they are not, something may have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stamp(pub String);

/// Starts sandboxes.
#[async_trait]
pub trait SandboxProvider: Send + Sync {
    /// Starts a sandbox from `image`, its persistent shell in the repository.
    ///
    /// # Errors
    /// See [`SandboxError`]; a missing image names what was tried.
    async fn start(&self, image: &Image) -> Result<Arc<dyn Sandbox>, SandboxError>;

    /// Returns whether [`SandboxProvider::start`] pulls container images that are missing.
    fn pulls(&self) -> bool {
        false
    }

    /// Returns whether [`SandboxProvider::keep`] does anything.
    fn keeps(&self) -> bool {
        false
    }

    /// Starts a sandbox from the state of `image` that was kept under `key`; `None` where none is kept.
    ///
    /// # Errors
    /// As [`SandboxProvider::start`].
    async fn start_kept(&self, image: &Image, key: &str) -> Result<Option<Arc<dyn Sandbox>>, SandboxError> {
        let _ = (image, key);
        Ok(None)
    }

    /// Keeps the files of a sandbox, which this provider started from `image`, as they are, so that others can be
    /// started from them, and returns whether they are kept: that they are not changes nothing but how long later
    /// starts take.
    async fn keep(&self, sandbox: &dyn Sandbox, image: &Image, key: &str) -> bool {
        let _ = (sandbox, image, key);
        false
    }

    /// Returns whether a state that [`SandboxProvider::start_kept`] starts from is byte for byte what was kept, so that
    /// it need not be looked at again.
    fn checks_kept(&self) -> bool {
        false
    }

    /// Returns what tells the contents of `image` from any other that may come to have its name; `None` where that is
    /// not known, as for an image that is not here yet.
    async fn image_digest(&self, image: &Image) -> Option<String> {
        let _ = image;
        None
    }

    /// Removes all sandboxes that are still there, and waits for those whose removal is under way.
    ///
    /// # Errors
    /// When something is left behind.
    async fn close(&self) -> Result<(), SandboxError> {
        Ok(())
    }
}

/// What is fixed about a sandbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SandboxInfo {
    /// Which provider made it, such as `docker` or `local`.
    pub provider: &'static str,
    /// Name of the container or of the temporary folder.
    pub id: String,
    /// Absolute path of the repository inside the sandbox.
    pub root: String,
    /// Absolute path of a folder outside the repository for the harness's own files.
    pub scratch: String,
    /// Whether commands are kept away from the host's files, processes and network.
    pub isolated: bool,
    /// Cap on the size of a file or archive read or written at once, in bytes.
    pub max_file: u64,
}

/// The sandbox is broken. Variants are named by what the caller does next.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// The image is not there: build or pull it.
    #[error("{0}")]
    Image(String),
    /// The engine cannot be reached: start it or mend the settings.
    #[error("{0}")]
    Unavailable(String),
    /// The request makes no sense to this provider: fix the configuration.
    #[error("{0}")]
    Unsupported(String),
    /// This sandbox is gone: start another.
    #[error("{0}")]
    Lost(String),
    /// What ran in the sandbox broke it, although the engine says that it runs or how it ended: this is an outcome of
    /// what ran, no failure of infrastructure.
    #[error("{0}")]
    Damaged(String),
}

impl SandboxError {
    /// Returns that the sandbox is gone, for the reason `err`.
    pub fn lost(err: impl fmt::Display) -> Self {
        Self::Lost(err.to_string())
    }
}

/// What is wrong with a path, or with the sandbox.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// Nothing is at that path.
    #[error("no such file or directory: `{0}`")]
    NotFound(String),
    /// A folder where a file was expected.
    #[error("is a directory: `{0}`")]
    IsDirectory(String),
    /// The path leads out of the repository.
    #[error("`{path}` leads out of the repository to `{target}`")]
    Outside {
        /// The path as given.
        path: String,
        /// Where it leads.
        target: String,
    },
    /// Larger than the cap.
    #[error("`{path}` has {size} bytes; the limit is {limit}")]
    TooLarge {
        /// The path as given.
        path: String,
        /// Its size in bytes.
        size: u64,
        /// The cap in bytes.
        limit: u64,
    },
    /// The operating system refused.
    #[error("cannot access `{path}`: {reason}")]
    Refused {
        /// The path as given.
        path: String,
        /// The operating system's words.
        reason: String,
    },
    /// The sandbox itself is broken.
    #[error(transparent)]
    Sandbox(#[from] SandboxError),
}

impl FileError {
    /// Returns what the operating system's refusal of `path` means.
    pub fn of(path: &str, err: &io::Error) -> Self {
        match err.kind() {
            ErrorKind::NotFound => Self::NotFound(path.to_owned()),
            ErrorKind::IsADirectory => Self::IsDirectory(path.to_owned()),
            _ => {
                let text = err.to_string();
                let reason = text.split(" (os error").next().unwrap_or_default().to_owned();
                Self::Refused { path: path.to_owned(), reason }
            }
        }
    }
}
