//! How images are made on this machine.

use std::path::PathBuf;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::recipe::{PythonSource, RecipeSettings};

/// How images are made on this machine.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ImagesConfig {
    /// The image that base images are built from. Default `ubuntu:22.04`.
    pub base: String,
    /// Where Python comes from: `conda` (default, as in the published images), `uv`, or `system` for that of the base
    /// image; the last two need a `python3` with `venv` in the base image.
    pub python: PythonSource,
    /// Packages that apt installs into the base image; an empty list if the base already has everything.
    pub packages: Vec<String>,
    /// URL of the Miniconda installer; `{arch}` is replaced by the machine's architecture.
    pub miniconda: String,
    /// Where repositories come from: a URL or a local clone, in which `{repo}`, `{owner}` and `{name}` are replaced.
    pub source: String,
    /// A file that maps instance ids to their own sources: `git: URL`, `clone: PATH`, or `sdist: NAME==VERSION` with
    /// `sha256`, and with `reverse: true` if the package already contains the fix.
    pub sources: Option<PathBuf>,
    /// Files of specs that override the embedded ones.
    pub specs: Vec<PathBuf>,
    /// The tag of the images. Default `latest`.
    pub tag: String,
    /// Platform of the images, such as `linux/arm64`; `null` is the engine's own.
    pub platform: Option<String>,
    /// Network of builds: `bridge` (default), `host`, `none`, or a network's name.
    pub network: String,
    /// Memory of a build. Default `8g`.
    pub memory: tool_core::Size,
    /// Seconds that a step of a build may take. Default 3600.
    pub step_timeout: u64,
    /// Disk space for all images that runs pull, such as `100g`: images are pulled ahead, and those that are needed
    /// last are removed first; images that were there before do not count and are kept. Default none, which removes
    /// nothing.
    pub disk: Option<tool_core::Size>,
    /// How often a pull is attempted while the registry is busy or fails. Default 6.
    pub pull_attempts: u32,
    /// Seconds before the second attempt of a pull; each further pause is twice as long. Default 5.
    pub pull_pause: f64,
}

/// What the published base images install.
const PACKAGES: &[&str] = &[
    "wget",
    "git",
    "build-essential",
    "libffi-dev",
    "libtiff-dev",
    "python3",
    "python3-pip",
    "python3-venv",
    "python-is-python3",
    "jq",
    "curl",
    "locales",
    "locales-all",
    "tzdata",
];

impl Default for ImagesConfig {
    fn default() -> Self {
        Self {
            base: "ubuntu:22.04".to_owned(),
            python: PythonSource::Conda,
            packages: PACKAGES.iter().map(|name| (*name).to_owned()).collect(),
            miniconda: "https://repo.anaconda.com/miniconda/Miniconda3-py311_24.7.1-0-Linux-{arch}.sh".to_owned(),
            source: "https://github.com/{repo}.git".to_owned(),
            sources: None,
            specs: Vec::new(),
            tag: "latest".to_owned(),
            platform: None,
            network: "bridge".to_owned(),
            memory: tool_core::Size(8 << 30),
            step_timeout: 3600,
            disk: None,
            pull_attempts: 6,
            pull_pause: 5.0,
        }
    }
}

impl ImagesConfig {
    /// Returns the pause before the second attempt of a pull.
    pub fn pull_pause(&self) -> Duration {
        Duration::from_secs_f64(self.pull_pause.clamp(0.0, 3600.0))
    }

    /// Returns what the recipes depend on.
    pub fn recipes(&self) -> RecipeSettings {
        RecipeSettings {
            base: self.base.clone(),
            python: self.python,
            packages: self.packages.clone(),
            miniconda: self.miniconda.clone(),
            tag: self.tag.clone(),
            platform: self.platform.clone(),
        }
    }
}
