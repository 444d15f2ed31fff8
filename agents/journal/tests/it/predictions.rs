//! Which predictions a folder holds.

use std::fs;
use std::path::Path;

use journal::{CellDir, Prediction, read_predictions};

fn put(cell_dir: &CellDir, id: &str) {
    let prediction = Prediction {
        instance_id: id.to_owned(),
        model_name_or_path: "m".to_owned(),
        model_patch: Some("x".to_owned()),
        spoiled: false,
    };
    cell_dir.put_prediction(&prediction).unwrap();
}

/// Returns the ids, or the first line of why there are none.
fn ids(folder: &Path) -> Result<Vec<String>, String> {
    match read_predictions(folder) {
        Ok(found) => Ok(found.predictions.into_iter().map(|one| one.instance_id).collect()),
        Err(err) => Err(err.root_cause().to_string().lines().next().unwrap().replace(folder.to_str().unwrap(), "F")),
    }
}

#[test]
fn a_run_has_those_of_its_only_cell_and_a_cell_its_own() {
    let runs = tempfile::tempdir().unwrap();
    let (run, [one, other]) =
        (runs.path().join("run"), ["one", "other"].map(|cell| runs.path().join("run").join(cell)));
    let first = CellDir::create(runs.path(), "run", "one").unwrap();
    put(&first, "a");
    put(&first, "b");
    // A cell without a prediction is in no one's way.
    let second = CellDir::create(runs.path(), "run", "other").unwrap();
    second.ask(["a"]).unwrap();
    let both = Ok(vec!["a".to_owned(), "b".to_owned()]);
    assert_eq!([ids(&run), ids(&one)], [both.clone(), both.clone()]);
    assert_eq!(ids(&other), Err("it holds none".to_owned()));
    put(&second, "c");
    assert_eq!(ids(&run), Err("`F` has 2 cells with predictions".to_owned()));
    assert_eq!([ids(&one), ids(&other)], [both, Ok(vec!["c".to_owned()])]);
}

#[test]
fn a_folder_without_a_journal_has_its_file_or_the_only_one_below_it() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(ids(folder.path()), Err("`F` is not a run folder: it has no `preds.jsonl`".to_owned()));
    let write = |place: &str, id: &str| {
        let path = folder.path().join(place);
        fs::create_dir_all(&path).unwrap();
        let line = format!(r#"{{"instance_id": "{id}", "model_name_or_path": "m", "model_patch": "x"}}"#);
        fs::write(path.join("preds.jsonl"), line + "\n").unwrap();
    };
    write("one", "a");
    assert_eq!(ids(folder.path()), Ok(vec!["a".to_owned()]));
    write("two", "b");
    assert_eq!(ids(folder.path()), Err("`F` has 2 cells with predictions".to_owned()));
    write("", "c");
    assert_eq!(ids(folder.path()), Ok(vec!["c".to_owned()]));
}
