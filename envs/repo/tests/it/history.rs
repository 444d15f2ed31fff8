//! Clean history: what an agent could read of the future before, and cannot after.

use env_core::EnvError;
use repo::history;
use tool_core::Sandbox;

use crate::bash_sandbox::BashSandbox;

/// A repository with two commits at its base and two after it, the last with the words `gold patch` in its tree.
const REPOSITORY: &str = r#"
export GIT_AUTHOR_NAME=dev GIT_AUTHOR_EMAIL=dev@example.org GIT_COMMITTER_NAME=dev GIT_COMMITTER_EMAIL=dev@example.org
git init -q -b main . && mkdir -p src && printf '*.pyc\nbuild/\n' > .gitignore
echo 'def answer(): return 41' > src/code.py && git add -A && git commit -qm first
echo '# readme' > README && git add -A && git commit -qm base && git branch base
echo 'def answer(): return 42  # gold patch' > src/code.py && git commit -qam 'the gold patch'
echo 'more' >> README && git commit -qam 'later' && git tag v2
"#;

async fn repository() -> BashSandbox {
    let sandbox = BashSandbox::new();
    sandbox.run(REPOSITORY).await;
    sandbox
}

async fn clean(sandbox: &BashSandbox, base: &str) -> Result<env_core::Baseline, EnvError> {
    history::prepare(sandbox, &sandbox.info().root.clone(), base, false).await
}

