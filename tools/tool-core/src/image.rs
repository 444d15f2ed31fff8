//! What a sandbox is started from.

use std::collections::BTreeMap;
use std::path::PathBuf;

/// What a sandbox is started from: a source, and the repository's place in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// Where the files come from.
    pub source: Source,
    /// Absolute path of the repository in a container image; a local sandbox makes a place of its own.
    pub root: String,
    /// Bash run once in the persistent shell and in each fresh one before the first command, such as `conda activate`.
    pub startup: String,
}

/// Where the files of an [`Image`] come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// A container image.
    Container {
        /// Full reference, such as `swebench/sweb.eval.x86_64.psf_1776_requests-6028:latest`.
        name: String,
        /// Platform to pull and run, such as `linux/amd64`; `None` takes the engine's own.
        platform: Option<String>,
    },
    /// A directory on this machine, copied for each sandbox.
    Directory(PathBuf),
    /// Files held in memory: path relative to the repository, contents.
    Files(BTreeMap<String, Vec<u8>>),
}
