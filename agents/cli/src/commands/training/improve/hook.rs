//! The user's own command that trains.

use std::path::Path;
use std::process::Stdio;

use anyhow::{Context, bail};
use rustix::process::{Pid, Signal, kill_process_group};
use serde_yaml::Mapping;

use super::file::File;
use super::stage::{self, Stage};

/// Ends what the command has started when nobody waits for it any more.
struct Group(Option<Pid>);

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(group) = self.0.take() {
            // It may have ended meanwhile.
            let _ = kill_process_group(group, Signal::TERM);
        }
    }
}

/// Runs the command in the folder of its file. It finds the data in `SPOTTER_TRAINING_DATA`, the number of the iteration
/// in `SPOTTER_ITERATION`, the layer that names the model so far in `SPOTTER_MODEL_BEFORE`, and writes such a layer to
/// `SPOTTER_MODEL`. Its output goes to standard error.
///
/// # Errors
/// When it fails, or has named no model.
pub(super) async fn run(file: &File, stage: &Stage, folder: &Path) -> anyhow::Result<()> {
    let iteration = stage.iteration;
    let model = stage::layer(folder, iteration);
    super::remove(&model)?;
    let folder = absolute(folder)?;
    let mut command = tokio::process::Command::new("/bin/sh");
    command.arg("-c").arg(&file.train).current_dir(&file.folder).stdin(Stdio::null()).stdout(std::io::stderr());
    command.env("SPOTTER_TRAINING_DATA", stage::data(&folder, iteration));
    command.env("SPOTTER_ITERATION", iteration.to_string());
    command.env("SPOTTER_MODEL_BEFORE", stage::layer(&folder, iteration.saturating_sub(1)));
    command.env("SPOTTER_MODEL", stage::layer(&folder, iteration));
    // A group of its own, so that Ctrl-C, which lets it finish, does not reach it, and all of it can be ended.
    let mut child = command.process_group(0).spawn().context("the command of `train` does not start")?;
    let pid = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
    let mut group = Group(pid);
    let status = child.wait().await.context("the command of `train` cannot be waited for")?;
    group.0 = None;
    if !status.success() {
        bail!("{stage}: `{}` failed, {status}\nhint: the same command tries it again", file.train);
    }
    let text = journal::read_text(&model)?;
    let Some(text) = text else {
        bail!(
            "{stage}: `{}` has written no `$SPOTTER_MODEL`\nhint: a line such as `model: {{name: …, base_url: …}}` names the model for what follows; an empty file means the same as before",
            file.train
        );
    };
    if text.trim().is_empty() {
        // The model is the one that there was.
        let before = journal::read_text(&stage::layer(&folder, iteration.saturating_sub(1)))?;
        journal::write_whole(&model, before.unwrap_or_default().as_bytes())?;
    } else {
        serde_yaml::from_str::<Mapping>(&text)
            .with_context(|| format!("{stage}: `{}` is no layer of configuration", model.display()))?;
    }
    Ok(())
}

fn absolute(folder: &Path) -> anyhow::Result<std::path::PathBuf> {
    folder.canonicalize().with_context(|| format!("cannot find `{}`", folder.display()))
}
