//! The cells of an evaluation: one for each model that made the patches.

use std::collections::HashSet;

use journal::{CellDir, Journal, Prediction, file_name};

use crate::config::digest;

/// Name of the cell of an evaluation.
const EVALUATE: &str = "evaluate";
/// Characters of a model's name in the name of a folder.
const NAMED: usize = 120;

/// The cell of a model.
#[derive(Debug, Clone)]
pub struct ModelCell {
    /// The model.
    pub model: String,
    /// Name of the cell.
    pub name: String,
    /// The folder.
    pub cell_dir: CellDir,
}

/// Returns the models of the predictions, in the order in which each comes first.
pub fn models(predictions: &[Prediction]) -> Vec<&str> {
    let mut models: Vec<&str> = Vec::new();
    for prediction in predictions {
        if !models.contains(&prediction.model_name_or_path.as_str()) {
            models.push(&prediction.model_name_or_path);
        }
    }
    models
}

/// Returns the name of each model's cell in a run: verdicts on two patches for one instance never share a folder.
///
/// The patches of a single model are in the cell `evaluate`, unless it holds another model's for one of the instances;
/// `is_word` says that they were made here, and go there in any case.
pub fn name_cells(journal: &Journal, models: &[&str], predictions: &[Prediction], is_word: bool) -> Vec<String> {
    let place = |name: &str| CellDir::of(journal, name);
    let ids: HashSet<&str> = predictions.iter().map(|one| one.instance_id.as_str()).collect();
    if let [model] = models
        && (is_word || !holds_another(&place(EVALUATE), model, |id| ids.contains(id)))
    {
        return vec![EVALUATE.to_owned()];
    }
    let mut names: Vec<String> = Vec::new();
    for model in models {
        let short: String = file_name(model).chars().take(NAMED).collect();
        let name = format!("{EVALUATE}+model={short}");
        let is_taken = names.iter().any(|taken| taken.eq_ignore_ascii_case(&name));
        match is_taken || holds_another(&place(&name), model, |_| true) {
            true => names.push(format!("{name}-{}", digest(&[model]))),
            false => names.push(name),
        }
    }
    names
}

/// Returns whether a cell holds a prediction by another model for an instance that `wanted` names.
fn holds_another(cell_dir: &CellDir, model: &str, wanted: impl Fn(&str) -> bool) -> bool {
    cell_dir.predictions().iter().any(|one| one.model_name_or_path != model && wanted(&one.instance_id))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prediction((id, model): (&str, &str)) -> Prediction {
        Prediction {
            instance_id: id.to_owned(),
            model_name_or_path: model.to_owned(),
            model_patch: Some("x".to_owned()),
            spoiled: false,
        }
    }

    /// Returns the names of the cells for predictions, in a run whose cells hold others.
    fn names(held: &[(&str, (&str, &str))], new: &[(&str, &str)], is_word: bool) -> Vec<String> {
        let folder = tempfile::tempdir().unwrap();
        let journal = Journal::open(&folder.path().join("run")).unwrap();
        for (cell, one) in held {
            CellDir::create_in(&journal, cell).unwrap().put_prediction(&prediction(*one)).unwrap();
        }
        let predictions: Vec<Prediction> = new.iter().copied().map(prediction).collect();
        name_cells(&journal, &models(&predictions), &predictions, is_word)
    }

    #[test]
    fn the_patches_of_one_model_are_in_one_cell_unless_another_one_has_patches_for_them_there() {
        assert_eq!(names(&[], &[("a", "m"), ("b", "m")], false), ["evaluate"]);
        assert_eq!(names(&[("evaluate", ("a", "m"))], &[("a", "m")], false), ["evaluate"]);
        assert_eq!(names(&[("evaluate", ("b", "other"))], &[("a", "m")], false), ["evaluate"]);
        assert_eq!(names(&[("evaluate", ("a", "other"))], &[("a", "m")], false), ["evaluate+model=m"]);
        assert_eq!(names(&[("evaluate", ("a", "other"))], &[("a", "m")], true), ["evaluate"]);
    }

    #[test]
    fn each_model_has_a_cell_of_its_own_however_alike_the_names_are() {
        let two = [("a", "m"), ("b", "n"), ("c", "m")];
        assert_eq!(names(&[], &two, false), ["evaluate+model=m", "evaluate+model=n"]);
        // Folders of some file systems are the same in upper and lower case, or once a slash is replaced.
        for alike in [["m", "M"], ["a/b", "a__b"]] {
            let found = names(&[], &alike.map(|model| ("a", model)), false);
            let [one, other] = found.as_slice() else { panic!("{found:?}") };
            assert!(other.starts_with("evaluate+model=") && other.len() > one.len() + 8, "{found:?}");
        }
        // A cell that another model's patches are in is not used, whichever instances they are for.
        let found = names(&[("evaluate+model=m", ("z", "another"))], &two, false);
        assert!(found[0].starts_with("evaluate+model=m-") && found[1] == "evaluate+model=n", "{found:?}");
        assert_eq!(names(&[("evaluate+model=m", ("z", "m"))], &two, false)[0], "evaluate+model=m");
    }
}
