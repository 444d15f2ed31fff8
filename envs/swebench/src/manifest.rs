//! A dataset of SWE-bench's shape, as its manifest describes it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use dataset::{ColumnNames, KnownDataset, Row, Source};
use env_core::Dialect;
use grading::read_given;
use images::ImageScheme;
use serde::Deserialize;

use crate::manifest_error::ManifestError;
use crate::rules::Rules;
use crate::spec_sets::{check_specs, load_specs};

/// A dataset of SWE-bench's shape, as its manifest describes it.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// The name that the dataset goes by.
    pub name: String,
    /// Other names.
    #[serde(default)]
    pub aliases: Vec<String>,
    /// The name of the environment: that of the dataset whose rules these are. Default: the name itself.
    #[serde(default)]
    kind: Option<String>,
    /// Where the rows are on the hub.
    #[serde(default)]
    hub: Option<Hub>,
    /// The same dataset under other ids, which are names of it as well.
    #[serde(default)]
    mirrors: Vec<Hub>,
    /// A file or folder with the rows, seen from the manifest; in place of `hub`.
    #[serde(default)]
    rows: Option<PathBuf>,
    /// The official harness that verdicts on its rows must equal.
    pub dialect: Dialect,
    /// The same for rows that bring an evaluation script. Default: as `dialect`.
    #[serde(default)]
    script_dialect: Option<Dialect>,
    /// How its images are named.
    pub images: ImageScheme,
    /// How the tests of its repositories are run where a row does not say: the names of sets that ship with the
    /// project, and files beside the manifest, which end in `.yaml`. Later ones win.
    #[serde(default)]
    specs: Vec<String>,
    /// Columns that it names otherwise: its names by the usual ones.
    #[serde(default)]
    columns: BTreeMap<String, String>,
    /// Owners of its repositories, by which an instance's id tells that it is of this dataset.
    #[serde(default)]
    pub owners: Vec<String>,
    /// The file that it was read from.
    #[serde(skip)]
    file: PathBuf,
    /// What `columns` says.
    #[serde(skip)]
    column_names: ColumnNames,
}

/// A dataset on the hub.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Hub {
    /// `<owner>/<name>`.
    id: String,
    /// A commit, a branch or a tag. Default `main`.
    #[serde(default = "main")]
    revision: String,
    /// The split that is taken when none is named.
    #[serde(default)]
    split: Option<String>,
}

fn main() -> String {
    "main".to_owned()
}

impl Manifest {
    /// Reads a manifest; `file` is where its text is from.
    ///
    /// # Errors
    /// [`ManifestError`], which names the file, the line and the key, and the nearest known one.
    pub fn parse(text: &str, file: &Path) -> Result<Self, ManifestError> {
        let wrong = |key: &str, reason: String| ManifestError::at_key(file, text, key, reason);
        let mut manifest: Self = serde_yaml::from_str(text).map_err(|err| ManifestError::of_yaml(file, text, &err))?;
        manifest.column_names = ColumnNames::new(manifest.columns.clone())
            .map_err(|unknown| ManifestError::unknown(file, text, "column", &unknown, &ColumnNames::USUAL))?;
        file.clone_into(&mut manifest.file);
        match (&manifest.hub, &manifest.rows) {
            (Some(_), None) | (None, Some(_)) => {}
            (None, None) => return Err(wrong("name", "it names neither `hub` nor `rows`".to_owned())),
            (Some(_), Some(_)) => return Err(wrong("rows", "it names both `hub` and `rows`".to_owned())),
        }
        if manifest.name.trim().is_empty() {
            return Err(wrong("name", "`name` is empty".to_owned()));
        }
        check_specs(&manifest.specs, file, text)?;
        Ok(manifest)
    }

    /// Reads the manifest in a file.
    ///
    /// # Errors
    /// As [`Manifest::parse`], and when the file cannot be read.
    pub fn load(file: &Path) -> Result<Self, ManifestError> {
        let text = read_given(file).map_err(|err| ManifestError::of_file(file, format!("{err:#}")))?;
        let text = text.ok_or_else(|| ManifestError::of_file(file, "there is no such file"))?;
        Self::parse(&text, file)
    }

    /// Returns the name of the environment, a value of `env.kind`.
    pub fn kind(&self) -> &str {
        self.kind.as_deref().unwrap_or(&self.name)
    }

    /// Returns the dialect of rows that bring an evaluation script.
    pub fn script_dialect(&self) -> Dialect {
        self.script_dialect.unwrap_or(self.dialect)
    }

    /// Returns how its columns are named.
    pub fn columns(&self) -> &ColumnNames {
        &self.column_names
    }

    /// Returns how its instances are run and judged.
    ///
    /// # Errors
    /// [`ManifestError`] when one of its specs is broken.
    pub fn rules(&self) -> Result<Rules, ManifestError> {
        Ok(Rules {
            image_scheme: self.images,
            scripted: self.script_dialect(),
            plain: self.dialect,
            specs: load_specs(&self.specs, &self.file)?,
        })
    }

    /// Returns the names by which it is found on the hub.
    pub(crate) fn known(&self) -> impl Iterator<Item = KnownDataset> {
        let known = |hub: &Hub, name: Option<&String>| KnownDataset {
            name: name.cloned(),
            aliases: name.map_or_else(Vec::new, |_| self.aliases.clone()),
            id: hub.id.clone(),
            split: hub.split.clone(),
            revision: hub.revision.clone(),
        };
        self.hub
            .iter()
            .map(move |hub| known(hub, Some(&self.name)))
            .chain(self.mirrors.iter().map(move |hub| known(hub, None)))
    }

    /// Returns whether rows from `source` are its rows.
    pub(crate) fn is_at(&self, source: &Source) -> bool {
        let Source::Hub(dataset) = source else { return false };
        self.hub.iter().chain(&self.mirrors).any(|hub| hub.id.eq_ignore_ascii_case(&dataset.id))
    }

    /// Returns where its rows are; `rest` is what a user wrote after its name: `:<split>`, `@<revision>` or nothing.
    ///
    /// # Errors
    /// [`dataset::DatasetError`] when `rest` is neither.
    pub(crate) fn source(&self, rest: &str) -> Result<Source, dataset::DatasetError> {
        let Some(rows) = &self.rows else {
            let known: Vec<KnownDataset> = self.known().collect();
            return Source::parse(&format!("{}{rest}", self.name), &known);
        };
        let path = self.file.parent().unwrap_or(Path::new("")).join(rows);
        let split = rest.strip_prefix(':').filter(|split| !split.is_empty()).map(str::to_owned);
        Ok(Source::Path { path, split })
    }

    /// Returns whether all of these rows, of which there must be any, are of repositories of its owners.
    pub(crate) fn owns_all(&self, rows: &[Row]) -> bool {
        !rows.is_empty() && rows.iter().all(|row| self.owns(row.repo.split('/').next().unwrap_or_default()))
    }

    /// Returns whether an owner of a repository, in any case, is one of its owners.
    pub(crate) fn owns(&self, owner: &str) -> bool {
        self.owners.iter().any(|own| own.eq_ignore_ascii_case(owner))
    }
}
