//! Slurm: an array of processes, by `sbatch`, `squeue` and `scancel`.

use std::path::Path;

use anyhow::{Context, bail};
use async_trait::async_trait;
use journal::write_whole;

use super::command::{path_text, printed, run, said};
use super::launcher::{Capacity, Job, Launcher, States};
use super::pilots::{NOTICE, Pilots};

/// Slurm, by its commands.
pub(super) struct Slurm;

#[async_trait]
impl Launcher for Slurm {
    fn name(&self) -> &'static str {
        "slurm"
    }

    fn text(&self, pilots: &Pilots<'_>) -> anyhow::Result<String> {
        script(pilots)
    }

    async fn capacity(&self) -> anyhow::Result<Capacity> {
        let text = printed("scontrol", &["show", "config"]).await?;
        let most = max_array_size(&text).context("`scontrol show config` prints no `MaxArraySize`")?;
        Ok(Capacity { most, ..Capacity::default() })
    }

    async fn submit(&self, pilots: &Pilots<'_>, folder: &Path) -> anyhow::Result<Job> {
        let path = folder.join("slurm.sh");
        write_whole(&path, script(pilots)?.as_bytes())?;
        let text = printed("sbatch", &["--parsable", path_text(&path)?]).await?;
        // With several clusters, the name of one follows.
        let job = text.lines().last().unwrap_or_default().split(';').next().unwrap_or_default().trim();
        if job.is_empty() || !job.bytes().all(|byte| byte.is_ascii_digit()) {
            bail!("`sbatch` printed no job id: `{}`", text.trim());
        }
        Ok(Job::named(job))
    }

    async fn states(&self, job: &mut Job, _restart: Option<&Pilots<'_>>) -> anyhow::Result<States> {
        let arguments = ["--noheader", "--array", "--format=%T|%r", &format!("--jobs={}", job.job)];
        let output = run("squeue", &arguments).await?;
        if output.status.success() {
            return Ok(parse_states(&String::from_utf8_lossy(&output.stdout)));
        }
        let said = said(&output);
        // So it is once the controller has forgotten a job that has ended.
        if said.contains("Invalid job id") {
            return Ok(States::default());
        }
        bail!("`squeue` failed: {said}");
    }

    async fn cancel_waiting(&self, job: &mut Job) -> anyhow::Result<()> {
        scancel(&["--state=PENDING", &job.job]).await
    }

    async fn cancel(&self, job: &Job) -> anyhow::Result<()> {
        scancel(&[&job.job]).await
    }

    fn by_hand(&self, job: &Job) -> String {
        format!("scancel {}", job.job)
    }
}

async fn scancel(arguments: &[&str]) -> anyhow::Result<()> {
    let output = run("scancel", arguments).await?;
    let said = said(&output);
    // One that has ended meanwhile is no failure.
    let has_ended = ["Invalid job id", "already completing or completed"].iter().any(|words| said.contains(words));
    if output.status.success() || has_ended { Ok(()) } else { bail!("`scancel` failed: {said}") }
}

/// Returns the script of an array.
fn script(pilots: &Pilots<'_>) -> anyhow::Result<String> {
    let engine = pilots.engine;
    let log = format!("{}/engine/pilot-%a.log", pilots.run_text()?.replace('%', "%%"));
    let mut lines = vec![
        format!("--job-name={}", pilots.label()),
        format!("--array=0-{}", pilots.count.saturating_sub(1)),
        "--ntasks=1".to_owned(),
        "--requeue".to_owned(),
        format!("--signal=B:TERM@{NOTICE}"),
        "--open-mode=append".to_owned(),
        format!("--output={}", in_double_quotes(&log)),
    ];
    let own = [
        ("partition", engine.partition.clone()),
        ("account", engine.account.clone()),
        ("time", engine.time.clone()),
        ("cpus-per-task", engine.cpus.map(|cpus| cpus.to_string())),
        ("mem", engine.memory.clone()),
    ];
    lines.extend(own.into_iter().filter_map(|(key, value)| Some(format!("--{key}={}", value?))));
    lines.extend(engine.options.iter().cloned());
    let lines: String = lines.into_iter().map(|line| format!("#SBATCH {line}\n")).collect();
    Ok(format!("#!/bin/sh\n{lines}{}", pilots.lines(pilots.program)?))
}

fn in_double_quotes(text: &str) -> String {
    if text.contains(' ') { format!("\"{text}\"") } else { text.to_owned() }
}

fn max_array_size(text: &str) -> Option<u32> {
    let line = text.lines().find_map(|line| line.trim().strip_prefix("MaxArraySize"))?;
    line.trim().strip_prefix('=')?.trim().parse().ok()
}

fn parse_states(text: &str) -> States {
    let mut states = States::default();
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        let (state, reason) = line.trim().split_once('|').unwrap_or((line.trim(), ""));
        match (state.to_ascii_lowercase().as_str(), reason) {
            ("pending", "" | "None") => states.add_waiting("pending", 1),
            ("pending", reason) => states.add_waiting(&format!("pending ({reason})"), 1),
            (state, _) => states.add(state, 1),
        }
    }
    states
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::super::pilots::tests::{engine, pilots};
    use super::*;
    use crate::file::EngineKind;

    #[test]
    fn a_script_asks_for_what_the_file_says() {
        let engine = engine(
            "{kind: slurm, pilots: 8, partition: long, account: lab, time: '4:00:00', cpus: 4, memory: 16G, options: ['--gres=gpu:1']}",
        );
        assert_eq!(engine.kind, EngineKind::Slurm);
        expect![[r#"
            #!/bin/sh
            #SBATCH --job-name=spotter-a_run
            #SBATCH --array=0-7
            #SBATCH --ntasks=1
            #SBATCH --requeue
            #SBATCH --signal=B:TERM@60
            #SBATCH --open-mode=append
            #SBATCH --output="/shared/my runs/100%%/engine/pilot-%a.log"
            #SBATCH --partition=long
            #SBATCH --account=lab
            #SBATCH --time=4:00:00
            #SBATCH --cpus-per-task=4
            #SBATCH --mem=16G
            #SBATCH --gres=gpu:1
            exec '/opt/it'\''s/spotter' work '/shared/my runs/100%' --workers 16 --time 14370
        "#]]
        .assert_eq(&script(&pilots(&engine)).unwrap());
    }

    #[test]
    fn what_slurm_prints_is_read() {
        let config = "Configuration data\nMaxArraySize            = 1001\nMaxBatchRequeue = 5\n";
        assert_eq!(max_array_size(config), Some(1001));
        assert_eq!(max_array_size("nothing"), None);
        let states = parse_states("RUNNING|None\nRUNNING|None\nPENDING|Resources\nCOMPLETING|None\n");
        assert_eq!(states.to_string(), "1 completing, 1 pending (Resources), 2 running");
        assert!(!states.none_runs() && parse_states("PENDING|None\n").none_runs());
        assert!(parse_states("\n").is_empty());
    }
}
