//! What must hold for every edit, tried on many random ones.

use edit::{ApplyPatch, EditorConfig, PatchConfig, StrReplaceEditor, Text, apply_hunks, insert, miss};
use edit::{parse_patch, parse_range, problems, str_replace};
use serde_json::{Value, json};
use similar::TextDiff;
use tool_core::{Sandbox, ToolError, Toolbox};

use crate::temp_sandbox::TempSandbox;
use crate::texts;

/// A small generator, so that a failure comes back on every run.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % limit.max(1)
    }

    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.below(from.len())]
    }

    fn text(&mut self, pieces: &[&str], most: usize) -> String {
        (0..self.below(most)).map(|_| self.pick(pieces)).collect()
    }

    /// A part of `text` that begins and ends between characters.
    fn part<'a>(&mut self, text: &'a str) -> &'a str {
        let (from, to) = (self.below(text.len() + 1), self.below(text.len() + 1));
        text.get(from.min(to)..from.max(to)).unwrap_or("é")
    }
}

const PIECES: &[&str] = &[
    "def f(x):\n",
    "    return x\n",
    "\t",
    " ",
    "\n",
    "\r\n",
    "\r",
    "é",
    "“",
    "'",
    "\"",
    "\"\"\"",
    "x",
    "foo bar",
    "(",
    ")",
    "\\n",
    "12\t",
    "\u{10fe90}",
    "日本",
    "#",
    "if a:\n",
    "\u{feff}",
];

const LINES: &[&str] =
    &["a\n", "b\n", "c\n", "a b\n", "\n", "-- d\n", "++ e\n", "  a\n", "@@ -1 +1 @@\n", "--- a\n", "é\n"];

#[test]
fn bytes_come_back_as_they_were() {
    let mut random = Random(1);
    for _ in 0..3000 {
        let mut bytes = random.text(PIECES, 12).into_bytes();
        for _ in 0..random.below(4) {
            let at = random.below(bytes.len() + 1);
            bytes.insert(at, u8::try_from(128 + random.below(128)).unwrap());
        }
        let Ok(text) = Text::decode(&bytes) else { continue };
        assert_eq!(text.encode(text.body()).unwrap(), bytes, "{}", bytes.escape_ascii());
    }
}

#[test]
fn bytes_outside_of_an_edit_stay() {
    let mut random = Random(2);
    let mut edits = 0;
    for _ in 0..3000 {
        let bytes = [random.text(PIECES, 8).as_bytes(), b"\xe9\r\n\xff", random.text(PIECES, 8).as_bytes()].concat();
        let Ok(text) = Text::decode(&bytes) else { continue };
        let old = random.part(text.body());
        let Ok(change) = str_replace(text.body(), old, "NEW") else { continue };
        let Ok(after) = text.encode_change(&change) else { continue };
        let at = after.windows(3).position(|window| window == b"NEW").unwrap();
        assert!(bytes.starts_with(&after[..at]), "{} -> {}", bytes.escape_ascii(), after.escape_ascii());
        assert!(bytes.ends_with(&after[at + 3..]), "{} -> {}", bytes.escape_ascii(), after.escape_ascii());
        edits += 1;
    }
    assert!(edits > 300, "only {edits} edits");
}

#[test]
fn nothing_panics() {
    let (mut random, texts) = (Random(3), texts());
    for _ in 0..3000 {
        let (body, old, new) = (random.text(PIECES, 30), random.text(PIECES, 10), random.text(PIECES, 10));
        let _ = str_replace(&body, &old, &new);
        let _ = insert(&body, i64::try_from(random.below(9)).unwrap() - 2, &new);
        let _ = miss(&body, &old, &new, &texts);
        let range = [i64::try_from(random.below(9)).unwrap() - 2, i64::try_from(random.below(9)).unwrap() - 2];
        let _ = parse_range(&range, random.below(5), &texts);
        let _ = problems(&body);
    }
}

