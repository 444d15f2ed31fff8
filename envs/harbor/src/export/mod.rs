//! Instances as task folders.

mod files;
mod grader;
mod tables;

use std::io;
use std::path::{Path, PathBuf};

use env_core::{Instance, Patch, Verifier};
use tool_core::Source;

use crate::grader::{EVAL, GRADING, GraderSpec};
use files::Folder;
pub use grader::GraderFile;

/// How instances are written.
#[derive(Debug)]
pub struct Exporter {
    /// The grader that each folder holds.
    pub grader: GraderFile,
    /// The image that instances without one of their own are built on; it has bash, git and what their tests need.
    pub base_image: String,
    /// Seconds that an agent may take.
    pub agent_timeout: f64,
    /// Memory of the sandboxes in MiB.
    pub memory_mb: u64,
    /// Whether the gold patch is written as the task's solution.
    pub solution: bool,
}

/// One instance to write.
pub struct Exported<'a> {
    /// The instance.
    pub instance: &'a Instance,
    /// What its patches are judged by.
    pub verifier: &'a Verifier,
    /// What the agent is told.
    pub instruction: &'a str,
    /// The gold patch.
    pub gold: Option<&'a Patch>,
}

/// Why a folder was not written.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The instance is none that a task can be made of.
    #[error("instance `{id}` cannot be written: {reason}")]
    Instance {
        /// The instance.
        id: String,
        /// Why.
        reason: String,
    },
    /// The grader is none that runs elsewhere.
    #[error("{0}")]
    Grader(String),
    /// A file could not be written.
    #[error("`{}` cannot be written: {source}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl Exporter {
    /// Writes the task folder of an instance below `out`, in the place of what was there, and returns its path.
    ///
    /// The answer is in `tests`, which only a verifier is given, and in `solution` where that is asked for; nothing
    /// that the agent's sandbox is made of holds any of it.
    ///
    /// # Errors
    /// [`ExportError`]; a folder that could not be written whole is removed.
    pub fn write(&self, task: &Exported<'_>, out: &Path) -> Result<PathBuf, ExportError> {
        let id = task.instance.instance_id.as_str();
        let refused = |reason: &str| ExportError::Instance { id: id.to_owned(), reason: reason.to_owned() };
        if !is_name(id) {
            return Err(refused("its id is no name of a folder"));
        }
        let grading = serde_json::from_value(task.verifier.grading.clone());
        let spec = GraderSpec {
            instance_id: id.to_owned(),
            root: task.verifier.image.root.clone(),
            startup: task.verifier.image.startup.clone(),
            timeout: task.verifier.timeout.as_secs(),
            grading: grading.map_err(|err| refused(&format!("its grading is not known: {err}")))?,
        };
        let folder = Folder::create(out, id)?;
        self.environment(task, &folder)?;
        let config = toml::to_string(&self.tables(task)).map_err(|err| refused(&err.to_string()))?;
        folder.write("task.toml", &config)?;
        folder.write("instruction.md", task.instruction)?;
        let spec = serde_json::to_string_pretty(&spec).map_err(|err| refused(&err.to_string()))?;
        folder.write(&format!("tests/{GRADING}"), &format!("{spec}\n"))?;
        folder.write(&format!("tests/{EVAL}"), &task.verifier.script)?;
        folder.write_program("tests/test.sh", include_str!("test.sh"))?;
        folder.link("tests/spotter-grader", &self.grader.path)?;
        if let Some(gold) = task.gold.filter(|_| self.solution) {
            folder.write("solution/gold.patch", &gold.0)?;
            let root = tool_core::shell_quote(&task.verifier.image.root);
            let solve = format!("#!/bin/bash\ncd {root} && git apply --verbose \"${{0%/*}}/gold.patch\"\n");
            folder.write_program("solution/solve.sh", &solve)?;
        }
        folder.finish()
    }

    /// Writes what an image is built from, where there is none.
    fn environment(&self, task: &Exported<'_>, folder: &Folder) -> Result<(), ExportError> {
        let image = &task.verifier.image;
        match &image.source {
            Source::Container { .. } => folder.mkdir("environment"),
            Source::Files(files) => {
                for (path, bytes) in files {
                    folder.write_bytes(&format!("environment/repo/{path}"), bytes)?;
                }
                folder.write("environment/commit.sh", repo::outside::commit_script())?;
                let (base, root) = (&self.base_image, &image.root);
                let dockerfile = format!(
                    "FROM {base}\nCOPY repo {root}\nWORKDIR {root}\nCOPY commit.sh /tmp/commit.sh\n\
                     RUN bash /tmp/commit.sh && rm /tmp/commit.sh\n"
                );
                folder.write("environment/Dockerfile", &dockerfile)
            }
            Source::Directory(path) => {
                let reason = format!("its files are a folder of this machine, `{}`", path.display());
                Err(ExportError::Instance { id: task.instance.instance_id.clone(), reason })
            }
        }
    }
}

/// Returns whether an id can be the name of a folder and of a task.
fn is_name(id: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    id.bytes().next().is_some_and(|byte| byte.is_ascii_alphanumeric()) && id.bytes().all(fits) && !id.contains("..")
}