/// Ways to read the words `gold patch`: how it is planted, and how it is read.
const WAYS: &[(&str, &str, &str)] = &[
    (
        "pickaxe over all refs",
        "git checkout -q base",
        "git log --all -p -S'gold patch' --format=%H | grep -q 'gold patch'",
    ),
    ("reflog", "git reset -q --hard base && git tag -d v2", "git log -g -p | grep -q 'gold patch'"),
    (
        "unreachable objects in packs",
        "git reset -q --hard base && git tag -d v2 && git repack -qad --keep-unreachable && git reflog expire --all --expire=now",
        "git cat-file --batch-all-objects --batch | grep -qa 'gold patch'",
    ),
    (
        "loose unreachable objects",
        "git reset -q --hard base && git tag -d v2 && git reflog expire --all --expire=now && rm .git/ORIG_HEAD",
        "git fsck --lost-found > /dev/null; git log -p $(ls .git/lost-found/commit) | grep -qa 'gold patch'",
    ),
    ("tag", "git reset -q --hard base && git tag -am note v3 v2", "git show v3 v3~1 | grep -q 'gold patch'"),
    (
        "stash",
        "git tag -d v2; git reset -q --hard base; echo 'x = \"gold patch\"' > src/code.py; git stash -q",
        "git stash show -p | grep -q 'gold patch'",
    ),
    (
        "notes",
        "git reset -q --hard base && git tag -d v2 && git notes add -m 'gold patch: return 42' base",
        "git notes show base | grep -q 'gold patch' || git notes show HEAD | grep -q 'gold patch'",
    ),
    (
        "worktree",
        "git reset -q --hard base && git worktree add -q ../future v2",
        "grep -q 'gold patch' ../future/src/code.py",
    ),
    ("worktree inside", "git reset -q --hard base && git worktree add -q wt v2", "grep -rq 'gold patch' wt"),
    (
        "alternates",
        "git reset -q --hard base && git clone -q --bare . ../store.git && git tag -d v2 && \
         echo \"$PWD/../store.git/objects\" > .git/objects/info/alternates && git reflog expire --all --expire=now && git gc -q --prune=now",
        "git cat-file --batch-all-objects --batch | grep -qa 'gold patch' || git --git-dir=../store.git log --all -p | grep -q 'gold patch'",
    ),
    (
        "submodule git directory",
        "git clone -q . ../library && git reset -q --hard base && git tag -d v2 && \
         git -c protocol.file.allow=always submodule --quiet add ../library lib && \
         git -C lib checkout -q HEAD~2 && git add lib && git commit -qm 'with a submodule' && git branch -f base",
        "git -C lib log --all -p | grep -q 'gold patch' || git --git-dir=.git/modules/lib log --all -p | grep -q 'gold patch'",
    ),
    (
        "replace refs",
        "git reset -q --hard base && git replace base~1 v2 && git tag -d v2 && git reflog expire --all --expire=now",
        "git log -p base~1 | grep -q 'gold patch' || git log -p HEAD~1 | grep -q 'gold patch'",
    ),
    (
        "ORIG_HEAD",
        "git reset -q --hard base && git tag -d v2 && rm -rf .git/logs",
        "git log -p ORIG_HEAD | grep -q 'gold patch'",
    ),
    (
        "FETCH_HEAD",
        "git clone -q . ../upstream && git reset -q --hard base && git tag -d v2 && git fetch -q ../upstream main && rm -rf .git/logs .git/ORIG_HEAD",
        "git log -p FETCH_HEAD | grep -q 'gold patch'",
    ),
    (
        "bundle in .git",
        "git bundle create -q .git/backup.bundle --all && git reset -q --hard base && git tag -d v2",
        "git clone -q -b main .git/backup.bundle ../out && grep -q 'gold patch' ../out/src/code.py",
    ),
    (
        "bundle in the tree",
        "mkdir -p build && git bundle create -q build/backup.bin --all && git reset -q --hard base && git tag -d v2",
        "git clone -q -b main build/backup.bin ../out && grep -q 'gold patch' ../out/src/code.py",
    ),
    (
        "pack in the tree",
        "mkdir -p build && git rev-list --objects --all | git pack-objects -q build/p > /dev/null && rm build/*.idx && git reset -q --hard base",
        "mkdir ../out && git init -q ../out && cat build/*.pack | git -C ../out unpack-objects -q && \
         git -C ../out cat-file --batch-all-objects --batch | grep -qa 'gold patch'",
    ),
    (
        "nested clone",
        "git clone -q . vendored && git -C vendored checkout -q base 2> /dev/null || git -C vendored checkout -q HEAD~2; git reset -q --hard base",
        "git -C vendored log --all -p | grep -q 'gold patch'",
    ),
    (
        "remote",
        "git clone -q --bare . ../origin.git && git remote add origin ../origin.git && git fetch -q origin && git reset -q --hard base && git tag -d v2",
        "git log -p origin/main | grep -q 'gold patch' || { git fetch -q origin && git log -p FETCH_HEAD | grep -q 'gold patch'; }",
    ),
    (
        "rerere cache",
        "git reset -q --hard base && mkdir -p .git/rr-cache/abc && echo 'gold patch' > .git/rr-cache/abc/postimage",
        "grep -rq 'gold patch' .git",
    ),
    (
        "hook and description",
        "git reset -q --hard base && echo '# gold patch' > .git/hooks/pre-commit && git config alias.hint '!echo gold patch'",
        "grep -rq 'gold patch' .git/hooks .git/config",
    ),
    (
        "resolve-undo in the index",
        "git reset -q --hard base && git checkout -q -b other && echo other > src/code.py && git commit -qam other && \
         ! git merge -q v2 > /dev/null && echo done > src/code.py && git add src/code.py && git tag -d v2",
        "git cat-file --batch-all-objects --batch | grep -qa 'gold patch'",
    ),
];

#[tokio::test]
async fn every_way_to_the_future_works_before_and_fails_after() {
    for (name, plant, attack) in WAYS {
        let sandbox = repository().await;
        sandbox.run(plant).await;
        let (found, output) = sandbox.try_run(attack).await;
        assert!(found, "`{name}` should work on the dirty repository:\n{output}");
        sandbox.run("rm -rf ../out .git/lost-found").await;
        let base = sandbox.run("git rev-parse base").await;
        let baseline = clean(&sandbox, base.trim()).await.unwrap_or_else(|err| panic!("`{name}`: {err}"));
        assert!(!sandbox.try_run(attack).await.0, "`{name}` still works");
        assert!(!sandbox.try_run("grep -rqa 'gold patch' .").await.0, "`{name}`: the words are still in the tree");
        assert!(
            !sandbox.try_run(&format!("grep -rqa 'gold patch' '{}'", baseline.git_dir)).await.0,
            "`{name}`: baseline"
        );
        assert_eq!(sandbox.run("git rev-parse HEAD").await, base, "`{name}`");
        sandbox.run("git fsck --full --strict && test -z \"$(git status --porcelain --untracked-files=no)\"").await;
    }
}

