//! Names of the container images of instances.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tool_core::{Image, Source};

/// How the image of an instance is named.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ImageScheme {
    /// As built on this machine: `sweb.eval.<arch>.<id>:<tag>`.
    #[serde(rename = "local")]
    Local,
    /// As published for SWE-Gym: `docker.io/xingyaoww/sweb.eval.x86_64.<id>:<tag>`, `__` in the id written `_s_`.
    #[serde(rename = "swe-gym")]
    SweGym,
    /// As published for SWE-bench: `swebench/sweb.eval.x86_64.<id>:<tag>`, `__` in the id written `_1776_`.
    #[serde(rename = "swe-bench")]
    SweBench,
}

/// Which container image an instance runs in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ImageSettings {
    /// `local`, `swe-gym` or `swe-bench`; absent: the row's own `image` if it has one, else the dataset's scheme.
    pub scheme: Option<ImageScheme>,
    /// The part of the name before `sweb.eval`, such as `ghcr.io/me/`; absent: the scheme's registry and namespace.
    pub prefix: Option<String>,
    /// The tag of a name made by a scheme.
    pub tag: String,
    /// Platform to pull and run, such as `linux/arm64`; `native` is the engine's own; absent: `linux/amd64` for
    /// published images and the engine's own for local ones.
    pub platform: Option<String>,
}

impl Default for ImageSettings {
    fn default() -> Self {
        Self { scheme: None, prefix: None, tag: "latest".to_owned(), platform: None }
    }
}

impl ImageScheme {
    /// Returns the image name of an instance.
    pub fn name(self, instance_id: &str, settings: &ImageSettings) -> String {
        let (prefix, between, arch) = match self {
            Self::Local => ("", "__", local_arch(settings.platform.as_deref())),
            Self::SweGym => ("docker.io/xingyaoww/", "_s_", "x86_64"),
            Self::SweBench => ("swebench/", "_1776_", "x86_64"),
        };
        let prefix = settings.prefix.as_deref().unwrap_or(prefix).trim_end_matches('/');
        let slash = if prefix.is_empty() { "" } else { "/" };
        let id = instance_id.replace("__", between);
        format!("{prefix}{slash}sweb.eval.{arch}.{id}:{}", settings.tag).to_lowercase()
    }

    fn platform(self) -> Option<&'static str> {
        match self {
            Self::Local => None,
            Self::SweGym | Self::SweBench => Some("linux/amd64"),
        }
    }
}

impl ImageSettings {
    /// Returns the image of an instance: the row's own one unless a scheme was asked for, else one named by scheme.
    pub fn image(&self, instance_id: &str, row_image: Option<&str>, default: ImageScheme) -> Image {
        let (name, scheme) = match (self.scheme, row_image.filter(|image| !image.is_empty())) {
            // Without a registry or a namespace it was made on this machine.
            (None, Some(image)) if image.starts_with("sweb.") => (image.to_owned(), ImageScheme::Local),
            (None, Some(image)) => (image.to_owned(), ImageScheme::SweBench),
            (scheme, _) => {
                let scheme = scheme.unwrap_or(default);
                (scheme.name(instance_id, self), scheme)
            }
        };
        let platform = match self.platform.as_deref() {
            Some("native") => None,
            Some(platform) => Some(platform.to_owned()),
            None => scheme.platform().map(str::to_owned),
        };
        Image { source: Source::Container { name, platform }, root: ROOT.to_owned(), startup: STARTUP.to_owned() }
    }
}

/// Where the repository is in every such image.
const ROOT: &str = "/testbed";
/// Activates the environment of the repository in images that have one.
const STARTUP: &str =
    "if [ -d /opt/miniconda3 ]; then source /opt/miniconda3/bin/activate && conda activate testbed; fi";

/// Returns the word for an architecture that local images carry.
pub(crate) fn local_arch(platform: Option<&str>) -> &'static str {
    let arch = platform.filter(|platform| *platform != "native").unwrap_or(std::env::consts::ARCH);
    if arch.contains("arm64") || arch.contains("aarch64") { "arm64" } else { "x86_64" }
}
