//! The script of an array of processes.

use std::fmt::Write;
use std::path::Path;

use anyhow::{Context, bail};

use crate::file::EngineSpec;

/// Seconds before the time limit, or before it is preempted, at which a process is told to stop.
const NOTICE: u64 = 60;

/// What a script is made from.
pub struct Script<'a> {
    /// What the file asks for.
    pub engine: &'a EngineSpec,
    /// How many processes the array has.
    pub pilots: u32,
    /// How many episodes each of them has under way at once.
    pub workers: usize,
    /// The program.
    pub program: &'a Path,
    /// The folder of the run, by its whole path.
    pub run: &'a Path,
    /// Name of the run.
    pub name: &'a str,
}

impl Script<'_> {
    /// Returns the text.
    ///
    /// # Errors
    /// When a path cannot stand in a script.
    pub fn text(&self) -> anyhow::Result<String> {
        let Self { engine, pilots, workers, program, run, name } = self;
        let (program, run) = (plain(program)?, plain(run)?);
        let safe = |c: char| if c.is_ascii_alphanumeric() || "-_.+=".contains(c) { c } else { '_' };
        let name: String = name.chars().map(safe).collect();
        let log = format!("{}/engine/pilot-%a.log", run.replace('%', "%%"));
        let mut lines = vec![
            format!("--job-name=spotter-{name}"),
            format!("--array=0-{}", pilots.saturating_sub(1)),
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
        let mut text = "#!/bin/sh\n".to_owned();
        for line in lines {
            let _ = writeln!(text, "#SBATCH {line}");
        }
        // The signal goes to the script's own process, which the program takes the place of.
        let _ = write!(text, "exec {} work {} --workers {workers}", quoted(program), quoted(run));
        if let Some(seconds) = engine.seconds() {
            let _ = write!(text, " --time {}", seconds.saturating_sub(NOTICE / 2).max(1));
        }
        text.push('\n');
        Ok(text)
    }
}

/// Returns a path as text that has no line break in it.
fn plain(path: &Path) -> anyhow::Result<&str> {
    let text = path.to_str().with_context(|| format!("`{}` is not UTF-8, which Slurm needs", path.display()))?;
    if text.contains(['\n', '\r', '"', '\\']) {
        bail!("`{}` has a quote, a backslash or a line break in it\nhint: choose another folder", path.display());
    }
    Ok(text)
}

fn in_double_quotes(text: &str) -> String {
    if text.contains(' ') { format!("\"{text}\"") } else { text.to_owned() }
}

/// Returns a text as one word of a shell.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;
    use crate::file::{EngineKind, File};

    #[test]
    fn a_script_asks_for_what_the_file_says() {
        let text = "engine: {kind: slurm, pilots: 8, partition: long, account: lab, time: '4:00:00', cpus: 4, memory: 16G, options: ['--gres=gpu:1']}\n";
        let file = File::parse(Path::new("s.yaml"), text.to_owned()).unwrap();
        assert_eq!(file.spec.engine.kind, EngineKind::Slurm);
        let script = Script {
            engine: &file.spec.engine,
            pilots: 8,
            workers: 16,
            program: Path::new("/opt/it's/spotter"),
            run: Path::new("/shared/my runs/100%"),
            name: "a run",
        };
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
        .assert_eq(&script.text().unwrap());
        let broken = Script { run: Path::new("/a\nb"), ..script };
        assert!(broken.text().is_err());
    }
}
