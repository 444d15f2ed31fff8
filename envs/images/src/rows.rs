//! Rows for images that were made here.

use dataset::Row;
use env_core::Dialect;
use grading::{Specs, eval_script};
use serde_json::{Map, Value, json};

use crate::build::ImageResult;
use crate::source::{Source, Sources};

/// Returns, as JSON lines, the rows of the images that are there, each with its image and the commit that is in it.
///
/// A row whose repository has a spec laid over the embedded ones, or whose commit is another, gets an evaluation script
/// of its own; one on a source package without the install command, which would need the network.
///
/// # Errors
/// When no such script can be made.
pub fn rows_of_images(
    rows: &[Row],
    made: &[ImageResult],
    (specs, over): (&Specs, &Specs),
    sources: &Sources,
    dialect: Dialect,
) -> anyhow::Result<String> {
    let mut text = String::new();
    for row in rows {
        let of_row = |made: &&ImageResult| made.instance_id.as_ref() == Some(&row.instance_id);
        let Some((made, commit)) = made.iter().find(of_row).and_then(|made| Some((made, made.base_commit.as_ref()?)))
        else {
            continue;
        };
        let mut row = row.clone();
        row.image = Some(made.image.clone());
        let is_other = *commit != row.base_commit;
        row.base_commit.clone_from(commit);
        if is_other || (row.eval_script.is_none() && over.find(&row.repo, &row.version).is_ok()) {
            let mut spec = specs.find(&row.repo, &row.version).map_err(anyhow::Error::msg)?.clone();
            if matches!(sources.of(&row)?, Source::Sdist { .. }) {
                spec.install = None;
            }
            let script = eval_script(&row.instance(), &row.test_patch, &spec, dialect);
            row.eval_script = Some(script.map_err(anyhow::Error::msg)?);
        }
        text.push_str(&serde_json::to_string(&columns(&row))?);
        text.push('\n');
    }
    Ok(text)
}

/// Returns the columns of a row as datasets have them.
fn columns(row: &Row) -> Map<String, Value> {
    let columns = json!({
        "instance_id": row.instance_id,
        "repo": row.repo,
        "base_commit": row.base_commit,
        "patch": row.patch,
        "test_patch": row.test_patch,
        "problem_statement": row.problem_statement,
        "hints_text": row.hints_text,
        "created_at": row.created_at,
        "version": row.version,
        "FAIL_TO_PASS": row.fail_to_pass,
        "PASS_TO_PASS": row.pass_to_pass,
        "environment_setup_commit": row.environment_setup_commit,
        "image": row.image,
        "eval_script": row.eval_script,
        "log_parser": row.log_parser,
        "eval_type": row.eval_type,
    });
    match columns {
        Value::Object(columns) => columns.into_iter().filter(|(_, value)| !value.is_null()).collect(),
        _ => Map::new(),
    }
}
