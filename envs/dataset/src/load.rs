//! Rows of a source, whichever it is.

use std::collections::HashMap;
use std::path::Path;

use crate::hub::{self, HubSettings};
use crate::json::text;
use crate::parquet::rows;
use crate::shards::{self, Shards};
use crate::{ColumnNames, DatasetError, Row, Source};

/// Returns the rows of a source, whose columns go by these names.
///
/// # Errors
/// [`DatasetError`]; a row that does not parse is named by file, line and, where it is known, instance.
pub async fn load(source: &Source, names: &ColumnNames, settings: &HubSettings) -> Result<Vec<Row>, DatasetError> {
    match source {
        Source::Path { path, split } => load_split(path, split.as_deref(), names),
        Source::Hub(dataset) => {
            let download = hub::download(dataset, settings).await?;
            load_files(download.files.iter().map(|path| path.as_path()), names)
        }
    }
}

/// Returns the rows of a `.jsonl`, `.json` or `.parquet` file or of a folder of such, each also as `.zst`.
///
/// # Errors
/// [`DatasetError`]; a row that does not parse is named by file, line and, where it is known, instance.
pub fn load_path(path: &Path, split: Option<&str>) -> Result<Vec<Row>, DatasetError> {
    load_split(path, split, &ColumnNames::default())
}

fn load_split(path: &Path, split: Option<&str>, names_of_columns: &ColumnNames) -> Result<Vec<Row>, DatasetError> {
    if !path.is_dir() {
        return load_files([path], names_of_columns);
    }
    let io = |source| DatasetError::Io { path: path.to_owned(), source };
    let names = Shards::of_folder(path).map_err(io)?.choose(split);
    let names = names.map_err(|reason| DatasetError::NotFound(format!("`{}` {reason}", path.display())))?;
    if !shards::complete(&names) {
        let reason = format!("has {} of the files that their names count", names.len());
        return Err(DatasetError::Malformed { place: format!("`{}`", path.display()), reason });
    }
    let files: Vec<_> = names.iter().map(|name| path.join(name)).collect();
    load_files(files.iter().map(|path| path.as_path()), names_of_columns)
}

/// Returns the rows of one file, or of a folder that holds one split.
///
/// # Errors
/// As [`load_path`].
pub fn load_file(path: &Path) -> Result<Vec<Row>, DatasetError> {
    load_path(path, None)
}

/// Returns the rows of several files, of which no two may have the same id.
fn load_files<'a>(files: impl IntoIterator<Item = &'a Path>, columns: &ColumnNames) -> Result<Vec<Row>, DatasetError> {
    let mut rows: Vec<Row> = Vec::new();
    let mut seen: HashMap<String, String> = HashMap::new();
    for path in files {
        let name = path.display().to_string();
        let stem = path.to_string_lossy();
        let stem = stem.strip_suffix(".zst").unwrap_or(&stem);
        let read = if stem.ends_with(".parquet") {
            rows::read(path, &name, columns)?
        } else {
            text::read_file(path, &name, columns)?
        };
        for (index, row) in read.iter().enumerate() {
            let place = format!("`{name}`, row {}", index + 1);
            if let Some(first) = seen.insert(row.instance_id.to_lowercase(), place.clone()) {
                let reason = format!("instance_id `{}` was used by {first} already", row.instance_id);
                return Err(DatasetError::Malformed { place, reason });
            }
        }
        rows.extend(read);
    }
    Ok(rows)
}
