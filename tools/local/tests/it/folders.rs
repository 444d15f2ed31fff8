//! What is special about local sandboxes.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::sync::{Arc, Barrier};

use tool_core::{FileError, Host, Image, SandboxConfig, SandboxError, Source};

use crate::provider::PLUG;
use crate::suite::fixture::{self, Fixture, config, ok, processes, run, unique_sleep, wait_for};

fn host(temporary: &Path) -> Host {
    let mut host = fixture::host();
    host.variables.insert("TMPDIR".to_owned(), temporary.to_string_lossy().into_owned());
    host
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap().flatten();
    entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}

async fn wait_for_names(folder: &Path, expected: &[String]) {
    for _ in 0..500 {
        if names(folder) == expected {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!("{:?} are left", names(folder));
}

#[tokio::test]
async fn a_directory_is_copied_as_it_is() {
    let (source, temporary) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let from = source.path();
    fs::create_dir_all(from.join("pkg/.hidden")).unwrap();
    fs::write(from.join("pkg/run.sh"), "#!/bin/sh\n").unwrap();
    fs::set_permissions(from.join("pkg/run.sh"), fs::Permissions::from_mode(0o750)).unwrap();
    symlink("/etc/passwd", from.join("link")).unwrap();
    symlink("pkg", from.join("folder")).unwrap();
    fs::hard_link(from.join("pkg/run.sh"), from.join("hard")).unwrap();
    fs::set_permissions(from.join("pkg/.hidden"), fs::Permissions::from_mode(0o500)).unwrap();
    let provider = PLUG.connect(&config(), &host(temporary.path()), "run").await.unwrap();
    let source = Source::Directory(from.to_owned());
    let image = Image { source, root: "/testbed".to_owned(), startup: "cd pkg; export STARTED=1".to_owned() };
    let sandbox = provider.start(&image).await.unwrap();
    let sandbox_ref = &*sandbox;
    assert!(sandbox.info().root.ends_with("/testbed") && !sandbox.info().isolated);
    assert_eq!(ok(sandbox_ref, "basename $PWD; echo $STARTED; cd ..").await, "pkg\n1\n");
    let seen =
        ok(sandbox_ref, "stat -c '%a %n' pkg/run.sh pkg/.hidden; readlink link folder; echo changed >hard").await;
    assert_eq!(seen, "750 pkg/run.sh\n500 pkg/.hidden\n/etc/passwd\npkg\n");
    assert_eq!(fs::read_to_string(from.join("hard")).unwrap(), "#!/bin/sh\n", "the source stays");
    ok(sandbox_ref, "mkdir -p locked/in; touch locked/in/x; chmod 000 locked/in; chmod 500 locked").await;
    sandbox.stop().await.unwrap();
    assert_eq!(names(temporary.path()), [""; 0]);
}

#[tokio::test]
async fn the_environment_is_our_own() {
    let fixture = Fixture::new().await;
    let sandbox = fixture.start().await;
    let sandbox = &*sandbox;
    let names = ok(sandbox, "env | cut -d = -f 1 | sort | tr '\\n' ' '").await;
    let expected = "GIT_CONFIG_NOSYSTEM GIT_PAGER GIT_TERMINAL_PROMPT HOME LANG PAGER PATH PWD PYTHONDONTWRITEBYTECODE \
                    SHELL SHLVL SPOTTER_SANDBOX TERM TMPDIR _ ";
    assert_eq!(names, expected);
    assert_eq!(ok(sandbox, "cd ~ && pwd; cd $TMPDIR && pwd").await.matches("spotter-").count(), 2);
    assert_eq!(ok(sandbox, "ps -o tty= -p $$ 2>/dev/null | tr -d ' ' || echo '?'").await, "?\n");
    ok(sandbox, "cd ~-/..; cd - >/dev/null; mkdir -p r && cd r && git init -q && git commit -q --allow-empty -m m")
        .await;
    assert_eq!(ok(sandbox, "git log --format=%an").await, "spotter\n");
    sandbox.stop().await.unwrap();
}

#[tokio::test]
async fn processes_that_hide_are_found() {
    let fixture = Fixture::new().await;
    let sandbox = fixture.start().await;
    let needle = unique_sleep();
    ok(&*sandbox, &format!("(setsid env -i /bin/sleep {needle} &) ; (setsid sleep {needle} &); sleep 0.3")).await;
    // While a command runs, the tracker comes to know even those that have cleared their environment.
    ok(&*sandbox, &format!("env -i /bin/sleep {needle} & sleep 0.4; disown -a")).await;
    let counted = ok(&*sandbox, "cat /proc/self/cgroup").await.contains(&sandbox.info().id);
    drop(sandbox);
    // Where the kernel does not count its processes, the one that had detached itself and cleared its environment before
    // anyone looked is left.
    if !counted {
        wait_for(&needle, 1).await;
        let id = std::process::Command::new("pgrep").args(["-f", &needle]).output().unwrap();
        let id = String::from_utf8(id.stdout).unwrap();
        std::process::Command::new("kill").arg(id.trim()).status().unwrap();
    }
    wait_for(&needle, 0).await;
}

#[tokio::test]
async fn containers_are_refused() {
    let provider = PLUG.connect(&config(), &Host::default(), "run").await.unwrap();
    let source = Source::Container { name: "a/b:c".to_owned(), platform: None };
    let image = Image { source, root: "/testbed".to_owned(), startup: String::new() };
    let Err(SandboxError::Unsupported(message)) = provider.start(&image).await else { panic!("it was not refused") };
    assert!(message.contains("`a/b:c`"), "{message}");
    let files = BTreeMap::from([("../outside".to_owned(), Vec::new())]);
    let image = Image { source: Source::Files(files), ..image };
    assert!(matches!(provider.start(&image).await, Err(SandboxError::Image(_))));
    let source = Source::Directory("/nothing/here".into());
    assert!(matches!(provider.start(&Image { source, ..image }).await, Err(SandboxError::Image(_))));
}

#[tokio::test]
async fn a_startup_that_fails_is_an_error() {
    let mut fixture = Fixture::new().await;
    for (startup, part) in
        [("echo why; false", "exit code 1: `echo why; false`\nwhy"), ("exit 3", "exit code 3"), ("if", "if")]
    {
        startup.clone_into(&mut fixture.image.startup);
        let Err(SandboxError::Image(message)) = fixture.provider.start(&fixture.image).await else {
            panic!("{startup}")
        };
        assert!(message.contains(part), "{message}");
    }
}

#[tokio::test]
async fn a_startup_is_run_where_a_shell_begins_anew() {
    let mut fixture = Fixture::new().await;
    fixture.image.startup = "echo noise; started=$((started + 1))".to_owned();
    let sandbox = fixture.start().await;
    assert_eq!(ok(&*sandbox, "echo $started").await, "1\n");
    run(&*sandbox, "exit").await;
    assert_eq!(ok(&*sandbox, "echo $started").await, "1\n");
    run(&*sandbox, "kill -9 $$").await;
    assert_eq!(ok(&*sandbox, "echo $started").await, "1\n");
    let fresh = sandbox.exec(tool_core::Command::fresh("echo $started")).await.unwrap();
    assert_eq!(fresh.output, "1\n");
}

#[tokio::test]
async fn folders_go_on_every_path() {
    let temporary = tempfile::tempdir().unwrap();
    let provider = PLUG.connect(&config(), &host(temporary.path()), "run").await.unwrap();
    let files = BTreeMap::from([("a".to_owned(), b"a".to_vec())]);
    let image = Image { source: Source::Files(files), root: "/testbed".to_owned(), startup: String::new() };
    let dropped = provider.start(&image).await.unwrap();
    let kept = provider.start(&image).await.unwrap();
    assert_eq!(names(temporary.path()).len(), 2);
    drop(dropped);
    wait_for_names(temporary.path(), &[kept.info().id.clone()]).await;
    provider.close().await.unwrap();
    assert_eq!(names(temporary.path()), [""; 0]);
    assert!(kept.exec(tool_core::Command::new("true")).await.is_err());
    let _ = tokio::time::timeout(std::time::Duration::from_millis(1), provider.start(&image)).await;
    wait_for_names(temporary.path(), &[]).await;
}

#[tokio::test]
async fn clean_finds_folders_of_dead_processes() {
    let temporary = tempfile::tempdir().unwrap();
    let host = host(temporary.path());
    let make = |name: &str, owner: Option<&str>| {
        let folder = temporary.path().join(name);
        fs::create_dir(&folder).unwrap();
        if let Some(owner) = owner {
            fs::write(folder.join("owner"), owner).unwrap();
        }
    };
    let machine = fs::read_to_string("/proc/sys/kernel/hostname").unwrap();
    let marker = unique_sleep();
    make("spotter-dead", Some(&format!("{} 1 1\n{marker}\n", machine.trim())));
    let mut orphan = std::process::Command::new("sleep").arg(&marker).env("SPOTTER_SANDBOX", &marker).spawn().unwrap();
    // An empty folder is soon given up, one that holds something after a day.
    for (name, file, seconds) in
        [("spotter-old", "file", 2 * 24 * 60 * 60), ("spotter-younger", "file", 60), ("spotter-empty", "", 60)]
    {
        make(name, None);
        if !file.is_empty() {
            fs::write(temporary.path().join(name).join(file), "").unwrap();
        }
        let then = std::time::SystemTime::now() - std::time::Duration::from_secs(seconds);
        fs::File::open(temporary.path().join(name)).unwrap().set_modified(then).unwrap();
    }
    make("spotter-elsewhere", Some("another-machine 1 1"));
    make("spotter-without", None);
    make("other", Some(&format!("{} 1 1", machine.trim())));
    let config = SandboxConfig::default();
    let provider = PLUG.connect(&config, &host, "run").await.unwrap();
    let source = Source::Files(BTreeMap::new());
    let image = Image { source, root: "/testbed".to_owned(), startup: String::new() };
    let alive = provider.start(&image).await.unwrap();
    let removed = PLUG.clean(&host, false).await.unwrap();
    let expected = ["spotter-dead", "spotter-empty", "spotter-old"].map(|name| temporary.path().join(name));
    assert_eq!(removed, expected.map(|path| path.to_string_lossy().into_owned()));
    assert!(!orphan.wait().unwrap().success());
    assert_eq!(names(temporary.path()).len(), 5);
    alive.stop().await.unwrap();
}

#[tokio::test]
#[ignore = "needs root"]
async fn clean_finds_the_control_group_of_another_login_session() {
    let temporary = tempfile::tempdir().unwrap();
    let mount =
        ["/sys/fs/cgroup/pids", "/sys/fs/cgroup"].map(Path::new).into_iter().find(|path| path.is_dir()).unwrap();
    let needle = unique_sleep();
    let session = mount.join(format!("session-{needle}"));
    let group = session.join("spotter-dead");
    fs::create_dir_all(&group).unwrap();
    // Its environment and its parent tell nothing of a sandbox.
    let mut orphan = std::process::Command::new("sleep").arg(&needle).env_clear().spawn().unwrap();
    fs::write(group.join("cgroup.procs"), orphan.id().to_string()).unwrap();
    fs::create_dir(temporary.path().join("spotter-dead")).unwrap();
    let machine = fs::read_to_string("/proc/sys/kernel/hostname").unwrap();
    let owner = format!("{} 1 1\n{needle}\n{}\n", machine.trim(), group.display());
    fs::write(temporary.path().join("spotter-dead/owner"), owner).unwrap();
    let removed = PLUG.clean(&host(temporary.path()), false).await.unwrap();
    assert_eq!(removed.len(), 1);
    assert!(!orphan.wait().unwrap().success());
    let _ = fs::remove_dir(&group);
    fs::remove_dir(&session).unwrap();
}

#[tokio::test]
async fn a_removal_that_fails_is_tried_again() {
    let temporary = tempfile::tempdir().unwrap();
    let provider = PLUG.connect(&config(), &host(temporary.path()), "run").await.unwrap();
    let files = BTreeMap::from([("a".to_owned(), b"a".to_vec())]);
    let image = Image { source: Source::Files(files), root: "/testbed".to_owned(), startup: String::new() };
    let sandbox = provider.start(&image).await.unwrap();
    // Someone who is no process of the sandbox writes into its folder all the time.
    let folder = sandbox.info().root.clone();
    let at_work = Arc::new(Barrier::new(5));
    let writers: Vec<_> = (0..4)
        .map(|writer| {
            let (folder, at_work) = (folder.clone(), at_work.clone());
            std::thread::spawn(move || {
                at_work.wait();
                let begun = std::time::Instant::now();
                while begun.elapsed() < std::time::Duration::from_millis(600) {
                    for number in 0..20 {
                        let _ = fs::create_dir(format!("{folder}/{writer}-{number}"));
                    }
                }
            })
        })
        .collect();
    at_work.wait();
    sandbox.stop().await.unwrap();
    assert_eq!(names(temporary.path()), [""; 0]);
    writers.into_iter().for_each(|writer| writer.join().unwrap());
}

#[test]
fn no_runtime_is_needed_to_remove_what_is_dropped() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path().to_owned();
    let started = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        let sandbox = runtime.block_on(async {
            let provider = PLUG.connect(&config(), &host(&folder), "run").await.unwrap();
            let source = Source::Files(BTreeMap::new());
            provider.start(&Image { source, root: "/testbed".to_owned(), startup: String::new() }).await.unwrap()
        });
        drop(runtime);
        sandbox
    });
    drop(started.join());
    assert_eq!(names(temporary.path()), [""; 0]);
}

