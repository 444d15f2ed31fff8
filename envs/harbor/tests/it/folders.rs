//! Folders that are written, and `task.toml` of others.

use std::fs;
use std::path::Path;

use harbor::task::{TaskFolder, read};

use crate::round_trip::{exported, sources};

/// Returns every file below a folder with its contents.
fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push((path.display().to_string(), fs::read(&path).unwrap()));
        }
    }
    found
}

#[test]
fn what_the_agent_is_given_holds_nothing_of_the_answer() {
    let out = exported(true);
    for (instance, verifier, gold) in sources() {
        let folder = out.path().join(&instance.instance_id);
        let mut given = files(&folder.join("environment"));
        for name in ["task.toml", "instruction.md"] {
            given.push((name.to_owned(), fs::read(folder.join(name)).unwrap()));
        }
        let added = |patch: &str| -> Vec<String> {
            let lines = patch.lines().filter(|line| line.starts_with('+') && !line.starts_with("+++"));
            lines.map(|line| line[1..].trim().to_owned()).filter(|line| line.len() > 24).collect()
        };
        let answers = [added(&gold.0), added(&verifier.script)].concat();
        assert!(answers.len() > 10, "{answers:?}");
        let held: Vec<(&str, String)> = given
            .iter()
            .flat_map(|(name, bytes)| {
                let text = String::from_utf8_lossy(bytes).into_owned();
                let found: Vec<_> = answers.iter().filter(|answer| text.contains(*answer)).cloned().collect();
                found.into_iter().map(|answer| (name.as_str(), answer))
            })
            .collect();
        // Lines that stand in the repository before the fix as well.
        let before = sources().into_iter().find(|(of, ..)| of.instance_id == instance.instance_id).unwrap().1;
        let tool_core::Source::Files(before) = before.image.source else { panic!("no files") };
        let known = |answer: &str| before.values().any(|bytes| String::from_utf8_lossy(bytes).contains(answer));
        let held: Vec<_> = held.into_iter().filter(|(_, answer)| !known(answer)).collect();
        assert_eq!(held, [], "{}", instance.instance_id);
        assert!(folder.join("solution/solve.sh").is_file());
    }
    let without = exported(false);
    for (instance, ..) in sources() {
        assert!(!without.path().join(&instance.instance_id).join("solution").exists());
    }
}

#[test]
fn what_is_written_is_read_as_it_was() {
    let out = exported(false);
    for (instance, verifier, _) in sources() {
        let folder = TaskFolder::load(&out.path().join(&instance.instance_id)).unwrap();
        assert_eq!(folder.id(), instance.instance_id);
        assert!(folder.is_separate() && folder.refusal().is_none());
        assert_eq!(folder.sources(), [("/logs/artifacts".to_owned(), &[][..])]);
        let config = &folder.config;
        assert_eq!(config.schema_version, "1.4");
        assert_eq!(config.environment.workdir.as_deref(), Some(verifier.image.root.as_str()));
        let own = config.metadata.spotter.as_ref().unwrap();
        assert_eq!((own.base_commit.as_str(), own.repo.as_str()), (&*instance.base_commit, &*instance.repo));
        assert!(config.verifier.collect[0].command.starts_with("bash -c '"));
    }
}

#[test]
fn a_bad_file_is_told_with_its_line_and_the_nearest_key() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("task.toml");
    for (text, expected) in [
        ("[verifier]\ntimeout_sek = 3\n", ", line 2: unknown key `timeout_sek`\nhint: did you mean `timeout_sec`?"),
        ("[verifier]\ntimeout_sec = \"long\"\n", ", line 2: invalid type"),
        ("a = 1\n\n[verifier\n", ", line 3: "),
        ("[environment]\nnetwork_mode = \"none\"\n", ", line 2: unknown variant"),
        ("[environment.healthcheck]\nretries = 1\n", "missing field `command`"),
    ] {
        fs::write(&path, text).unwrap();
        let said = read(&path).unwrap_err().to_string();
        assert!(said.starts_with(&format!("`{}`", path.display())) && said.contains(expected), "{said}");
    }
    fs::write(&path, "version = \"1.0\"\n[metadata]\nauthor = \"A\"\n[agent]\nwhatever_else = 1\n").unwrap();
    assert_eq!(read(&path).unwrap().schema_version, "1.0");
}

