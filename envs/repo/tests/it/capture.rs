//! Patch capture: whatever the agent did to git, the patch makes a fresh tree equal to the agent's.

use env_core::EnvError;
use repo::{capture, history};
use tool_core::Sandbox;

use crate::bash_sandbox::BashSandbox;
use crate::round_trip::{REPOSITORY, check, copy, prepared};

#[tokio::test]
async fn nothing_changed_is_an_empty_patch() {
    let template = prepared().await;
    for script in [
        "true",
        "touch src/*",
        "git commit -q --allow-empty -m x",
        "mkdir build empty && touch build/x src/y.pyc",
        "rm -rf .git",
    ] {
        assert_eq!(check(&template, script, script).await, "", "`{script}`");
    }
}

#[tokio::test]
async fn a_change_of_the_same_size_within_the_second_is_seen() {
    let (sandbox, baseline) = prepared().await;
    sandbox.run("sed -i s/two/TWO/ src/code.py").await;
    let patch = capture::capture(&sandbox, &baseline).await.expect("it can be captured").patch.0;
    assert!(patch.contains("\n-two\n+TWO\n"), "{patch}");
    assert_eq!(capture::capture(&sandbox, &baseline).await.expect("a second time").patch.0, patch);
}

#[tokio::test]
async fn every_kind_of_change_comes_back() {
    let template = prepared().await;
    let kinds = [
        ("new file", "echo new > src/new.py", "new file mode 100644"),
        ("empty file", ": > src/empty.py", "new file mode 100644"),
        ("deleted file", "rm src/code.py", "deleted file mode 100644"),
        ("renamed file", "mv src/code.py src/other.py", "rename to src/other.py"),
        ("mode", "chmod +x src/code.py", "new mode 100755"),
        ("binary", "printf '\\000\\001\\002' > x.bin; printf 'more' >> src/data.bin", "GIT binary patch"),
        ("not utf-8", "printf 'na\\357ve\\n' > src/new.txt; printf 'th\\351\\n' >> src/latin1.txt", "GIT binary patch"),
        ("not utf-8 any more", "printf 'caf\\303\\251\\n' > src/latin1.txt", "GIT binary patch"),
        ("crlf", "printf 'x\\r\\n' >> src/crlf.py; printf 'a\\r\\nb\\n' > mixed.txt", "+x\r\n"),
        ("no newline", "printf more >> src/deep/end.txt; printf x > y", "\\ No newline at end of file"),
        (
            "symbolic links",
            "ln -sf src/deep link.py; ln -s nowhere dangling; ln -s /etc/passwd out",
            "new file mode 120000",
        ),
        ("file to link", "rm src/code.py; ln -s crlf.py src/code.py", "deleted file mode"),
        ("file to folder", "rm src/code.py; mkdir src/code.py; echo x > src/code.py/x", "src/code.py/x"),
        ("folder to file", "rm -rf src/deep; echo x > src/deep", "src/deep"),
        ("folder to link", "rm -rf src/deep; ln -s ../tests src/deep", "src/deep"),
        ("ignored but tracked", "echo x >> src/kept.pyc", "src/kept.pyc"),
        ("gitignore changed", "echo '!*.pyc' > .gitignore; echo x > a.pyc", "a.pyc"),
        (
            "odd names",
            "echo x > 'a b'; echo x > 'q\"q'; echo x > $'new\\nline'; echo x > 'caf\u{e9}'; echo x > $'\\351'; echo x > -dash; echo x > 'back\\slash'",
            "new file",
        ),
        (
            "odd names not utf-8",
            "for n in 'a b' 'q\"q' $'new\\nline' 'caf\u{e9}' $'\\351' -dash 'back\\slash' 'st*r' '[x]' '!bang' '#hash'; do printf '\\351' > \"./$n\"; done",
            "GIT binary patch",
        ),
        (
            "attributes that lie",
            "printf '*.bin diff\\n*.py -diff binary\\n*.txt diff=x filter=y ident\\n' > .gitattributes; printf '\\000' >> src/data.bin; echo x >> src/code.py",
            "+x\n",
        ),
        ("pipe and socket", "mkfifo pipe; rm src/code.py; mkfifo src/code.py", "deleted file"),
        ("read-only", "echo x >> src/code.py; chmod -R a-w .", "+x\n"),
        ("no permission at all", "echo x >> src/code.py; chmod 000 src/code.py", "+x\n"),
        ("large line numbers", "yes line | head -20000 > long.txt", "+line"),
        (
            "a diff in a diff",
            "printf 'diff --git a/x b/x\\n--- a/x\\n+++ b/x\\n@@ -1 +1 @@\\n-a\\n+b\\n' > src/x.diff",
            "+diff --git",
        ),
    ];
    for (what, script, expected) in kinds {
        let patch = check(&template, what, script).await;
        assert!(patch.contains(expected), "`{what}`:\n{patch}");
    }
}

