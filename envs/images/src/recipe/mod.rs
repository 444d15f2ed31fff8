//! How the images of instances are made from specs: names, steps and digests, and nothing that runs them.
//!
//! A base image has the system's packages and a way to get a Python, an environment image has the environment
//! `testbed` of a repository's version, and an instance image has the repository at `/testbed`, installed. Instances
//! with equal environments share all but the last layer.

mod environment;
mod packages;

use grading::Spec;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::name::{ImageScheme, ImageSettings, local_arch};

pub use packages::PackageList;

/// Counted up when the scripts change in a way that makes other images.
const VERSION: u32 = 1;

const USER: &str = include_str!("base.sh");
const MINICONDA: &str = include_str!("conda.sh");
const REPOSITORY: &str = include_str!("repository.sh");
/// Activates the environment; conda's own functions are not made for `set -u`.
const ACTIVATE: &str = "source /opt/miniconda3/bin/activate\nconda activate testbed\n";
/// The shell interface of conda for environments that it did not make: evaluation scripts source it.
const STAND_INS: [(&str, &str, &str); 3] = [
    ("bin/activate", "755", include_str!("conda/activate")),
    ("bin/conda", "755", include_str!("conda/conda")),
    ("etc/profile.d/conda.sh", "644", include_str!("conda/conda.sh")),
];

/// How the images of instances are made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecipeSettings {
    /// The image that the base image is made from.
    pub base: String,
    /// Where a Python comes from.
    pub python: PythonSource,
    /// Packages that apt installs into the base image.
    pub packages: Vec<String>,
    /// Where the installer of Miniconda is, `{arch}` standing for the machine's architecture.
    pub miniconda: String,
    /// The tag of every name.
    pub tag: String,
    /// Platform of the images, such as `linux/arm64`; absent: the engine's own.
    pub platform: Option<String>,
}

/// Where the Python of an environment comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum PythonSource {
    /// Miniconda, as in the published images.
    Conda,
    /// `uv venv`, which brings the version that is asked for.
    Uv,
    /// The base image's own Python.
    System,
}

/// One image: what it is made from, and by which steps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recipe {
    /// The image's name.
    pub name: String,
    /// The name of the image that it is made from.
    pub parent: String,
    /// What is run in a container of the parent, in order.
    pub steps: Vec<Step>,
    /// 22 hex digits over everything that goes into the image, its parents included.
    pub digest: String,
}

/// One step of a recipe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// What errors call it.
    pub name: String,
    /// A bash script, for `set -eo pipefail`.
    pub script: String,
}

impl Step {
    fn new(name: &str, script: impl Into<String>) -> Self {
        Self { name: name.to_owned(), script: script.into() }
    }
}

impl RecipeSettings {
    /// Returns the recipe of the base image; `parent_id` is the content of the image that it is made from.
    pub fn base(&self, parent_id: &str) -> Recipe {
        let mut steps = Vec::new();
        if !self.packages.is_empty() {
            let script = format!(
                "export DEBIAN_FRONTEND=noninteractive\napt-get update\napt-get install -y {}\n\
                 rm -rf /var/lib/apt/lists/*\n",
                self.packages.join(" ")
            );
            steps.push(Step::new("system packages", script));
        }
        steps.push(Step::new("user", USER));
        match self.python {
            PythonSource::Conda => {
                let url = tool_core::shell_quote(&self.miniconda);
                steps.push(Step::new("miniconda", format!("miniconda={url}\n{MINICONDA}")));
            }
            PythonSource::Uv => {
                steps.push(Step::new("conda's shell interface", stand_ins()));
                steps.push(Step::new("uv", "/opt/miniconda3/bin/python -m pip install uv\n"));
            }
            PythonSource::System => steps.push(Step::new("conda's shell interface", stand_ins())),
        }
        let digest = digest(parent_id, &steps);
        let name = format!("sweb.base.{}:{}", self.arch(), self.tag);
        Recipe { name, parent: self.base.clone(), steps, digest }
    }

    /// Returns the recipe of an environment image.
    ///
    /// # Errors
    /// A text that says what the spec or the list of packages lacks.
    pub fn environment(&self, base: &Recipe, spec: &Spec, packages: &PackageList) -> Result<Recipe, String> {
        let steps = environment::steps(self.python, spec, packages)?;
        let digest = digest(&base.digest, &steps);
        let name = format!("sweb.env.{}.{digest}:{}", self.arch(), self.tag);
        Ok(Recipe { name, parent: base.name.clone(), steps, digest })
    }

    /// Returns the recipe of an instance image. Its first step takes a git folder and a commit, whose origin `source`
    /// names, from the variables `SPOTTER_REPOSITORY` and `SPOTTER_COMMIT`.
    pub fn instance(&self, environment: &Recipe, instance_id: &str, spec: &Spec, source: &str) -> Recipe {
        let mut steps = vec![Step::new("repository", REPOSITORY)];
        let in_testbed = |script: &str| format!("{ACTIVATE}cd /testbed\n{script}\n");
        if let Some(lines) = spec.pre_install.as_ref().filter(|lines| !lines.is_empty()) {
            // One shell for all lines: some set variables for others.
            steps.push(Step::new("pre-install", in_testbed(&lines.join("\n"))));
        }
        if let Some(install) = &spec.install {
            steps.push(Step::new("install", in_testbed(install)));
        }
        let digest = digest(&format!("{} {source}", environment.digest), &steps);
        let settings =
            ImageSettings { tag: self.tag.clone(), platform: self.platform.clone(), ..ImageSettings::default() };
        let name = ImageScheme::Local.name(instance_id, &settings);
        Recipe { name, parent: environment.name.clone(), steps, digest }
    }

    fn arch(&self) -> &'static str {
        local_arch(self.platform.as_deref())
    }
}

/// Returns the script that makes `/opt/miniconda3` look like conda's: an environment `base` and the shell interface.
fn stand_ins() -> String {
    let mut script = "rm -f /opt/miniconda3/bin/python*\npython3 -m venv /opt/miniconda3\n\
                      mkdir -p /opt/miniconda3/envs /opt/miniconda3/etc/profile.d\n"
        .to_owned();
    for (place, mode, text) in STAND_INS {
        let place = format!("/opt/miniconda3/{place}");
        script.push_str(&format!("cat > {place} <<'EOF_59812759871'\n{text}EOF_59812759871\nchmod {mode} {place}\n"));
    }
    script
}

/// Returns 22 hex digits over the steps and what they start from.
fn digest(parent: &str, steps: &[Step]) -> String {
    let mut hasher = Sha256::new();
    hasher.update(format!("{VERSION} {parent}\0"));
    for step in steps {
        hasher.update(&step.script);
        hasher.update([0]);
    }
    hasher.finalize().iter().take(11).map(|byte| format!("{byte:02x}")).collect()
}
