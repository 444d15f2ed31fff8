//! The steps that make the environment of a repository's version.

use grading::Spec;

use super::packages::{conda_to_pip, pip_words};
use super::{ACTIVATE, PackageList, PythonSource, Step};

const ENVIRONMENT: &str = "/opt/miniconda3/envs/testbed";
const FIND_PYTHON: &str = include_str!("find_python.sh");
const END_OF_FILE: &str = "EOF_59812759871";
const BASHRC: &str = "echo 'source /opt/miniconda3/etc/profile.d/conda.sh && conda activate testbed' > /root/.bashrc\n";

/// Returns the steps of an environment image.
pub(super) fn steps(python: PythonSource, spec: &Spec, packages: &PackageList) -> Result<Vec<Step>, String> {
    let mut steps = match python {
        PythonSource::Conda => by_conda(spec, packages)?,
        PythonSource::Uv | PythonSource::System => by_pip(python, spec, packages)?,
    };
    if let Some(packages) = spec.pip_packages.as_ref().filter(|packages| !packages.is_empty()) {
        let words: Vec<String> = packages.iter().map(|package| shell_word(package)).collect();
        let script = format!("{ACTIVATE}python -m pip install {}\n", words.join(" "));
        steps.push(Step::new("pip packages", script));
    }
    steps.push(Step::new("shell", BASHRC));
    Ok(steps)
}

/// Makes the environment as the official images do.
fn by_conda(spec: &Spec, packages: &PackageList) -> Result<Vec<Step>, String> {
    let create = |channel: &str, more: &str| -> Result<String, String> {
        let python = spec.python.as_deref().ok_or("its spec names no `python`")?;
        Ok(format!("conda create{channel} -n testbed python={python}{more} -y\n"))
    };
    let base = "source /opt/miniconda3/bin/activate\ncd \"$HOME\"\n";
    let patches = patches(spec);
    Ok(match packages {
        PackageList::Named(names) => {
            let names: String = names.split_whitespace().map(|name| format!(" {}", shell_word(name))).collect();
            vec![Step::new("environment", format!("{base}{patches}{}", create("", &names)?))]
        }
        PackageList::Requirements(text) => {
            let script = format!("{base}{}", create("", "")?);
            vec![Step::new("environment", script), requirements(text, &patches)]
        }
        PackageList::Environment(text) => {
            let file = here("environment.yml", &named_testbed(text));
            let make = match (&spec.python, spec.no_use_env) {
                (_, Some(true)) => format!("{}conda env update -f environment.yml\n", create(" -c conda-forge", "")?),
                (python, _) => {
                    let pin = |python: &String| format!("conda activate testbed\nconda install python={python} -y\n");
                    let pin = python.as_ref().map(pin).unwrap_or_default();
                    format!("conda env create --file environment.yml\n{pin}")
                }
            };
            vec![Step::new("environment", format!("{base}{file}{patches}{make}rm environment.yml\n"))]
        }
    })
}

/// Makes the environment without conda, of what pip knows too.
fn by_pip(python: PythonSource, spec: &Spec, packages: &PackageList) -> Result<Vec<Step>, String> {
    let (names, listed_python) = match packages {
        PackageList::Named(names) => (pip_words(names)?, None),
        PackageList::Requirements(_) => (Vec::new(), None),
        PackageList::Environment(_) if spec.env_patches.is_some() => {
            return Err("its `env_patches` change an `environment.yml`, which only conda reads\n\
                        hint: images.python=conda, or pins of your own in images.specs"
                .to_owned());
        }
        PackageList::Environment(text) => conda_to_pip(text)?,
    };
    let wanted = spec.python.clone().or(listed_python);
    let script = match python {
        PythonSource::Uv => {
            let version = wanted.map(|version| format!(" --python {version}")).unwrap_or_default();
            format!(
                "export UV_PYTHON_INSTALL_DIR=/opt/uv/python\n/opt/miniconda3/bin/uv venv --seed{version} {ENVIRONMENT}\n"
            )
        }
        _ => format!("wanted={}\n{FIND_PYTHON}", wanted.unwrap_or_default()),
    };
    let mut steps = vec![Step::new("environment", script)];
    if let PackageList::Requirements(text) = packages {
        steps.push(requirements(text, &patches(spec)));
    } else if !names.is_empty() {
        let words: Vec<String> = names.iter().map(|name| tool_core::shell_quote(name)).collect();
        steps.push(Step::new("packages", format!("{ACTIVATE}python -m pip install {}\n", words.join(" "))));
    }
    Ok(steps)
}

fn requirements(text: &str, patches: &str) -> Step {
    let file = here("requirements.txt", text);
    let script = format!(
        "cd \"$HOME\"\n{file}{patches}{ACTIVATE}python -m pip install -r \"$HOME/requirements.txt\"\nrm requirements.txt\n"
    );
    Step::new("requirements", script)
}

fn patches(spec: &Spec) -> String {
    spec.env_patches.iter().flatten().map(|line| format!("{line}\n")).collect()
}

fn here(file: &str, text: &str) -> String {
    format!("cat <<'{END_OF_FILE}' > {file}\n{}\n{END_OF_FILE}\n", text.trim_end_matches('\n'))
}

/// Returns a list of conda packages with the environment named `testbed`.
fn named_testbed(text: &str) -> String {
    let lines = text.lines().map(|line| if line.starts_with("name:") { "name: testbed" } else { line });
    lines.collect::<Vec<_>>().join("\n")
}

/// Returns a package as a word for the shell: quoted if it would be more than a word, and was not quoted already.
fn shell_word(package: &str) -> String {
    let is_quoted = package.contains(['\'', '"', '\\']);
    if !is_quoted && package.contains(['<', '>', ';', '&', '|', '*', '(', ')', '$']) {
        return tool_core::shell_quote(package);
    }
    package.to_owned()
}