#[tokio::test]
async fn a_sandbox_whose_folder_was_removed_is_damaged() {
    let fixture = Fixture::new().await;
    let sandbox = fixture.start().await;
    run(&*sandbox, "cd /; rm -rf \"$(dirname ~)\"").await;
    assert_eq!(run(&*sandbox, "echo on").await.output, "on\n");
    let fresh = sandbox.exec(tool_core::Command::fresh("true")).await;
    assert!(matches!(fresh, Err(SandboxError::Damaged(_))), "{fresh:?}");
    for result in [sandbox.read_file("README").await.map(drop), sandbox.write_file("a", b"a", None).await] {
        assert!(matches!(result, Err(FileError::Sandbox(SandboxError::Damaged(_)))), "{result:?}");
    }
    sandbox.stop().await.unwrap();
}

#[tokio::test]
async fn a_sandbox_that_kills_its_shells_is_damaged() {
    let fixture = Fixture::new().await;
    let sandbox = fixture.start().await;
    let marker = ok(&*sandbox, "echo $SPOTTER_SANDBOX").await;
    // What kills clears its environment and detaches itself: where that was done before anyone looked, it is not known, and
    // else it goes with the command.
    let killer = "import os, sys, time
marker = ('SPOTTER_SANDBOX=' + sys.argv[1]).encode()
open(sys.argv[0] + '.started', 'w').close()
time.sleep(0.5)
end = time.time() + 30
while time.time() < end and os.path.exists(sys.argv[0]):
  for name in os.listdir('/proc'):
    try:
      if marker in open(f'/proc/{name}/environ', 'rb').read(): os.kill(int(name), 9)
    except (OSError, ValueError): pass
";
    sandbox.write_file("killer.py", killer.as_bytes(), None).await.unwrap();
    let script = format!(
        "(setsid env -i PATH=\"$PATH\" python3 \"$PWD/killer.py\" {} >/dev/null 2>&1 &)
         for n in $(seq 500); do [ -e killer.py.started ] && break; sleep 0.02; done",
        marker.trim()
    );
    run(&*sandbox, &script).await;
    assert!(sandbox.read_file("killer.py.started").await.is_ok(), "what kills has not begun");
    let mut damaged = false;
    for _ in 0..20 {
        let fresh = sandbox.exec(tool_core::Command::fresh("sleep 1")).await;
        match fresh {
            Ok(_) => {}
            Err(SandboxError::Damaged(_)) => damaged = true,
            Err(err) => panic!("{err}"),
        }
        if damaged || processes(marker.trim()) == 0 {
            break;
        }
    }
    assert!(damaged || processes(marker.trim()) == 0);
    sandbox.stop().await.unwrap();
}
