//! The scripts made from the specs against those that rows bring.

use std::collections::BTreeMap;

use env_core::Dialect;
use grading::eval_script;

use crate::data;

/// Share of rows whose script must be the same.
const WANTED: f64 = 0.99;

/// Returns a script with the word that ends its patch made the usual one.
fn with_usual_end(script: &str) -> String {
    let Some((_, rest)) = script.split_once("git apply -v - <<'") else { return script.to_owned() };
    let (word, _) = rest.split_once('\'').unwrap();
    script.replace(word, "EOF_114329324912")
}

/// Returns a script without the names of the files that are put back.
fn without_reset(script: &str) -> String {
    fn short(line: &str) -> &str {
        if line.starts_with("git checkout ") { "git checkout" } else { line }
    }
    script.lines().map(short).collect::<Vec<_>>().join("\n")
}

/// Returns the first line that differs, without the commit.
fn difference(ours: &str, theirs: &str) -> Option<String> {
    let (mut ours, mut theirs) = (ours.trim_end().lines(), theirs.trim_end().lines());
    loop {
        match (ours.next(), theirs.next()) {
            (None, None) => return None,
            (ours, theirs) if ours == theirs => {}
            (ours, theirs) => {
                let short = |line: Option<&str>| line.unwrap_or("(end)").chars().take(150).collect::<String>();
                return Some(format!("ours `{}`, theirs `{}`", short(ours), short(theirs)));
            }
        }
    }
}

fn check(file: &str, compared: fn(&str) -> String) {
    let rows = data::rows(file);
    let specs = swebench::spec_set("swe-bench").unwrap().unwrap();
    let mut agree: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    for row in &rows {
        let spec = specs.find(&row.repo, &row.version).unwrap();
        let ours = eval_script(&row.instance(), &row.test_patch, spec, Dialect::SweBench4).unwrap();
        let count = agree.entry(row.repo.clone()).or_default();
        count.1 += 1;
        let theirs = with_usual_end(row.eval_script.as_deref().unwrap());
        match difference(&compared(&ours), &compared(&theirs)) {
            None => count.0 += 1,
            Some(difference) => println!("{}: {difference}", row.instance_id),
        }
    }
    for (repo, (agree, all)) in &agree {
        println!("{file} {repo}: {agree} of {all}");
    }
    let same: usize = agree.values().map(|count| count.0).sum();
    println!("{file}: {same} of {}", rows.len());
    assert!(same as f64 >= WANTED * rows.len() as f64);
}

#[test]
#[ignore = "needs SPOTTER_DATA"]
fn scripts_equal_those_of_verified() {
    check("swebench_verified_2026-02.jsonl.zst", str::to_owned);
}

/// The later rows also check out the files that the test patch adds, which fails and puts nothing back.
#[test]
#[ignore = "needs SPOTTER_DATA"]
fn scripts_equal_those_of_lite_but_for_added_files() {
    check("swebench_lite_test_2026-08.jsonl.zst", without_reset);
}

#[test]
#[ignore = "needs SPOTTER_DATA"]
fn scripts_equal_those_of_dev_but_for_added_files() {
    check("swebench_full_dev_2026-08.jsonl.zst", without_reset);
}
