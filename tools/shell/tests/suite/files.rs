//! What holds for files with either provider.

use std::io::Read;
use std::time::Instant;

use tool_core::{FileError, Sandbox};

use super::fixture::{ok, run, with_a_sandbox};

with_a_sandbox! {
    bytes_come_back
    names_may_be_odd
    modes_are_kept
    links_do_not_lead_out
    wrong_paths_are_told_apart
    archives_hold_trees
    files_survive_what_commands_do
}

async fn bytes_come_back(sandbox: &dyn Sandbox) {
    let limit = usize::try_from(sandbox.info().max_file).unwrap();
    for size in [0, 1, 4096, 65_537, 1_000_000, limit] {
        let contents: Vec<u8> = (0..size).map(|index| (index * 7 + index / 251) as u8).collect();
        let begun = Instant::now();
        sandbox.write_file("data", &contents, None).await.unwrap();
        let written = begun.elapsed();
        assert_eq!(sandbox.read_file("data").await.unwrap().len(), size);
        assert!(sandbox.read_file("data").await.unwrap() == contents, "{size}");
        eprintln!("{} {size} bytes: write {written:?}", sandbox.info().provider);
    }
    let large = vec![0; limit + 1];
    let refused = sandbox.write_file("data", &large, None).await.unwrap_err();
    assert!(matches!(refused, FileError::TooLarge { .. }), "{refused}");
    ok(sandbox, "head -c 9000000 /dev/zero >large").await;
    let refused = sandbox.read_file("large").await.unwrap_err();
    assert!(matches!(refused, FileError::TooLarge { size, .. } if size > limit as u64), "{refused}");
    let refused = sandbox.archive("large").await.unwrap_err();
    assert!(matches!(refused, FileError::TooLarge { .. }), "{refused}");
    assert_eq!(sandbox.read_file("README").await.is_ok(), sandbox.info().provider == "local");
}

async fn names_may_be_odd(sandbox: &dyn Sandbox) {
    let root = sandbox.info().root.clone();
    let names = [
        "a b",
        "-rf",
        "--help",
        "new\nline\n",
        "tab\t",
        "quote'\"`$(x)",
        "grün/€/😀",
        "*",
        "[a]?",
        "\\",
        "sub/-x/~",
        " lead",
        "trail ",
        "a\u{1}b",
        "...",
        "#",
        "%s",
        "&;|<>",
    ];
    for name in names {
        sandbox.write_file(name, name.as_bytes(), None).await.unwrap();
        assert_eq!(sandbox.read_file(name).await.unwrap(), name.as_bytes(), "{name:?}");
        let path = format!("{root}/{name}");
        assert_eq!(sandbox.read_file(&path).await.unwrap(), name.as_bytes(), "{name:?}");
        let seen = ok(sandbox, &format!("cat -- {}", tool_core::shell_quote(&path))).await;
        assert_eq!(seen, name.replace('\u{1}', ""), "{name:?}");
        let archive = sandbox.archive(name).await.unwrap();
        assert_eq!(members(&archive), [(name.rsplit('/').next().unwrap().to_owned(), name.as_bytes().to_vec())]);
    }
    sandbox.write_file("./x/../y/./z", b"z", None).await.ok();
    let long = "n".repeat(250);
    sandbox.write_file(&long, b"long", None).await.unwrap();
    assert_eq!(sandbox.read_file(&long).await.unwrap(), b"long");
}

