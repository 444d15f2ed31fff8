//! A task folder and its `task.toml`.

mod config;
mod folder;
mod keys;

pub use config::{
    AgentConfig, Artifact, Collect, EnvironmentConfig, Healthcheck, Mode, NetworkMode, Own, PackageInfo, SCHEMA,
    TaskConfig, TaskMetadata, VerifierConfig,
};
pub use folder::{TaskFolder, is_folder_of_tasks, load_all};
pub use keys::{TaskError, read};
