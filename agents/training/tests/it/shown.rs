//! What a run holds, in a few lines.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use agent_core::{Message, Role};
use journal::Run;
use training::{FileCounts, Target, import};

/// Imports files into the run `run` of a folder.
pub(crate) fn imported(runs: &Path, files: &[PathBuf]) -> Vec<FileCounts> {
    let target = Target { runs: runs.to_owned(), run: "run".to_owned(), cell: None };
    import(files, &target, |_, _| {}).unwrap()
}

/// Returns a message as `role text [calls] <call id>`.
pub(crate) fn line(message: &Message) -> String {
    let role = match message.role {
        Role::System => "system",
        Role::User => "user",
        Role::Assistant => "assistant",
        Role::Tool => "tool",
    };
    let mut line = format!("{role} {:?}", message.content);
    for call in &message.tool_calls {
        write!(line, " [{} {} {}]", call.id, call.name, call.arguments).unwrap();
    }
    if let Some(id) = message.tool_call_id.as_ref().filter(|id| !id.is_empty()) {
        write!(line, " <{id}>").unwrap();
    }
    line
}

/// Returns all that a run holds: each episode with how it ended, its patch, and its conversation.
pub(crate) fn held(run: &Path) -> String {
    let run = Run::open(run).unwrap();
    let mut text = String::new();
    for cell in run.cells() {
        for episode in run.episodes(&cell) {
            let status = episode.ended.as_ref().map_or("-", |ended| ended.exit_status.as_str());
            let patch = episode.prediction.as_ref().map(|prediction| prediction.patch_text().to_owned());
            let (id, sample) = (&episode.instance_id, episode.sample);
            writeln!(text, "{cell} {id} {sample}: {status}, {:?}, patch {patch:?}", episode.ending()).unwrap();
            let Some(trajectory) = episode.trajectory().unwrap() else { continue };
            for shown in trajectory.segments().iter().flat_map(|segment| &segment.messages) {
                let star = if shown.sampled { "*" } else { "" };
                writeln!(text, "  {}{star}", line(&shown.message)).unwrap();
            }
        }
    }
    text
}
