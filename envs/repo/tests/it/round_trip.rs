//! A repository, its baseline, and the check that a patch makes a fresh tree equal to the agent's.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use env_core::Baseline;
use repo::{capture, history};
use tool_core::Sandbox;

use crate::bash_sandbox::BashSandbox;

pub(crate) const REPOSITORY: &str = r#"
export GIT_AUTHOR_NAME=dev GIT_AUTHOR_EMAIL=dev@example.org GIT_COMMITTER_NAME=dev GIT_COMMITTER_EMAIL=dev@example.org
git init -q -b main . && mkdir -p src/deep tests
printf '*.pyc\nbuild/\n' > .gitignore
printf 'one\ntwo\nthree\nfour\nfive\nsix\nseven\neight\n' > src/code.py
printf 'def caf\303\251():\r\n    pass\r\n' > src/crlf.py
printf '\377\376\000\001binary' > src/data.bin
printf 'caf\351\n' > src/latin1.txt
printf 'no newline' > src/deep/end.txt
printf '#!/bin/sh\n' > run.sh && chmod +x run.sh
ln -s src/code.py link.py
printf 'tracked though ignored\n' > src/kept.pyc
git add -A && git add -f src/kept.pyc && git commit -qm base
unset GIT_AUTHOR_NAME GIT_AUTHOR_EMAIL GIT_COMMITTER_NAME GIT_COMMITTER_EMAIL
"#;

/// Makes the repository and its baseline.
pub(crate) async fn prepared() -> (BashSandbox, Baseline) {
    let sandbox = BashSandbox::new();
    sandbox.run(REPOSITORY).await;
    let root = sandbox.info().root.clone();
    let baseline = history::prepare(&sandbox, &root, "HEAD", false).await.expect("it can be prepared");
    (sandbox, baseline)
}

/// Returns a copy of a prepared repository, which is faster than preparing another.
pub(crate) fn copy((sandbox, baseline): &(BashSandbox, Baseline)) -> (BashSandbox, Baseline) {
    let copy = sandbox.copy();
    let (root, git_dir) = (copy.info().root.clone(), format!("{}/base.git", copy.info().scratch));
    (copy, Baseline { root, git_dir, tree: baseline.tree.clone(), stamp: None })
}

/// Returns every file with its kind and contents, but for git's own and those that the tests mean to be ignored.
fn files(sandbox: &BashSandbox) -> BTreeMap<PathBuf, String> {
    let mut found = BTreeMap::new();
    let mut folders = vec![PathBuf::from(&sandbox.info().root)];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("the folder can be read") {
            let path = entry.expect("the entry can be read").path();
            let name = path.file_name().expect("it has a name").to_string_lossy().into_owned();
            if [".git", "build", "old-git", "mirror.git", "a.log", "b.pyc", "y.pyc"].contains(&name.as_str()) {
                continue;
            }
            let metadata = path.symlink_metadata().expect("it is there");
            if metadata.is_dir() {
                folders.push(path);
            } else if metadata.is_symlink() {
                let target = path.read_link().expect("it is a link");
                found.insert(
                    path.strip_prefix(&sandbox.info().root).expect("below").to_owned(),
                    format!("-> {target:?}"),
                );
            } else if metadata.is_file() {
                let mode = metadata.permissions().mode() & 0o100;
                let bytes = std::fs::read(&path).expect("it can be read");
                let contents = format!("{mode:o} {}", bytes.escape_ascii());
                found.insert(path.strip_prefix(&sandbox.info().root).expect("below").to_owned(), contents);
            }
        }
    }
    found
}

/// Applies `patch` to a fresh repository and checks that the trees are equal, files git ignores and `.git` aside.
async fn check_applies(template: &(BashSandbox, Baseline), agent: &BashSandbox, patch: &str, what: &str) {
    let (fresh, _) = copy(template);
    fresh.write_file("../patch.diff", patch.as_bytes(), None).await.expect("it can be written");
    if !patch.is_empty() {
        fresh.run("git apply --whitespace=nowarn ../patch.diff").await;
    }
    let (expected, found) = (files(agent), files(&fresh));
    assert_eq!(expected, found, "{what}:\n{patch}");
}

/// Lets `script` play the agent, checks that the patch makes a fresh tree equal, and returns it.
pub(crate) async fn check(template: &(BashSandbox, Baseline), what: &str, script: &str) -> String {
    let (sandbox, baseline) = copy(template);
    sandbox.run(script).await;
    let patch = capture::capture(&sandbox, &baseline).await.unwrap_or_else(|err| panic!("`{what}`: {err}")).patch.0;
    check_applies(template, &sandbox, &patch, what).await;
    patch
}