async fn modes_are_kept(sandbox: &dyn Sandbox) {
    let mode = async |name: &str| ok(sandbox, &format!("stat -c %a {name}")).await.trim().to_owned();
    ok(sandbox, "umask 077").await;
    sandbox.write_file("new", b"", None).await.unwrap();
    sandbox.write_file("script", b"#!/bin/sh\necho ran\n", Some(0o755)).await.unwrap();
    sandbox.write_file("deep/er/secret", b"", Some(0o600)).await.unwrap();
    assert_eq!(
        (mode("new").await, mode("script").await, mode("deep/er/secret").await),
        ("644".into(), "755".into(), "600".into())
    );
    assert_eq!(ok(sandbox, "./script").await, "ran\n");
    sandbox.write_file("script", b"#!/bin/sh\necho again\n", None).await.unwrap();
    assert_eq!(ok(sandbox, "./script").await, "again\n");
    ok(sandbox, "chmod 444 new; ln -s script link").await;
    sandbox.write_file("new", b"changed", None).await.unwrap();
    assert_eq!((mode("new").await, ok(sandbox, "cat new").await), ("444".into(), "changed".into()));
    sandbox.write_file("script", b"x", Some(0o640)).await.unwrap();
    assert_eq!(mode("script").await, "640");
    sandbox.write_file("link", b"through", None).await.unwrap();
    assert_eq!(ok(sandbox, "cat script; test -L link && echo link").await, "throughlink\n");
    assert_eq!(ok(sandbox, "ls -A | grep -c spotter || true").await, "0\n");
}

async fn links_do_not_lead_out(sandbox: &dyn Sandbox) {
    let (root, scratch) = (sandbox.info().root.clone(), sandbox.info().scratch.clone());
    ok(
        sandbox,
        &format!("mkdir inner; echo safe >{scratch}/target; ln -s {scratch}/target file; ln -s {scratch} folder"),
    )
    .await;
    ok(
        sandbox,
        "ln -s ../.. up; ln -s inner within; ln -s folder chain; ln -s /nowhere/at/all dangling; ln -s loop loop",
    )
    .await;
    ok(sandbox, "ln -s $PWD/inner absolute; mkdir -p real/deep; ln -s real/deep jump").await;
    let out = [
        "file",
        "folder/new",
        "folder/target",
        "chain/new",
        "up/etc/x",
        "dangling",
        "inner/../folder/x",
        "../outside",
        "inner/../../outside",
        "folder/../x",
    ];
    for path in out {
        for path in [path.to_owned(), format!("{root}/{path}")] {
            let refused = sandbox.write_file(&path, b"bad", None).await.unwrap_err();
            assert!(matches!(refused, FileError::Outside { .. }), "{path}: {refused}");
        }
    }
    assert!(sandbox.write_file("loop", b"bad", None).await.is_err());
    assert_eq!(
        ok(sandbox, &format!("cat {scratch}/target; ls {scratch} | grep -c new || true")).await.lines().next(),
        Some("safe")
    );
    for path in ["within/a", "absolute/b", "inner/../c", "jump/../d"] {
        sandbox.write_file(path, b"good", None).await.unwrap();
    }
    assert_eq!(ok(sandbox, "cat inner/a inner/b c real/d").await, "goodgoodgoodgood");
    assert_eq!(sandbox.read_file("file").await.unwrap(), b"safe\n");
    let outside = format!("{scratch}/own file");
    sandbox.write_file(&outside, b"ours", None).await.unwrap();
    assert_eq!(sandbox.read_file(&outside).await.unwrap(), b"ours");
}

async fn wrong_paths_are_told_apart(sandbox: &dyn Sandbox) {
    ok(sandbox, "mkdir folder; echo >file; mkfifo fifo; ln -s nothing dangling").await;
    for path in ["nothing", "folder/nothing", "dangling", "/nothing/at/all", ""] {
        assert!(matches!(sandbox.read_file(path).await, Err(FileError::NotFound(_))), "{path}");
        if path != "dangling" {
            assert!(matches!(sandbox.archive(path).await, Err(FileError::NotFound(_))), "{path}");
        }
    }
    for path in ["folder", ".", "/", "folder/"] {
        assert!(matches!(sandbox.read_file(path).await, Err(FileError::IsDirectory(_))), "{path}");
        let error = sandbox.write_file(path, b"x", None).await.unwrap_err();
        assert!(matches!(error, FileError::IsDirectory(_) | FileError::Outside { .. }), "{path}: {error}");
    }
    assert!(matches!(sandbox.read_file("file/below").await, Err(FileError::NotFound(_) | FileError::Refused { .. })));
    assert!(sandbox.write_file("file/below", b"x", None).await.is_err());
    for path in ["fifo", "/dev/null"] {
        assert!(matches!(sandbox.read_file(path).await, Err(FileError::Refused { .. })), "{path}");
        assert!(matches!(sandbox.write_file(path, b"x", None).await, Err(FileError::Refused { .. })), "{path}");
    }
    let missing = sandbox.read_file("folder/nothing").await.unwrap_err();
    assert_eq!(missing.to_string(), "no such file or directory: `folder/nothing`");
    assert!(matches!(sandbox.read_file("a\0b").await, Err(FileError::Refused { .. })));
    let refused = sandbox.write_file("/proc/none", b"x", None).await.unwrap_err();
    assert!(matches!(refused, FileError::Refused { .. } | FileError::NotFound(_)), "{refused:?}");
    assert_eq!(sandbox.read_file("file").await.unwrap(), b"\n", "the next request is in step");
}

