//! The real rows.

use std::path::PathBuf;

use dataset::{Row, load_file};

/// Returns the folder with the real data.
fn data() -> PathBuf {
    let default = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    let folder = std::env::var_os("SPOTTER_DATA").map_or_else(default, PathBuf::from).join("instances");
    assert!(folder.is_dir(), "needs SPOTTER_DATA: there are no real rows in `{}`", folder.display());
    folder
}

#[test]
#[ignore = "needs SPOTTER_DATA"]
fn the_real_rows_load() {
    let folder = data();
    let files = [
        ("swebench_lite_test_hf2024.jsonl.zst", 300, 300),
        ("swebench_lite_dev_hf2024.jsonl.zst", 23, 23),
        ("swebench_lite_test_2026-08.jsonl.zst", 300, 300),
        ("swebench_verified_2026-02.jsonl.zst", 500, 500),
        ("swebench_verified_2026-08.jsonl.zst", 500, 500),
        ("swebench_full_dev_2026-08.jsonl.zst", 225, 225),
        ("swebench_multilingual_2026-08.jsonl.zst", 300, 299),
        ("swegym_exact.jsonl", 10, 10),
        ("swegym_reconstructed.jsonl.zst", 1560, 0),
    ];
    for (name, rows, with_tests) in files {
        let loaded = load_file(&folder.join(name)).unwrap_or_else(|err| panic!("{err}"));
        assert_eq!(loaded.len(), rows, "{name}");
        assert_eq!(loaded.iter().filter(|row| row.has_tests()).count(), with_tests, "{name}");
        let complete = |row: &Row| !row.patch.is_empty() && !row.test_patch.is_empty() && row.base_commit.len() == 40;
        assert!(loaded.iter().all(complete), "{name}");
        let enriched = name.contains("2026");
        assert_eq!(loaded.iter().all(|row| row.eval_script.is_some() && row.image.is_some()), enriched, "{name}");
    }
}

#[test]
#[ignore = "needs SPOTTER_DATA"]
fn lists_and_texts_of_tests_agree() {
    let folder = data();
    let old = load_file(&folder.join("swebench_lite_test_hf2024.jsonl.zst")).expect("it is sound");
    let new = load_file(&folder.join("swebench_lite_test_2026-08.jsonl.zst")).expect("it is sound");
    let differ = old.iter().filter(|row| {
        let same = new.iter().find(|other| other.instance_id == row.instance_id).expect("the same ids");
        let sorted = |tests: &[String]| {
            let mut tests = tests.to_vec();
            tests.sort();
            tests
        };
        sorted(&same.pass_to_pass) != sorted(&row.pass_to_pass)
    });
    assert_eq!(differ.count(), 12);
}
