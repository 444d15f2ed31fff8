//! The processes that work on a sweep, as a shell starts them.

use std::path::Path;

use anyhow::{Context, bail};

use crate::file::EngineSpec;

/// Seconds before the time limit, or before it is preempted, at which a process is told to stop.
pub(super) const NOTICE: u64 = 60;
/// Name of the script of one process.
pub(super) const SCRIPT: &str = "pilot.sh";

/// The processes that work on a sweep.
#[derive(Debug, Clone, Copy)]
pub struct Pilots<'a> {
    /// What the file asks for.
    pub engine: &'a EngineSpec,
    /// How many there are.
    pub count: u32,
    /// How many episodes each of them has under way at once.
    pub workers: usize,
    /// The program.
    pub program: &'a Path,
    /// The folder of the run, by its whole path.
    pub run: &'a Path,
    /// The folder in which the command was given, by its whole path.
    pub folder: &'a Path,
    /// Name of the run.
    pub name: &'a str,
}

impl Pilots<'_> {
    /// Returns the name of the run with nothing in it that an engine stumbles over.
    pub(super) fn label(&self) -> String {
        let safe = |c: char| if c.is_ascii_alphanumeric() || "-_.+=".contains(c) { c } else { '_' };
        format!("spotter-{}", self.name.chars().map(safe).collect::<String>())
    }

    /// Returns the same where only small letters, digits and dashes may stand, and not many.
    pub(super) fn short_label(&self) -> String {
        let safe = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
        self.label().chars().map(safe).take(40).collect()
    }

    /// Returns the folder of the run as text.
    pub(super) fn run_text(&self) -> anyhow::Result<&str> {
        plain(self.run)
    }

    /// Returns the lines of shell that end in the program, which takes the shell's place, so that signals reach it.
    pub(super) fn lines(&self, program: &Path) -> anyhow::Result<String> {
        let mut text: String = self.engine.setup.iter().map(|line| format!("{line}\n")).collect();
        let (program, run) = (quoted(plain(program)?), quoted(self.run_text()?));
        text += &format!("exec {program} work {run} --workers {}", self.workers);
        if let Some(seconds) = self.engine.seconds() {
            text += &format!(" --time {}", seconds.saturating_sub(NOTICE / 2).max(1));
        }
        Ok(text + "\n")
    }

    /// Returns the script of one process, which writes its own log.
    pub(super) fn script(&self) -> anyhow::Result<String> {
        let log = quoted(&format!("{}/engine/pilot-", self.run_text()?));
        let lines = self.lines(self.program)?;
        Ok(format!("#!/bin/sh\nexec >>{log}\"${{HQ_TASK_ID:-$SPOTTER_INDEX}}\".log 2>&1\n{lines}"))
    }
}

/// Returns a path as text that has nothing in it that a script or an engine stumbles over.
fn plain(path: &Path) -> anyhow::Result<&str> {
    let text = path.to_str().with_context(|| format!("`{}` is not UTF-8, which engines need", path.display()))?;
    if text.contains(['\n', '\r', '"', '\\']) {
        bail!("`{}` has a quote, a backslash or a line break in it\nhint: choose another folder", path.display());
    }
    Ok(text)
}

/// Returns a text as one word of a shell.
pub(super) fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}

#[cfg(test)]
pub(super) mod tests {
    use expect_test::expect;

    use super::*;
    use crate::file::File;

    /// Returns what a file asks for.
    pub(in super::super) fn engine(text: &str) -> EngineSpec {
        File::parse(Path::new("s.yaml"), format!("engine: {text}\n")).unwrap().spec.engine
    }

    /// Returns processes whose paths are hard to write down.
    pub(in super::super) fn pilots(engine: &EngineSpec) -> Pilots<'_> {
        Pilots {
            engine,
            count: 8,
            workers: 16,
            program: Path::new("/opt/it's/spotter"),
            run: Path::new("/shared/my runs/100%"),
            folder: Path::new("/shared"),
            name: "a run",
        }
    }

    #[test]
    fn a_process_writes_its_own_log_and_takes_the_place_of_its_shell() {
        let engine = engine("{time: 10, setup: ['module load git']}");
        expect![[r#"
            #!/bin/sh
            exec >>'/shared/my runs/100%/engine/pilot-'"${HQ_TASK_ID:-$SPOTTER_INDEX}".log 2>&1
            module load git
            exec '/opt/it'\''s/spotter' work '/shared/my runs/100%' --workers 16 --time 570
        "#]]
        .assert_eq(&pilots(&engine).script().unwrap());
        let broken = Pilots { run: Path::new("/a\nb"), ..pilots(&engine) };
        assert!(broken.script().is_err());
    }
}