#[test]
fn a_diff_of_two_texts_leads_from_one_to_the_other() {
    let (mut random, texts) = (Random(4), texts());
    for round in 0..3000 {
        let (mut old, mut new) = (random.text(LINES, 25), random.text(LINES, 25));
        if round % 3 == 0 {
            new = old.replacen("a\n", random.pick(LINES), 2);
        }
        if random.below(4) == 0 {
            old.push('z');
        }
        if random.below(4) == 0 {
            new.push('z');
        }
        if old == new {
            continue;
        }
        let diff = TextDiff::from_lines(&old, &new).unified_diff().context_radius(3).header("a/x", "b/x").to_string();
        let files = parse_patch(&diff, &texts).unwrap_or_else(|err| panic!("{err}\n{diff}"));
        let patched = apply_hunks(&old, &files[0].hunks, 0, &texts).unwrap_or_else(|err| panic!("{err:?}\n{diff}"));
        assert_eq!(patched.body, new, "{diff}");
    }
}

#[test]
fn a_damaged_patch_does_not_panic() {
    let (mut random, texts) = (Random(5), texts());
    for _ in 0..3000 {
        let (old, new) = (random.text(LINES, 20), random.text(LINES, 20));
        let diff = TextDiff::from_lines(&old, &new).unified_diff().header("a/x", "b/x").to_string();
        let mut lines: Vec<&str> = diff.split_inclusive('\n').collect();
        for _ in 0..random.below(3) {
            let (from, to) = (random.below(lines.len()), random.below(lines.len()));
            match random.below(3) {
                0 if !lines.is_empty() => drop(lines.remove(from)),
                1 if !lines.is_empty() => lines.swap(from, to),
                _ => lines.insert(from, random.pick(LINES)),
            }
        }
        for file in parse_patch(&lines.concat(), &texts).unwrap_or_default() {
            let _ = apply_hunks(&old, &file.hunks, random.below(4), &texts);
        }
    }
}

#[tokio::test]
async fn undo_brings_back_the_exact_bytes() {
    let mut random = Random(6);
    let mut edits = 0;
    for _ in 0..20 {
        let sandbox = TempSandbox::new();
        let path = sandbox.root().join("x.py");
        let start = [random.text(PIECES, 20).as_bytes(), b"\xe9 end"].concat();
        std::fs::write(&path, &start).unwrap();
        let editor = StrReplaceEditor::new(EditorConfig::default());
        let toolbox = Toolbox::default().with(editor).with(ApplyPatch::new(PatchConfig::default()));
        let path = path.display().to_string();
        let mut states = vec![start];
        for _ in 0..15 {
            let current = sandbox.read_file(&path).await.unwrap();
            let shown = String::from_utf8_lossy(&current).into_owned();
            let call = match random.below(2) {
                0 => json!({"command": "insert", "insert_line": random.below(5), "new_str": random.text(PIECES, 5)}),
                _ => {
                    json!({"command": "str_replace", "old_str": random.part(&shown), "new_str": random.text(PIECES, 5)})
                }
            };
            if call_editor(&toolbox, &sandbox, &path, call).await {
                states.push(sandbox.read_file(&path).await.unwrap());
            }
        }
        edits += states.len();
        states.pop();
        while let Some(state) = states.pop() {
            assert!(call_editor(&toolbox, &sandbox, &path, json!({"command": "undo_edit"})).await);
            assert_eq!(sandbox.read_file(&path).await.unwrap(), state);
        }
        assert!(!call_editor(&toolbox, &sandbox, &path, json!({"command": "undo_edit"})).await);
    }
    assert!(edits > 100, "only {edits} edits");
}

/// Returns whether the call went through.
async fn call_editor(toolbox: &Toolbox, sandbox: &TempSandbox, path: &str, mut call: Value) -> bool {
    call["path"] = path.into();
    match toolbox.call("str_replace_editor", &call.to_string(), sandbox, &texts()).await {
        Ok(_) => true,
        Err(ToolError::Sandbox(err)) => panic!("{err}"),
        Err(_) => false,
    }
}
