//! Pages in a real browser.

use std::path::Path;
use std::process::Command;

use viewer::{Settings, write};

use crate::written::{self, Written, episode, header, open, outcome, records, turn};

/// Runs a script of `tests/browser`, which says what is wrong and ends with 1, and prints what it measured.
fn browse(script: &str, arguments: &[&Path]) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/browser").join(script);
    let output = Command::new("python3").arg(path).args(arguments).output().unwrap();
    let told = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    println!("{told}");
    assert!(output.status.success(), "{told}");
}

const HOSTILE: &str = "</script><script>window.harmed = 1</script><img src=x onerror='window.harmed = 1'><!--<script>\
                       \u{202e}gnirts\u{202c} \u{1b}[31mred\u{1b}[0m \u{0} \u{200b} {{constructor}} javascript:alert(1)";

#[test]
#[ignore = "needs Chromium"]
fn hostile_text_shows_as_text() {
    let folder = tempfile::tempdir().unwrap();
    let title = format!("{HOSTILE} {}", "long ".repeat(200_000));
    let mut rows = vec![header("x__y-1")];
    rows.extend(turn(1, HOSTILE, HOSTILE));
    rows.extend(turn(2, &title, &title));
    rows.push(outcome());
    let patch = format!("diff --git a/{HOSTILE} b/a\n--- a/a\n+++ b/a\n@@ -1 +1 @@\n-{HOSTILE}\n+{HOSTILE}\n");
    let mut first = episode("x__y-1", 0, false, &rows);
    first.patch = &patch;
    let name = "x__<img src=x onerror='window.harmed=1'>-2";
    let second = Written { record: format!("{HOSTILE}\n"), ..episode(name, 0, false, &[]) };
    // What is no patch, and stands in the outcome of the record alone.
    let words = "words, and no diff </script>";
    let [whole, said] = [written::PATCH, words].map(|text| serde_json::to_string(text).unwrap());
    let third = episode("x__y-3", 0, false, &records("x__y-3", &[("ls", "")]));
    let third = Written { patch: words, record: third.record.replace(&whole, &said), ..third };
    written::write(folder.path(), &[first, second, third]);
    std::fs::write(folder.path().join("run/cell/x__y-1/test_output.txt"), b"\xff\xfe\x80 </script>").unwrap();
    let mut sources = open(folder.path());
    sources[0].name = title;
    let out = folder.path().join("page.html");
    write(&sources, &Settings::default(), &out).unwrap();
    browse("hostile.py", &[&out]);
}

#[test]
#[ignore = "needs Chromium"]
fn long_episodes_scroll() {
    let folder = tempfile::tempdir().unwrap();
    let steps: Vec<(String, String)> = (0..5000)
        .map(|step| (format!("sed -n {step}p file"), format!("line {step}\n").repeat(step % 60 + 1)))
        .collect();
    let steps: Vec<(&str, &str)> = steps.iter().map(|(command, shown)| (command.as_str(), shown.as_str())).collect();
    let many = episode("x__steps-1", 0, false, &records("x__steps-1", &steps));
    let line = |number: usize| format!("{number:08} the quick brown fox jumps over the lazy dog and on and on\n");
    let huge: String = (0..).map(line).take(50_000_000 / 66).collect();
    let huge = episode("x__huge-1", 0, false, &records("x__huge-1", &[("cat huge", &huge)]));
    written::write(folder.path(), &[many, huge]);
    let out = folder.path().join("page.html");
    write(&open(folder.path()), &Settings::default(), &out).unwrap();
    browse("scroll.py", &[&out]);
}

#[test]
#[ignore = "needs Chromium"]
fn what_zstd_compresses_the_page_decodes() {
    let folder = tempfile::tempdir().unwrap();
    let mut random = 7_u32;
    let mut next = move || {
        random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        random >> 16
    };
    let noise: Vec<u8> = (0..300_000).map(|_| next() as u8).collect();
    let letters: Vec<u8> = (0..200_000).map(|_| b"abcd"[next() as usize % 3]).collect();
    let text = include_str!("browser.rs").repeat(40).into_bytes();
    let cases = [Vec::new(), b"x".repeat(100_000), noise, letters, text, b"hello".to_vec()];
    for (number, case) in cases.iter().enumerate() {
        std::fs::write(folder.path().join(format!("{number}.raw")), case).unwrap();
        for level in [1, 5, 12, 19] {
            let packed = zstd::bulk::compress(case, level).unwrap();
            std::fs::write(folder.path().join(format!("{number}.{level}.zst")), packed).unwrap();
        }
    }
    browse("decode.py", &[folder.path()]);
}

#[test]
#[ignore = "needs Chromium"]
fn the_curves_of_several_attempts_are_drawn_and_no_column_of_scores_is_cut_off() {
    let folder = tempfile::tempdir().unwrap();
    let one = |sample, resolved| episode("x__y-1", sample, resolved, &records("x__y-1", &[("ls", "")]));
    written::write(folder.path(), &[one(0, false), one(1, true)]);
    for scorer in ["majority", "learned", "tests"] {
        let line = |sample| {
            format!(
                r#"{{"cell": "cell", "instance_id": "x__y-1", "sample": {sample}, "scorer": "{scorer}", "score": 0.{sample}}}"#
            )
        };
        let text = format!("{}\n{}\n", line(0), line(1));
        std::fs::write(folder.path().join(format!("run/scores.{scorer}.jsonl")), text).unwrap();
    }
    let out = folder.path().join("page.html");
    write(&open(folder.path()), &Settings::default(), &out).unwrap();
    browse("best.py", &[&out]);
}