#[tokio::test]
async fn whatever_the_agent_did_to_git_the_patch_is_the_same() {
    let template = prepared().await;
    let edit = "sed -i s/two/2/ src/code.py; echo new > new.py; rm run.sh";
    let expected = check(&template, "plain", edit).await;
    let ways = [
        "git add -A && git commit -qm work",
        "git add -A",
        "git add -A && git commit -qm work && git checkout -qb topic && git tag x && git gc -q",
        "rm -rf .git",
        "rm -rf .git && git init -q . && git add -A && git -c user.name=a -c user.email=a@b commit -qm x",
        "rm -rf .git && echo 'gitdir: /nowhere' > .git",
        "rm -rf .git && echo garbage > .git",
        "rm -rf .git && ln -s /nowhere .git",
        "export GIT_DIR=/nowhere GIT_WORK_TREE=/ GIT_INDEX_FILE=/tmp/none GIT_OBJECT_DIRECTORY=/x GIT_EXTERNAL_DIFF=/bin/false GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=diff.noprefix GIT_CONFIG_VALUE_0=true",
        "touch .git/index.lock ../scratch/base.git/index.lock",
        "echo garbage > .git/index",
        "echo garbage > .git/HEAD",
        "echo garbage > .git/config",
        "rm -rf .git/objects",
        "mkdir -p .git/hooks; for h in pre-commit post-index-change; do printf '#!/bin/sh\\ntouch hooked; exit 1\\n' > .git/hooks/$h; chmod +x .git/hooks/$h; done",
        "git config core.fsmonitor /bin/false; git config diff.external /bin/false; git config core.autocrlf true; git config core.fileMode false; git config core.excludesFile /etc/passwd; git config diff.noprefix true",
        "printf '*.py\\n' > .git/info/exclude",
        "git update-index --assume-unchanged src/code.py; git update-index --skip-worktree src/code.py",
        "git stash -qu && git stash pop -q",
        "git stash -q; git stash apply -q; git checkout -q --detach",
        "git rm -q --cached src/code.py src/crlf.py",
        "printf '[core]\\n\\tautocrlf = true\\n[diff]\\n\\tnoprefix = true\\n' > ~/.gitconfig",
        "mkdir x && cd x && rmdir ../x",
        "mv .git old-git && echo x > build-me && rm build-me",
        "git clone -q --bare . mirror.git",
    ];
    for way in ways {
        let patch = check(&template, way, &format!("{edit}; {way}")).await;
        assert_eq!(patch, expected, "`{way}`");
    }
}

#[tokio::test]
async fn files_of_nested_repositories_are_in_the_patch() {
    let template = prepared().await;
    let inner = "cd sub && git init -q . && git config user.name a && git config user.email a@b";
    let ways = [
        format!("mkdir sub && echo x > sub/x && echo '*.log' > sub/.gitignore && touch sub/a.log sub/b.pyc && {inner}"),
        format!(
            "mkdir sub && echo x > sub/x && echo '*.log' > sub/.gitignore && touch sub/a.log sub/b.pyc && ({inner} && git add -A && git commit -qm x)"
        ),
        format!(
            "mkdir -p sub/in && echo x > sub/x && echo '*.log' > sub/.gitignore && ({inner} && git add -A && git commit -qm x); (cd sub/in && git init -q . && echo '!keep' > .gitignore)"
        ),
        "mkdir sub && echo x > sub/x && echo '*.log' > sub/.gitignore && echo 'gitdir: /nowhere' > sub/.git".to_owned(),
    ];
    for way in ways {
        let patch = check(&template, &way, &way).await;
        assert!(patch.contains("+++ b/sub/x\n") && !patch.contains("160000") && !patch.contains("a.log"), "{patch}");
    }
    let patch = check(
        &template,
        "a tracked folder",
        "cd src && git init -q . && echo x > y.py && git add -A && git -c user.name=a -c user.email=a@b commit -qm x",
    )
    .await;
    assert!(patch.contains("+++ b/src/y.py\n") && !patch.contains("deleted"), "{patch}");
    let patch = check(&template, "a tracked file", "rm src/code.py && git init -q src/code.py && cd src/code.py && echo x > y && git add -A && git -c user.name=a -c user.email=a@b commit -qm x").await;
    assert!(patch.contains("src/code.py/y") && !patch.contains("160000"), "{patch}");
}

