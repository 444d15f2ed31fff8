//! What an episode in flight has taken so far, from its record.

use std::collections::HashMap;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use agent_core::{Origin, Usage};
use serde::{Deserialize, Serialize};

/// How much is read at most each time that a run is looked at.
const MOST: u64 = 32 << 20;

/// How a line begins that tells what was spent.
const COMPLETION: &[u8] = b"{\"type\":\"completion\"";
/// How the line begins that tells what the episode was made from.
const HEADER: &[u8] = b"{\"type\":\"header\"";

/// What an episode in flight has taken so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Progress {
    /// Steps of the agent, the one in flight aside.
    pub turns: u64,
    /// Tokens of the answers so far; 0 where the server tells none.
    pub tokens: u64,
    /// US dollars of the answers of known price.
    pub cost: f64,
    /// Answers of unknown price.
    pub unpriced: u64,
    /// Whether all of the record was read; else the figures are the least that was spent.
    pub is_whole: bool,
}

/// How far the records of episodes in flight were read, so that looking again reads only what is new.
#[derive(Debug, Default)]
pub struct Live {
    known: HashMap<PathBuf, Known>,
    /// What may still be read this time.
    left: u64,
}

/// How far a record was read.
#[derive(Debug, Clone, Copy, Default)]
struct Known {
    offset: u64,
    /// How many steps were taken over from a parent, which were paid for there.
    parent_steps: u64,
    progress: Progress,
}

/// What matters of the first line.
#[derive(Deserialize)]
struct Head {
    #[serde(default)]
    origin: Origin,
}

/// What matters of a line.
#[derive(Deserialize)]
struct Line {
    step: u64,
    #[serde(default)]
    restored: bool,
    completion: Answer,
}

#[derive(Deserialize)]
struct Answer {
    #[serde(default)]
    usage: Usage,
    #[serde(default)]
    cost: Option<f64>,
}

impl Live {
    /// Begins to look once more.
    pub(super) fn begin(&mut self) {
        self.left = MOST;
    }

    /// Forgets the records of episodes that are in flight no more.
    pub(super) fn keep(&mut self, is_kept: impl Fn(&Path) -> bool) {
        self.known.retain(|path, _| is_kept(path));
    }

    /// Returns what a record tells; `None` when there is none.
    pub(super) fn progress(&mut self, path: &Path) -> Option<Progress> {
        let mut file = File::open(path).ok()?;
        let length = file.metadata().ok()?.len();
        let mut known = self.known.get(path).copied().unwrap_or_default();
        if known.offset > length {
            // Another attempt has begun.
            known = Known::default();
        }
        let offset = known.offset;
        let wanted = (length - offset).min(self.left);
        let mut bytes = Vec::new();
        file.seek(SeekFrom::Start(offset)).ok()?;
        file.take(wanted).read_to_end(&mut bytes).ok()?;
        self.left -= bytes.len() as u64;
        let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |last| last + 1);
        let lines = bytes.get(..whole).unwrap_or_default().split(|byte| *byte == b'\n');
        for line in lines {
            if line.starts_with(COMPLETION)
                && let Ok(line) = serde_json::from_slice::<Line>(line)
            {
                known.add(&line);
            } else if line.starts_with(HEADER)
                && let Ok(head) = serde_json::from_slice::<Head>(line)
            {
                known.parent_steps = head.origin.parent.map_or(0, |parent| parent.step);
            }
        }
        known.progress.is_whole = wanted == length - offset;
        known.offset += whole as u64;
        self.known.insert(path.to_owned(), known);
        Some(known.progress)
    }
}

impl Known {
    fn add(&mut self, Line { step, restored, completion }: &Line) {
        let progress = &mut self.progress;
        progress.turns = *step;
        if *restored && *step <= self.parent_steps {
            return;
        }
        progress.tokens += completion.usage.total();
        match completion.cost {
            Some(cost) => progress.cost += cost,
            None => progress.unpriced += 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_taken_over_from_a_parent_was_paid_for_there() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.jsonl");
        let parent = r#"{"run":"r","cell":"c","instance_id":"i","sample":0,"step":2}"#;
        let mut text = format!("{{\"type\":\"header\",\"origin\":{{\"parent\":{parent}}}}}\n");
        // The third step was restored as well, from an attempt of its own that was killed.
        for (step, restored) in [(1, true), (2, true), (3, true), (4, false)] {
            text += &format!(
                "{{\"type\":\"completion\",\"step\":{step},\"restored\":{restored},\"completion\":{{\"usage\":\
                 {{\"prompt_tokens\":10,\"completion_tokens\":1}},\"cost\":0.5}}}}\n"
            );
        }
        std::fs::write(&path, text).unwrap();
        let mut live = Live::default();
        live.begin();
        let expected = Progress { turns: 4, tokens: 22, cost: 1.0, unpriced: 0, is_whole: true };
        assert_eq!(live.progress(&path), Some(expected));
    }

    #[test]
    fn a_record_is_read_on_from_where_it_was_left() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.jsonl");
        let line = |step: u64, cost: &str| {
            format!(
                "{{\"type\":\"completion\",\"step\":{step},\"request\":\"r\",\"completion\":{{\"message\":{{}},\
                 \"usage\":{{\"prompt_tokens\":10,\"completion_tokens\":1}},\"cost\":{cost}}},\"seconds\":1.0}}\n"
            )
        };
        let mut live = Live::default();
        live.begin();
        assert_eq!(live.progress(&path), None);
        let mut text = "{\"type\":\"header\"}\n".to_owned() + &line(1, "0.5");
        text.push_str(&line(2, "null")[..30]);
        std::fs::write(&path, &text).unwrap();
        let first = Progress { turns: 1, tokens: 11, cost: 0.5, unpriced: 0, is_whole: true };
        assert_eq!(live.progress(&path), Some(first));
        text.push_str(&line(2, "null")[30..]);
        std::fs::write(&path, &text).unwrap();
        assert_eq!(live.progress(&path), Some(Progress { turns: 2, tokens: 22, unpriced: 1, ..first }));
        // What is not read this time is told, and read the next.
        let (mut short, length) = (Live { left: 60, ..Live::default() }, text.len());
        assert_eq!(short.progress(&path), Some(Progress::default()));
        short.left = length as u64;
        assert_eq!(short.progress(&path).map(|progress| (progress.tokens, progress.is_whole)), Some((22, true)));
        std::fs::write(&path, line(1, "0.25")).unwrap();
        assert_eq!(live.progress(&path).map(|progress| (progress.turns, progress.cost)), Some((1, 0.25)));
    }
}
