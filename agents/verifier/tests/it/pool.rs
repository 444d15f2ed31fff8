//! Episodes of a run as scorers see them.

use grading::read_prediction;
use journal::{CellDir, Import, Imported, ImportedEpisode, Journal, Judged, Prediction, Run, Subject};
use verifier::{First, Pool, picks};

const DIFF: &str = "diff --git a/a.py b/a.py\n--- a/a.py\n+++ b/a.py\n@@ -1 +1 @@\n-x\n+";

/// The header of a trajectory, which names its maker, a message with another program's verdict beside, and an answer.
const RECORDS: &str = concat!(
    r#"{"type":"header","version":1,"instance_id":"a__b-1","environment":"e","agent":"who","model":"which","config":"","#,
    r#""root":"/","sandbox":"s","isolated":false,"history_kept":false,"tools":[]}"#,
    "\n",
    r#"{"type":"message","step":0,"message":{"role":"user","content":"do"},"extra":{"resolved":true}}"#,
    "\n",
);

fn put(cell: &CellDir, sample: u32, instance_id: &str, patch: &str, resolved: Option<bool>) {
    let cell = cell.of_sample(sample);
    let prediction = Prediction {
        instance_id: instance_id.to_owned(),
        model_name_or_path: "who".to_owned(),
        model_patch: Some(patch.to_owned()),
        spoiled: false,
    };
    cell.put_prediction(&prediction).unwrap();
    let dir = cell.episode(instance_id).unwrap();
    let subject = Subject { patch: read_prediction(patch).digest(), judging: String::new(), image: None };
    if resolved.is_some() {
        let judged = Judged {
            subject,
            failure: None,
            infra: None,
            broken: None,
            trust: Default::default(),
            report: None,
            resolved,
            fail_to_pass: None,
            pass_to_pass: None,
        };
        cell.judge(&dir, instance_id, judged).unwrap();
    }
}

fn pool(folder: &std::path::Path) -> Pool {
    let cell = CellDir::create(folder, "run", "cell").unwrap();
    for (sample, resolved) in [(0, Some(false)), (1, None), (2, Some(true))] {
        put(&cell, sample, "a__b-1", &format!("{DIFF}{sample}\n"), resolved);
    }
    put(&cell, 0, "a__b-2", "", None);
    std::fs::write(cell.instance_path("a__b-1").join("trajectory.jsonl"), RECORDS).unwrap();
    let mut pool = Pool::default();
    pool.add(&Run::of(cell.journal()), &[]);
    pool
}

#[test]
fn verdicts_and_names_are_kept_from_scorers() {
    let folder = tempfile::tempdir().unwrap();
    let pool = pool(folder.path());
    let all = pool.map(|candidates| Ok(candidates.clone())).unwrap();
    let trajectories = all.iter().flat_map(|one| &one.candidates).filter(|one| one.trajectory.is_some()).count();
    assert_eq!(trajectories, 1);
    let seen = format!("{all:?}");
    for word in ["who", "which", "resolved", "cell"] {
        assert!(!seen.contains(word), "{word}: {seen}");
    }
}

#[test]
fn imported_candidates_are_in_the_order_in_which_they_were_imported() {
    let folder = tempfile::tempdir().unwrap();
    let journal = Journal::open(&folder.path().join("run")).unwrap();
    let mut import = Import::begin(&journal).unwrap();
    for (number, cell) in ["z", "a", "z", "m"].iter().enumerate() {
        let patch = format!("{DIFF}{number}\n");
        let imported = Imported {
            digest: patch.clone(),
            format: "made".to_owned(),
            place: format!("f:{number}"),
            record: Default::default(),
        };
        let prediction = Prediction {
            instance_id: "a__b-1".to_owned(),
            model_name_or_path: "who".to_owned(),
            model_patch: Some(patch),
            spoiled: false,
        };
        let episode = ImportedEpisode {
            instance_id: "a__b-1".to_owned(),
            imported,
            lines: Vec::new(),
            ended: None,
            prediction: Some(prediction),
            judged: None,
        };
        import.add(cell, episode).unwrap();
    }
    import.finish().unwrap();
    let mut pool = Pool::default();
    pool.add(&Run::open(&folder.path().join("run")).unwrap(), &[]);
    let cells: Vec<&str> = pool.instances().flat_map(|(_, members)| members).map(|one| one.cell.as_str()).collect();
    assert_eq!(cells, ["z", "a", "z", "m"]);
}

#[tokio::test]
async fn labels_and_scores_are_of_what_has_a_verdict() {
    let folder = tempfile::tempdir().unwrap();
    let mut pool = pool(folder.path());
    assert_eq!(
        pool.labels().into_iter().collect::<Vec<_>>(),
        [
            ("a__b-1".to_owned(), vec![false, true]),
            // What changes nothing resolves nothing.
            ("a__b-2".to_owned(), vec![false]),
        ]
    );
    let scores = pool.rate(&First).await.unwrap();
    assert_eq!(scores["a__b-1"].len(), 3);
    assert_eq!(pool.of_judged(&scores)["a__b-1"], [Some(1.0), Some(1.0 / 3.0)]);
    assert_eq!((pool.len(), pool.keep_judged(), pool.len()), (4, 1, 3));
}

#[tokio::test]
async fn the_picks_are_predictions_under_the_name_of_who_picked() {
    let folder = tempfile::tempdir().unwrap();
    let pool = pool(folder.path());
    let mut scores = pool.rate(&First).await.unwrap();
    scores.insert("a__b-1".to_owned(), vec![Some(0.1), Some(0.7), None]);
    let picked = picks(&pool, &scores, "best-of-3");
    assert_eq!(picked[0].patch_text(), format!("{DIFF}1\n"));
    assert_eq!(picked[1].patch_text(), "");
    assert!(picked.iter().all(|one| one.model_name_or_path == "best-of-3"));
}

#[tokio::test]
async fn a_damaged_record_is_told_by_file_and_line() {
    let folder = tempfile::tempdir().unwrap();
    let pool = pool(folder.path());
    let path = folder.path().join("run/cell/a__b-1/trajectory.jsonl");
    std::fs::write(&path, "{}\n{}\n").unwrap();
    let err = pool.rate(&First).await.unwrap_err().to_string();
    assert!(err.contains("trajectory.jsonl` is damaged: line 1"), "{err}");
}