#[test]
fn a_task_that_cannot_be_run_here_is_refused_with_why() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    fs::create_dir_all(path.join("tests")).unwrap();
    fs::create_dir_all(path.join("environment")).unwrap();
    fs::write(path.join("instruction.md"), "Do it.\n").unwrap();
    fs::write(path.join("tests/test.sh"), "echo 1\n").unwrap();
    for (text, expected) in [
        ("[environment]\ngpus = 1\n", Some("GPU")),
        ("[environment]\nos = \"windows\"\n", Some("Windows")),
        ("[environment]\nnetwork_mode = \"allowlist\"\nallowed_hosts = [\"a.b\"]\n", Some("some hosts")),
        ("[[steps]]\nname = \"one\"\n", Some("several steps")),
        ("[[verifier.collect]]\ncommand = \"true\"\nservice = \"db\"\n", Some("another service")),
        ("[agent]\nnetwork_mode = \"allowlist\"\nallowed_hosts = [\"a.b\"]\n", Some("its agent may reach some hosts")),
        ("[verifier]\nnetwork_mode = \"allowlist\"\nallowed_hosts = [\"a.b\"]\n", Some("its verifier may reach some")),
        ("[agent]\nuser = \"agent\"\n", Some("runs as the user")),
        ("[verifier]\nuser = 1000\n", Some("runs as the user")),
        ("[verifier]\nuser = \"root\"\n", None),
        ("[verifier.env]\nKEY = \"${KEY}\"\n", Some("`KEY` is one of this machine")),
        ("[environment]\ndocker_image = \"a\"\n", None),
    ] {
        fs::write(path.join("task.toml"), text).unwrap();
        let said = TaskFolder::load(path).unwrap().refusal();
        match expected {
            Some(expected) => assert!(said.as_ref().is_some_and(|said| said.contains(expected)), "{text}: {said:?}"),
            None => assert_eq!(said, None, "{text}"),
        }
    }
    fs::remove_file(path.join("tests/test.sh")).unwrap();
    fs::write(path.join("task.toml"), "").unwrap();
    assert!(TaskFolder::load(path).unwrap().refusal().unwrap().contains("no `tests/test.sh`"));
    fs::write(path.join("task.toml"), "[verifier.environment]\ndocker_image = \"judge\"\n").unwrap();
    assert_eq!(TaskFolder::load(path).unwrap().refusal(), None);
    fs::write(path.join("environment/docker-compose.yaml"), "services: {}\n").unwrap();
    assert!(TaskFolder::load(path).unwrap().refusal().unwrap().contains("docker-compose"));
}

#[test]
fn commands_run_where_the_task_or_its_dockerfile_says() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    for name in ["tests", "environment"] {
        fs::create_dir_all(path.join(name)).unwrap();
    }
    fs::write(path.join("instruction.md"), "Do it.\n").unwrap();
    let own = "[environment]\nworkdir = \"/own\"\n";
    let judge = "[verifier.environment]\ndocker_image = \"judge\"\nworkdir = \"/judge\"\n";
    for (task, environment, tests, expected) in [
        ("", None, None, ("/app", "/app")),
        ("", Some("FROM a\nWORKDIR /src\nworkdir sub\n"), None, ("/src/sub", "/src/sub")),
        ("", Some("FROM a\nWORKDIR /src\nFROM b\n"), None, ("/app", "/app")),
        ("", Some("FROM a\nWORKDIR $HOME/x\n"), None, ("/app", "/app")),
        (own, Some("FROM a\nWORKDIR /src\n"), None, ("/own", "/own")),
        (judge, Some("FROM a\nWORKDIR /src\n"), None, ("/src", "/judge")),
        ("[verifier]\nenvironment_mode = \"separate\"\n", None, Some("FROM a\nWORKDIR /t\n"), ("/app", "/t")),
        ("[verifier]\nenvironment_mode = \"shared\"\n", None, Some("FROM a\nWORKDIR /t\n"), ("/app", "/app")),
    ] {
        fs::write(path.join("task.toml"), task).unwrap();
        for (name, text) in [("environment", environment), ("tests", tests)] {
            let file = path.join(name).join("Dockerfile");
            match text {
                Some(text) => fs::write(file, text).unwrap(),
                None => drop(fs::remove_file(file)),
            }
        }
        let read = TaskFolder::load(path).unwrap();
        assert_eq!((&*read.workdir(), &*read.verifier_workdir()), expected, "{task}{environment:?}{tests:?}");
    }
}