async fn archives_hold_trees(sandbox: &dyn Sandbox) {
    ok(
        sandbox,
        "mkdir -p tree/-sub/empty; echo a >tree/a; echo b >tree/-sub/b; chmod 755 tree/a; ln -s /etc tree/link",
    )
    .await;
    for path in ["tree", "tree/", "./tree", "tree/."] {
        let mut names: Vec<String> =
            members(&sandbox.archive(path).await.unwrap()).into_iter().map(|(name, _)| name).collect();
        names.sort();
        assert_eq!(names, ["tree", "tree/-sub", "tree/-sub/b", "tree/-sub/empty", "tree/a", "tree/link"], "{path}");
    }
    let archive = sandbox.archive("tree").await.unwrap();
    let mut reader = tar::Archive::new(archive.as_slice());
    for entry in reader.entries().unwrap().map(Result::unwrap) {
        let header = entry.header();
        match entry.path().unwrap().to_str().unwrap() {
            "tree/a" => assert_eq!(header.mode().unwrap() & 0o777, 0o755),
            "tree/link" => assert_eq!(header.link_name().unwrap().unwrap().to_str(), Some("/etc")),
            _ => {}
        }
    }
    let whole = sandbox.archive(".").await.unwrap();
    assert!(members(&whole).iter().any(|(name, _)| name == "testbed/tree/a"));
    assert!(matches!(sandbox.archive("tree/..").await, Err(FileError::Refused { .. })));
}

async fn files_survive_what_commands_do(sandbox: &dyn Sandbox) {
    sandbox.write_file("a", b"1", None).await.unwrap();
    run(sandbox, "exec -a x true").await;
    if sandbox.info().provider == "docker" {
        run(sandbox, "kill -9 -1").await;
    }
    assert_eq!(sandbox.read_file("a").await.unwrap(), b"1");
    let (slow, read) = tokio::join!(run(sandbox, "sleep 0.5; cat a"), async {
        sandbox.write_file("a", b"2", None).await.unwrap();
        sandbox.read_file("a").await.unwrap()
    });
    assert_eq!((slow.output.as_str(), read.as_slice()), ("2", b"2".as_slice()));
    let contents = vec![b'x'; 4_000_000];
    for _ in 0..5 {
        let write = sandbox.write_file("big", &contents, None);
        let _ = tokio::time::timeout(std::time::Duration::from_millis(2), write).await;
    }
    let size = sandbox.read_file("big").await.map(|contents| contents.len());
    assert!(matches!(size, Ok(4_000_000) | Err(FileError::NotFound(_))), "{size:?}");
}

fn members(archive: &[u8]) -> Vec<(String, Vec<u8>)> {
    let mut reader = tar::Archive::new(archive);
    let entries = reader.entries().unwrap().map(Result::unwrap);
    entries
        .map(|mut entry| {
            let mut contents = Vec::new();
            entry.read_to_end(&mut contents).unwrap();
            let name = entry.path().unwrap().to_string_lossy().trim_end_matches('/').to_owned();
            (name, contents)
        })
        .collect()
}
