//! The packages of an environment, from a repository's own lists or a spec.

use grading::{RepoSpecs, Spec};
use serde_yaml::Value;

/// What an environment is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PackageList {
    /// Conda packages by name; empty for none.
    Named(String),
    /// The text of a `requirements.txt`.
    Requirements(String),
    /// The text of an `environment.yml`.
    Environment(String),
}

/// Conda packages that are not Python packages, which pip cannot bring.
const CONDA_ONLY: &[&str] = &[
    "c-compiler",
    "cmake",
    "compilers",
    "cxx-compiler",
    "ffmpeg",
    "fortran-compiler",
    "gcc",
    "git",
    "graphviz",
    "make",
    "mamba",
    "nodejs",
    "openjdk",
    "pandoc",
    "pkg-config",
    "r-base",
    "texlive-core",
];
/// Conda packages whose name on the Python index is another one; empty for what needs no installation there.
const RENAMED: &[(&str, &str)] = &[
    ("blas", ""),
    ("libblas", ""),
    ("matplotlib-base", "matplotlib"),
    ("msgpack-python", "msgpack"),
    ("pip", ""),
    ("pytables", "tables"),
    ("python-graphviz", "graphviz"),
    ("pytorch", "torch"),
];

impl PackageList {
    /// Returns the list that a spec asks for; `read` gives the text of a file of the repository, where it has one.
    ///
    /// # Errors
    /// What `read` says, and a text that names the files when the repository has none of them.
    pub fn find(
        repo: &RepoSpecs,
        spec: &Spec,
        mut read: impl FnMut(&str) -> Result<Option<String>, String>,
    ) -> Result<Self, String> {
        let packages = spec.packages.as_deref().unwrap_or_default().trim();
        let (files, is_pip) = match packages {
            "requirements.txt" => (&repo.requirements_files, true),
            "environment.yml" => (&repo.environment_files, false),
            names => return Ok(Self::Named(names.to_owned())),
        };
        for file in files {
            let Some(text) = read(file)? else { continue };
            return Ok(if is_pip { Self::Requirements(whole(file, &text, read)?) } else { Self::Environment(text) });
        }
        Err(format!(
            "its spec asks for `{packages}`, and the source has none of `{}`\nhint: images.specs can name packages instead",
            files.join("`, `")
        ))
    }
}

/// Returns a `requirements.txt` with those that it refers to put in, one level deep, and before its own lines.
fn whole(
    file: &str,
    text: &str,
    mut read: impl FnMut(&str) -> Result<Option<String>, String>,
) -> Result<String, String> {
    let folder = file.rsplit_once('/').map(|(folder, _)| format!("{folder}/")).unwrap_or_default();
    let counts = |line: &&str| !["-e .", "#", ".[test"].iter().any(|start| line.trim().starts_with(start));
    let (mut others, mut own) = (Vec::new(), Vec::new());
    for line in text.lines() {
        let Some(name) = line.trim().strip_prefix("-r") else {
            own.extend(Some(line).filter(counts).map(str::to_owned));
            continue;
        };
        if let Some(other) = read(&format!("{folder}{}", name.trim()))? {
            others.extend(other.lines().filter(counts).map(str::to_owned));
        }
    }
    others.append(&mut own);
    others.retain(|line| !line.trim().is_empty());
    Ok(others.join("\n"))
}

/// Returns the packages of an `environment.yml` in pip's words, and the version of Python that it asks for.
pub(super) fn conda_to_pip(text: &str) -> Result<(Vec<String>, Option<String>), String> {
    let value: Value = serde_yaml::from_str(text).map_err(|err| format!("its `environment.yml`: {err}"))?;
    let (mut names, mut python) = (Vec::new(), None);
    for entry in value.get("dependencies").and_then(Value::as_sequence).into_iter().flatten() {
        if let Some(entry) = entry.as_str() {
            match to_pip(entry)? {
                Some((name, version)) if name == "python" => python = version.strip_prefix("==").map(cut_version),
                Some((name, version)) => names.push(format!("{name}{version}")),
                None => {}
            }
        } else if let Some(of_pip) = entry.get("pip").and_then(Value::as_sequence) {
            names.extend(
                of_pip.iter().filter_map(Value::as_str).filter(|name| !name.starts_with("-e .")).map(str::to_owned),
            );
        }
    }
    Ok((names, python))
}

/// Returns conda packages, as a command line has them, in pip's words.
pub(super) fn pip_words(names: &str) -> Result<Vec<String>, String> {
    let mut words = Vec::new();
    for name in names.split_whitespace() {
        if let Some((name, version)) = to_pip(name.trim_matches(['\'', '"']))? {
            words.push(format!("{name}{version}"));
        }
    }
    Ok(words)
}

/// Returns a conda package's name and version in pip's words; `None` for what pip needs not be told.
fn to_pip(entry: &str) -> Result<Option<(String, String)>, String> {
    // `channel::name version`, `name=1.2=build`, `name>=1.2`.
    let entry = entry.rsplit("::").next().unwrap_or(entry).trim();
    let end = entry.find(['=', '<', '>', '!', '~', ' ', '[']).unwrap_or(entry.len());
    let (name, version) = entry.split_at(end);
    let name = name.to_lowercase();
    if CONDA_ONLY.contains(&name.as_str()) {
        return Err(format!(
            "it needs the conda package `{name}`, which pip does not know\nhint: images.python=conda, or pins of your own in images.specs"
        ));
    }
    let name = match RENAMED.iter().find(|(conda, _)| *conda == name) {
        Some((_, "")) => return Ok(None),
        Some((_, pip)) => (*pip).to_owned(),
        None => name,
    };
    Ok(Some((name, pip_version(version.trim()))))
}

/// Returns a version of conda in pip's words: `=1.2` is `==1.2.*`, and a build is left out.
fn pip_version(version: &str) -> String {
    let Some(exact) = version.strip_prefix('=') else { return version.replace(' ', "") };
    let (exact, is_whole) = match exact.strip_prefix('=') {
        Some(exact) => (exact, true),
        None => (exact, exact.contains('=')),
    };
    let number = exact.split('=').next().unwrap_or(exact).trim();
    let any = if is_whole || number.contains('*') { "" } else { ".*" };
    format!("=={number}{any}")
}

fn cut_version(version: &str) -> String {
    version.trim_end_matches(".*").to_owned()
}