#[tokio::test]
async fn the_past_stays_and_the_agent_can_work() {
    let sandbox = repository().await;
    sandbox.run("mkdir build && touch build/made src/x.pyc notes.txt && echo dirty >> README").await;
    let base = sandbox.run("git rev-parse base").await;
    let baseline = clean(&sandbox, base.trim()).await.expect("it can be cleaned");
    assert_eq!(sandbox.run("git log --format=%s").await, "base\nfirst\n");
    assert_eq!(
        sandbox.run("cat README; ls build src notes.txt").await,
        "# readme\nnotes.txt\n\nbuild:\nmade\n\nsrc:\ncode.py\nx.pyc\n"
    );
    assert_eq!(
        sandbox.run("git branch -a; git tag; git remote; git stash list; git status --short").await,
        "* main\n?? notes.txt\n"
    );
    sandbox.run("unset ${!GIT_*}; echo new > new.py && git add -A && git commit -qm work && git stash list && git checkout -qb topic").await;
    let listed =
        sandbox.run(&format!("git --git-dir='{}' ls-tree -r --name-only {}", baseline.git_dir, baseline.tree)).await;
    assert_eq!(listed, ".gitignore\nREADME\nnotes.txt\nsrc/code.py\n");
}

#[tokio::test]
async fn the_objects_of_a_single_commit_are_packed_once() {
    let sandbox = BashSandbox::new();
    sandbox
        .run("git init -q . && echo a > a && git add -A && git -c user.name=a -c user.email=a@b commit -qm base")
        .await;
    clean(&sandbox, "HEAD").await.expect("it can be cleaned");
    let packed = sandbox.run("ls -i .git/objects/*/*").await;
    assert!(!packed.is_empty() && packed.lines().all(|line| line.contains("/pack/pack-")), "{packed}");
    assert_eq!(sandbox.run("git fsck --full --strict; git log --format=%s").await, "base\n");
    clean(&sandbox, "HEAD").await.expect("it can be cleaned again");
    assert_eq!(sandbox.run("ls -i .git/objects/*/*").await, packed);
    assert_eq!(sandbox.run("ls -A .git").await, "HEAD\nconfig\nindex\ninfo\nobjects\nrefs\n");
}

#[tokio::test]
async fn history_is_kept_on_request() {
    let sandbox = repository().await;
    let root = sandbox.info().root.clone();
    history::prepare(&sandbox, &root, "base", true).await.expect("a baseline is made all the same");
    assert_eq!(sandbox.run("git log -1 --format=%s; git tag").await, "base\nv2\n");
    let found = history::verify(&sandbox, &root, sandbox.run("git rev-parse base").await.trim()).await;
    assert!(matches!(found, Err(EnvError::Leak(_))), "{found:?}");
}