#[tokio::test]
async fn changes_inside_a_submodule_are_in_the_patch() {
    let sandbox = BashSandbox::new();
    sandbox.run(REPOSITORY).await;
    sandbox
        .run(
            "git config --global user.name a && git config --global user.email a@b && git clone -q . ../library && \
        git -c protocol.file.allow=always submodule --quiet add ../library lib && git commit -qm submodule",
        )
        .await;
    let baseline =
        history::prepare(&sandbox, &sandbox.info().root.clone(), "HEAD", false).await.expect("it can be prepared");
    assert_eq!(capture::capture(&sandbox, &baseline).await.expect("captured").patch.0, "");
    sandbox.run("echo x >> lib/src/code.py").await;
    let patch = capture::capture(&sandbox, &baseline).await.expect("captured").patch.0;
    assert!(patch.contains("+++ b/lib/src/code.py\n") && patch.contains("\n+x\n"), "{patch}");
}

#[tokio::test]
async fn a_root_that_is_gone_is_a_patch_that_deletes_everything() {
    let (sandbox, baseline) = prepared().await;
    sandbox.run("rm -rf \"$PWD\"").await;
    let patch = capture::capture(&sandbox, &baseline).await.expect("it can be captured").patch.0;
    assert_eq!(patch.matches("deleted file mode").count(), 9, "{patch}");
}

#[tokio::test]
async fn a_damaged_baseline_is_an_error_and_can_be_rebuilt() {
    let template = prepared().await;
    let (fresh, other) = &template;
    for damage in [
        "rm -rf base.git",
        "rm -rf base.git/objects",
        "echo x > base.git/HEAD",
        "find base.git/objects -type f -delete",
        "rm -rf ../scratch",
    ] {
        let (sandbox, baseline) = copy(&template);
        sandbox.run("echo x >> src/code.py").await;
        let expected = capture::capture(&sandbox, &baseline).await.expect("it is whole").patch.0;
        sandbox.run(&format!("cd ../scratch; {damage}; cd ../repo")).await;
        let err = capture::capture(&sandbox, &baseline).await.expect_err(damage);
        assert!(matches!(&err, EnvError::Patch(reason) if reason.contains("is damaged")), "`{damage}`: {err}");
        capture::rebuild(&sandbox, &baseline, (fresh, other)).await.expect("it can be rebuilt");
        assert_eq!(capture::capture(&sandbox, &baseline).await.expect("it is whole again").patch.0, expected);
    }
    let (sandbox, baseline) = prepared().await;
    sandbox.run("echo garbage > ../scratch/base.git/index; echo x >> src/code.py").await;
    assert!(
        capture::capture(&sandbox, &baseline).await.expect("an index can be made again").patch.0.contains("\n+x\n")
    );
}

