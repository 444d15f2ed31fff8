//! How the tests of a repository are installed and run, by version.

use std::collections::BTreeMap;

use env_core::all_near;
use serde::{Deserialize, Serialize};

/// How many known names are listed where none is near.
const LISTED: usize = 20;

/// How one version of a repository is installed and its tests are run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Spec {
    /// Version of Python.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub python: Option<String>,
    /// Conda packages, or `requirements.txt` or `environment.yml` for what the repository itself lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub packages: Option<String>,
    /// Packages that pip installs into the environment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pip_packages: Option<Vec<String>>,
    /// Commands before the install command.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pre_install: Option<Vec<String>>,
    /// The command that installs the repository; it is run again before the tests.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub install: Option<String>,
    /// The command that runs the tests; their names are appended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub test_cmd: Option<String>,
    /// Commands on the list of packages before the environment is made from it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub env_patches: Option<Vec<String>>,
    /// Commands at the start of each evaluation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub eval_commands: Option<Vec<String>>,
    /// Whether the environment is made first and then updated from `environment.yml`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub no_use_env: Option<bool>,
    /// CPUs of the container, in billionths.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nano_cpus: Option<u64>,
    /// Whether the tests were meant to run as another user than root.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub execute_test_as_nonroot: Option<bool>,
}

/// The specs of many repositories.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Specs(BTreeMap<String, RepoSpecs>);

/// The specs of one repository.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RepoSpecs {
    /// Paths that stand for `requirements.txt`, in the order in which they are tried.
    pub requirements_files: Vec<String>,
    /// Paths that stand for `environment.yml`, in the order in which they are tried.
    pub environment_files: Vec<String>,
    /// The spec of each version.
    pub versions: BTreeMap<String, Spec>,
}

/// What is wrong with a file of specs.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{file}`: {reason}")]
pub struct SpecError {
    /// The file.
    pub file: String,
    /// What is wrong, naming the version where it is known.
    pub reason: String,
}

/// One file of specs: a repository, and blocks that each hold for some of its versions.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SpecFile {
    repo: String,
    #[serde(default)]
    requirements_files: Vec<String>,
    #[serde(default)]
    environment_files: Vec<String>,
    /// What holds for every version that does not say otherwise.
    #[serde(default)]
    all: serde_yaml::Mapping,
    specs: Vec<serde_yaml::Mapping>,
}

impl Specs {
    /// Reads files of specs, given by name and text.
    ///
    /// # Errors
    /// [`SpecError`] for text that is not such a file, an unknown key, and a version or repository that occurs twice.
    pub fn parse<'a>(files: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Self, SpecError> {
        let mut specs = Self::default();
        for (name, text) in files {
            let (repo, specs_of_repo) =
                read_file(text).map_err(|reason| SpecError { file: name.to_owned(), reason })?;
            if specs.0.insert(repo.to_lowercase(), specs_of_repo).is_some() {
                return Err(SpecError { file: name.to_owned(), reason: format!("a second file for `{repo}`") });
            }
        }
        Ok(specs)
    }

    /// Returns these specs with others laid over them: their versions win, and their lists of files where they have
    /// any.
    #[must_use]
    pub fn laid_under(mut self, over: Self) -> Self {
        for (repo, specs) in over.0 {
            let own = self.0.entry(repo).or_default();
            let RepoSpecs { requirements_files, environment_files, versions } = specs;
            own.versions.extend(versions);
            if !requirements_files.is_empty() {
                own.requirements_files = requirements_files;
            }
            if !environment_files.is_empty() {
                own.environment_files = environment_files;
            }
        }
        self
    }

    /// Returns every repository, in lower case, with its specs.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &RepoSpecs)> {
        self.0.iter().map(|(repo, specs)| (repo.as_str(), specs))
    }

    /// Returns the specs of a repository, in any case.
    ///
    /// # Errors
    /// A text that names the nearest known repositories.
    pub fn repo(&self, repo: &str) -> Result<&RepoSpecs, String> {
        self.0.get(&repo.to_lowercase()).ok_or_else(|| unknown("repository", repo, self.0.keys()))
    }

    /// Returns the spec of a version of a repository, the latter in any case.
    ///
    /// # Errors
    /// A text that names what is unknown and the nearest known names.
    pub fn find(&self, repo: &str, version: &str) -> Result<&Spec, String> {
        let versions = &self.repo(repo)?.versions;
        versions.get(version).ok_or_else(|| unknown(&format!("version of `{repo}`"), version, versions.keys()))
    }
}

/// Says that a name is unknown, with the three nearest known ones, or some where none is near.
fn unknown<'a>(what: &str, name: &str, known: impl Iterator<Item = &'a String>) -> String {
    if name.is_empty() {
        return format!("it has no {what}");
    }
    let known: Vec<&str> = known.map(String::as_str).collect();
    let list = |names: &[&str]| names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    let near: Vec<&str> = all_near(name, known.iter().copied()).into_iter().take(3).collect();
    let hint = match (near.as_slice(), known.as_slice()) {
        (_, []) => "none is known".to_owned(),
        ([], known) if known.len() <= LISTED => format!("there is {}", list(known)),
        ([], known) => format!("none of the {} that are known is near", known.len()),
        (near, _) => format!("did you mean {}?", list(near)),
    };
    format!("unknown {what}: `{name}`\nhint: {hint}")
}

fn read_file(text: &str) -> Result<(String, RepoSpecs), String> {
    let mut file: SpecFile = serde_yaml::from_str(text).map_err(|err| err.to_string())?;
    let mut versions = BTreeMap::new();
    for mut block in std::mem::take(&mut file.specs) {
        let names = block.remove("versions").ok_or("a block of specs without `versions`")?;
        let names: Vec<String> = serde_yaml::from_value(names).map_err(|err| format!("`versions`: {err}"))?;
        let first = names.first().cloned().unwrap_or_default();
        let mut keys = file.all.clone();
        keys.extend(block);
        let spec: Spec = serde_yaml::from_value(serde_yaml::Value::Mapping(keys))
            .map_err(|err| format!("`{}`, version `{first}`: {err}", file.repo))?;
        for name in names.iter().map(|name| expand(name)).collect::<Result<Vec<_>, _>>()?.concat() {
            if versions.insert(name.clone(), spec.clone()).is_some() {
                return Err(format!("`{}`: version `{name}` occurs twice", file.repo));
            }
        }
    }
    let SpecFile { repo, requirements_files, environment_files, .. } = file;
    Ok((repo, RepoSpecs { requirements_files, environment_files, versions }))
}

/// Returns the versions that `1.3..1.6` stands for: those between that differ in the last number, ends included.
fn expand(name: &str) -> Result<Vec<String>, String> {
    let Some((from, to)) = name.split_once("..") else { return Ok(vec![name.to_owned()]) };
    let wrong = || format!("`{name}` is not a range of versions");
    let (head, from) = from.rsplit_once('.').ok_or_else(wrong)?;
    let (same_head, to) = to.rsplit_once('.').ok_or_else(wrong)?;
    let (from, to): (u32, u32) = (from.parse().map_err(|_| wrong())?, to.parse().map_err(|_| wrong())?);
    if head != same_head || from >= to || to > 10_000 {
        return Err(wrong());
    }
    Ok((from..=to).map(|last| format!("{head}.{last}")).collect())
}