#[tokio::test]
async fn git_directories_of_every_kind_are_cleaned() {
    let ways = [
        ("gitfile", "git reset -q --hard base && mv .git ../real.git && echo 'gitdir: ../real.git' > .git"),
        (
            "linked worktree",
            "rm -rf ../main && mkdir ../main && mv .git * .gitignore ../main && rmdir ../repo && git -C ../main worktree add -q ../repo base 2>/dev/null && cd ../repo",
        ),
        ("symbolic link", "mv .git ../real.git && ln -s ../real.git .git"),
        (
            "shallow",
            "mv .git ../full && git clone -q --depth 3 --no-single-branch file://$PWD/../full ../shallow && mv ../shallow/.git . && git branch -f base origin/base",
        ),
        (
            "partial",
            "git config uploadpack.allowFilter true; mv .git ../full && git clone -q --filter=blob:none file://$PWD/../full ../partial && mv ../partial/.git . && git branch -f base origin/base && git reset -q --hard base",
        ),
        ("packed refs and split index", "git pack-refs --all && git update-index --split-index && git gc -q"),
        ("detached", "git checkout -q base~0"),
        (
            "merge in progress",
            "git checkout -q -b side base && echo z > src/code.py && git commit -qam side && ! git merge main",
        ),
        ("index lock", "touch .git/index.lock"),
        ("no index", "rm .git/index"),
    ];
    for (name, make) in ways {
        let sandbox = repository().await;
        sandbox.run(make).await;
        let base = sandbox.run("git rev-parse base").await;
        clean(&sandbox, base.trim()).await.unwrap_or_else(|err| panic!("`{name}`: {err}"));
        assert_eq!(sandbox.run("git rev-parse HEAD").await, base, "`{name}`");
        assert_eq!(sandbox.run("cd \"$PWD\"; git status --short --untracked-files=no").await, "", "`{name}`");
        let everywhere = sandbox.try_run("cat ../real.git/packed-refs ../main/.git/HEAD").await;
        assert!(!everywhere.0, "`{name}`: {}", everywhere.1);
    }
}

#[tokio::test]
async fn a_host_repository_behind_a_local_copy_is_left_alone() {
    for keep in [false, true] {
        let sandbox = repository().await.not_isolated();
        sandbox.run("mv .git ../real.git && echo 'gitdir: ../real.git' > .git && rm -f ../real.git/index.lock").await;
        let before = sandbox.run("cd ../real.git && find . -type f | sort | xargs md5sum; cd ../repo").await;
        history::prepare(&sandbox, &sandbox.info().root.clone(), "base", keep).await.expect("it can be prepared");
        assert_eq!(sandbox.run("cd ../real.git && find . -type f | sort | xargs md5sum; cd ../repo").await, before);
        assert_eq!(sandbox.run("git log -1 --format=%s; git status --short").await, "base\n");
    }
}

#[tokio::test]
async fn a_commit_that_is_not_there_is_named_with_the_head() {
    let sandbox = repository().await;
    let head = sandbox.run("git rev-parse HEAD").await;
    let absent = "0123456789012345678901234567890123456789";
    let err = clean(&sandbox, absent).await.expect_err("it is not there").for_instance("a__b-1").to_string();
    let root = &sandbox.info().root;
    assert_eq!(
        err,
        format!(
            "instance `a__b-1`: commit `{absent}` is not in the repository `{root}`, whose HEAD is `{}`",
            head.trim()
        )
    );
    for odd in ["--all", "", "a b", "$(touch x)"] {
        assert!(matches!(clean(&sandbox, odd).await, Err(EnvError::Unusable { .. })), "`{odd}`");
    }
    let empty = BashSandbox::new();
    let err = clean(&empty, "HEAD").await.expect_err("it is no repository").to_string();
    assert!(err.contains("is not a git repository"), "{err}");
}

#[tokio::test]
async fn the_check_finds_what_is_put_back() {
    let ways = [
        "echo x | git hash-object -w --stdin",
        "git tag again",
        "touch .git/ORIG_HEAD",
        "mkdir .git/logs && touch .git/logs/HEAD",
        "mkdir -p src/.git",
        "echo /nowhere > .git/objects/info/alternates",
        "touch .git/objects/pack/tmp_pack_1",
        "git config core.hooksPath /x",
        "git config remote.origin.url /x",
        "echo x > y && git add y",
        "git bundle create -q some.file HEAD",
        "git update-ref refs/notes/x HEAD",
        "touch .git/info/grafts",
    ];
    for way in ways {
        let sandbox = repository().await;
        clean(&sandbox, "base").await.expect("it can be cleaned");
        sandbox.run(way).await;
        let commit = sandbox.run("git rev-parse HEAD").await;
        let found = history::verify(&sandbox, &sandbox.info().root.clone(), commit.trim()).await;
        assert!(matches!(found, Err(EnvError::Leak(_))), "`{way}`: {found:?}");
    }
}