#[tokio::test]
async fn what_is_too_large_or_nobodys_work_is_left_out_and_named() {
    let core = r"{ printf '\177ELF\2\1\1\0\0\0\0\0\0\0\0\0\4\0'; head -c 100 /dev/zero; }";
    let cases = [
        ("yes | head -30000 > y", "`y` (60000 bytes, too large for a patch)", ""),
        ("head -c 30000 /dev/urandom > $'new\nline'", "`new\nline` (30000 bytes, too large for a patch)", ""),
        ("for i in 1 2 3 4 5; do seq 2000 > many$i; done; echo x > small", "too large", "small"),
        ("seq 9000 > a", "`a` (43893 bytes, too large for a patch)", ""),
        (
            "mkdir -p venv/bin venv/lib; : > venv/pyvenv.cfg; echo x > venv/lib/x.py",
            "`venv/` (a virtual environment)",
            "",
        ),
        (&format!("{core} > core; {core} > core.12"), "`core.12` (a core dump of 118 bytes)", ""),
        ("echo text > core", "", "core"),
        ("mkdir __pycache__; : > __pycache__/a.pyc", "byte code of Python (1 files)", ""),
        ("mkfifo pipe; truncate -s 1G sparse", "`sparse` (1073741824 bytes, too large for a patch)", ""),
    ];
    for (script, named, kept) in cases {
        let sandbox = BashSandbox::new().with_max_file(20_000);
        sandbox.run(REPOSITORY).await;
        let root = sandbox.info().root.clone();
        let baseline = history::prepare(&sandbox, &root, "HEAD", false).await.expect("it can be prepared");
        sandbox.run(&format!("{script}; echo fix > fix.txt")).await;
        let captured = capture::capture(&sandbox, &baseline).await.expect("it can be captured");
        let patch = &captured.patch.0;
        let left_out: Vec<String> = captured.left_out.iter().map(ToString::to_string).collect();
        assert!(patch.contains("+fix\n"), "{script}: {left_out:?} {patch}");
        assert!(left_out.join(", ").contains(named), "{script}: {left_out:?}");
        assert_eq!(left_out.is_empty(), named.is_empty(), "{script}: {left_out:?}");
        assert!(kept.is_empty() || patch.contains(&format!("+++ b/{kept}\n")), "{script}: {patch}");
        assert!(patch.len() <= 20_000 && !patch.contains("pyvenv"), "{script}: {patch}");
    }
}

#[tokio::test]
async fn untracked_files_of_the_image_are_part_of_the_baseline() {
    let sandbox = BashSandbox::new();
    sandbox.run(REPOSITORY).await;
    sandbox.run("echo made > made.txt; mkdir build; echo x > build/x").await;
    let baseline =
        history::prepare(&sandbox, &sandbox.info().root.clone(), "HEAD", false).await.expect("it can be prepared");
    assert_eq!(capture::capture(&sandbox, &baseline).await.expect("captured").patch.0, "");
    sandbox.run("echo more >> made.txt").await;
    let patch = capture::capture(&sandbox, &baseline).await.expect("captured").patch.0;
    assert!(patch.contains("@@ -1 +1,2 @@\n made\n+more\n"), "{patch}");
}

#[tokio::test]
async fn random_edits_come_back() {
    let template = prepared().await;
    let mut random = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = |below: u64| {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        random % below
    };
    for round in 0..12 {
        let mut script = String::from("set +e\n");
        let names = [
            "src/code.py",
            "src/crlf.py",
            "src/data.bin",
            "src/latin1.txt",
            "src/deep/end.txt",
            "run.sh",
            "link.py",
            "a b",
            "n/e/w.py",
            "$'x\\ny'",
            "tests/t.py",
            "src",
        ];
        for _ in 0..8 {
            let name = names[next(names.len() as u64) as usize];
            let name = if name.starts_with('$') { name.to_owned() } else { format!("'{name}'") };
            let other = names[next(names.len() as u64) as usize].replace("$'x\\ny'", "other");
            let line = next(9) + 1;
            script.push_str(&match next(11) {
                0 => format!("rm -rf {name}\n"),
                1 => format!("mkdir -p \"$(dirname {name})\"; printf 'line {line}\\n' >> {name}\n"),
                2 => format!("sed -i '{line}s/.*/changed/' {name}\n"),
                3 => format!("sed -i '{line}d' {name}\n"),
                4 => format!("chmod +x {name}\n"),
                5 => format!("mkdir -p \"$(dirname '{other}')\"; mv {name} '{other}'\n"),
                6 => format!("head -c {} /dev/urandom > {name}\n", line * 100),
                7 => format!("ln -sfn '{other}' {name}\n"),
                8 => format!("printf 'caf\\351 {line}\\r\\n' > {name}\n"),
                9 => format!("cp -r {name} '{other}'\n"),
                _ => format!("mkdir -p {name} && git init -q {name}; rm -f {name}/.git/hooks/*\n"),
            });
        }
        script.push_str("true");
        check(&template, &format!("round {round}:\n{script}"), &script).await;
    }
}
