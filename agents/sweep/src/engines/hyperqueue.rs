//! HyperQueue: an array of tasks, by `hq`.

use std::path::Path;

use anyhow::{Context, bail};
use async_trait::async_trait;
use journal::write_whole;
use serde_json::Value;

use super::command::{path_text, printed};
use super::launcher::{Job, Launcher, States};
use super::pilots::{Pilots, SCRIPT, quoted};

/// HyperQueue, by its command. Which server it speaks to is that command's own matter (`HQ_SERVER_DIR`).
pub(super) struct HyperQueue;

#[async_trait]
impl Launcher for HyperQueue {
    fn name(&self) -> &'static str {
        "hyperqueue"
    }

    fn text(&self, pilots: &Pilots<'_>) -> anyhow::Result<String> {
        let script = pilots.run.join("engine").join(SCRIPT);
        let words = submission(pilots, &pilots.short_label(), path_text(&script)?)?;
        let words: Vec<String> = words.iter().map(|word| quoted(word)).collect();
        let script = pilots.script()?;
        let (first, rest) = script.split_once('\n').unwrap_or((script.as_str(), ""));
        Ok(format!("{first}\n# hq {}\n{rest}", words.join(" ")))
    }

    async fn submit(&self, pilots: &Pilots<'_>, folder: &Path) -> anyhow::Result<Job> {
        let script = folder.join(SCRIPT);
        write_whole(&script, pilots.script()?.as_bytes())?;
        // Numbers begin anew with another server, so that it takes a name to know a job again.
        let name = format!("{}-{:08x}", pilots.short_label(), fastrand::u32(..));
        let words = submission(pilots, &name, path_text(&script)?)?;
        let text = printed("hq", &words.iter().map(String::as_str).collect::<Vec<_>>()).await?;
        let job = text.trim();
        if job.is_empty() || !job.bytes().all(|byte| byte.is_ascii_digit()) {
            bail!("`hq` printed no job id: `{job}`");
        }
        Ok(Job { name: Some(name), ..Job::named(job) })
    }

    async fn states(&self, job: &mut Job, _restart: Option<&Pilots<'_>>) -> anyhow::Result<States> {
        states_of(job).await
    }

    async fn cancel(&self, job: &Job) -> anyhow::Result<()> {
        if states_of(job).await?.is_empty() {
            return Ok(());
        }
        printed("hq", &["job", "cancel", &job.job]).await.map(drop)
    }

    fn by_hand(&self, job: &Job) -> String {
        format!("hq job cancel {}", job.job)
    }
}

/// Asks for the states of a job's processes that have not ended.
async fn states_of(job: &Job) -> anyhow::Result<States> {
    let text = printed("hq", &["--output-mode=json", "job", "info", &job.job]).await?;
    parse_states(&text, job.name.as_deref()).with_context(|| format!("`hq job info {}` printed no states", job.job))
}

/// Returns the arguments of `hq`.
fn submission(pilots: &Pilots<'_>, name: &str, script: &str) -> anyhow::Result<Vec<String>> {
    let engine = pilots.engine;
    // Placeholders are the only thing that `hq` reads in a path.
    let run = pilots.run_text()?;
    if run.contains("%{") {
        bail!("`{run}` has `%{{` in it, which HyperQueue reads as a placeholder\nhint: choose another folder");
    }
    let crashes = match engine.restarts {
        0 => "never-restart".to_owned(),
        restarts => (restarts + 1).to_string(),
    };
    let mut words: Vec<String> =
        ["--output-mode=quiet", "submit", "--directives=off", "--stdout=none", "--stderr=none"]
            .map(str::to_owned)
            .into();
    words.extend([
        format!("--name={name}"),
        format!("--array=0-{}", pilots.count.saturating_sub(1)),
        format!("--cwd={run}"),
        format!("--crash-limit={crashes}"),
    ]);
    let own = [
        engine.cpus.map(|cpus| format!("--cpus={cpus}")),
        // Workers find out their memory by themselves, in units of 1024 × 1024 bytes.
        engine.megabytes().map(|megabytes| format!("--resource=mem={megabytes}")),
        engine.seconds().map(|seconds| format!("--time-limit={seconds}s")),
    ];
    words.extend(own.into_iter().flatten());
    words.extend(engine.options.iter().cloned());
    words.extend(["--".to_owned(), "/bin/sh".to_owned(), script.to_owned()]);
    Ok(words)
}

/// Reads what `hq job info` says of one job: a list with it, or the job alone, as versions differ. A job of another
/// name is another's, and what was submitted has ended.
fn parse_states(text: &str, name: Option<&str>) -> Option<States> {
    let value: Value = serde_json::from_str(text).ok()?;
    let jobs = match value {
        Value::Array(jobs) => jobs,
        job => vec![job],
    };
    let mut states = States::default();
    for job in jobs {
        let info = job.get("info")?;
        if name.is_some_and(|name| info.get("name").and_then(Value::as_str) != Some(name)) {
            continue;
        }
        let counts = info.get("task_stats")?;
        let count = |name: &str| counts.get(name).and_then(Value::as_u64).and_then(|count| usize::try_from(count).ok());
        states.add("running", count("running")?);
        states.add_waiting("waiting", count("waiting")?);
    }
    Some(states)
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::super::pilots::tests::{engine, pilots};
    use super::*;

    #[test]
    fn the_command_line_asks_for_what_the_file_says() {
        let engine = engine(
            "{kind: hyperqueue, time: '4:00:00', cpus: 4, memory: 16G, restarts: 2, options: ['--resource=gpus/nvidia=1']}",
        );
        let words =
            submission(&pilots(&engine), "spotter-a-run-0a1b2c3d", "/shared/my runs/100%/engine/pilot.sh").unwrap();
        expect![[r#"
            --output-mode=quiet
            submit
            --directives=off
            --stdout=none
            --stderr=none
            --name=spotter-a-run-0a1b2c3d
            --array=0-7
            --cwd=/shared/my runs/100%
            --crash-limit=3
            --cpus=4
            --resource=mem=16384
            --time-limit=14400s
            --resource=gpus/nvidia=1
            --
            /bin/sh
            /shared/my runs/100%/engine/pilot.sh"#]]
        .assert_eq(&words.join("\n"));
        let broken = Pilots { run: Path::new("/a/%{CWD}"), ..pilots(&engine) };
        assert!(submission(&broken, "", "").is_err());
    }

    #[test]
    fn what_hyperqueue_prints_is_read() {
        let stats = r#"{"aborted":0,"canceled":0,"failed":1,"finished":2,"running":3,"waiting":4}"#;
        let job = format!(r#"{{"info":{{"id":1,"name":"a-1","task_stats":{stats}}}}}"#);
        for text in [job.clone(), format!("[{job}]")] {
            for name in [None, Some("a-1")] {
                assert_eq!(parse_states(&text, name).unwrap().to_string(), "3 running, 4 waiting");
            }
            assert!(parse_states(&text, Some("a-2")).unwrap().is_empty());
        }
        assert!(parse_states(&job.replace(":3", ":0").replace(":4", ":0"), None).unwrap().is_empty());
        // So it is once the server has forgotten the job.
        assert!(parse_states("[]", None).unwrap().is_empty());
        assert!(parse_states(r#"{"error":"no"}"#, None).is_none());
    }
}
