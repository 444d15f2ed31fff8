//! The datasets whose manifests ship with the project.

use std::path::{Path, PathBuf};

use dataset::{DatasetError, HubSettings, KnownDataset, Row, Source};
use grading::logs::Grader;
use include_dir::{Dir, include_dir};

use crate::manifest::Manifest;
use crate::manifest_error::{ManifestError, unknown};

static MANIFESTS: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/datasets");

/// The dataset whose rules hold for rows that nothing tells the dataset of.
const DEFAULT: &str = "swe-bench";

/// The datasets whose manifests ship with the project.
pub struct Datasets(Vec<Manifest>);

/// Why a dataset cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DatasetsError {
    /// Its rows cannot be had.
    #[error("dataset `{name}`")]
    Rows {
        /// The dataset, as it was named.
        name: String,
        /// Why.
        source: DatasetError,
    },
    /// A manifest is wrong.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// There is no environment of this kind.
    #[error("{0}")]
    Kind(String),
}

/// A dataset as a user has named it.
pub struct Reference {
    /// Where its rows are.
    pub source: Source,
    /// Its manifest, where it has one.
    pub manifest: Option<Manifest>,
}

/// The rows of a dataset, and the manifest that holds for them.
pub struct Loaded {
    /// The rows.
    pub rows: Vec<Row>,
    /// The dataset's own manifest, or that of the dataset whose rules hold for it.
    pub manifest: Manifest,
}

impl Datasets {
    /// Returns the datasets whose manifests ship with the project.
    ///
    /// # Errors
    /// [`ManifestError`] when one is broken, which the tests of this crate rule out.
    pub fn embedded() -> Result<Self, ManifestError> {
        let parse = |file: &include_dir::File<'static>| {
            Manifest::parse(file.contents_utf8().unwrap_or_default(), &PathBuf::from(file.path()))
        };
        let mut manifests = MANIFESTS.files().map(parse).collect::<Result<Vec<_>, _>>()?;
        manifests.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(Self(manifests))
    }

    /// Returns the manifests, by name.
    pub fn manifests(&self) -> &[Manifest] {
        &self.0
    }

    /// Returns the names of environments that manifests are of, each once.
    pub fn kinds(&self) -> Vec<String> {
        let mut kinds: Vec<String> = self.0.iter().map(|manifest| manifest.kind().to_owned()).collect();
        kinds.sort();
        kinds.dedup();
        kinds
    }

    /// Returns the dataset that an instance belongs to by the owner of its repository.
    pub fn of_instance(&self, instance_id: &str) -> &str {
        let owner = instance_id.split("__").next().unwrap_or_default();
        let owning = self.0.iter().find(|manifest| manifest.owns(owner));
        owning.map_or(DEFAULT, |manifest| &manifest.name)
    }

    /// Returns where the rows of a dataset are: a name, an id of the hub, a path to rows, or a path to a manifest, which
    /// ends in `.yaml`; the last may end in `:<split>` and `@<revision>` as well.
    ///
    /// # Errors
    /// [`DatasetsError`] when there is no such dataset or file, or the manifest is wrong.
    pub fn resolve(&self, dataset: &str) -> Result<Reference, DatasetsError> {
        if let Some((path, rest)) = manifest_path(dataset) {
            let manifest = Manifest::load(path)?;
            let source = manifest.source(rest).map_err(|source| rows_error(dataset, source))?;
            return Ok(Reference { source, manifest: Some(manifest) });
        }
        let known: Vec<KnownDataset> = self.0.iter().flat_map(Manifest::known).collect();
        let source = Source::parse(dataset, &known).map_err(|source| rows_error(dataset, source))?;
        let manifest = self.0.iter().find(|manifest| manifest.is_at(&source)).cloned();
        Ok(Reference { source, manifest })
    }

    /// Returns the rows of a dataset and the manifest that holds for them: that of the dataset `kind` where it is given,
    /// else its own, else the one that its name or the owners of its repositories tell.
    ///
    /// # Errors
    /// As [`Datasets::resolve`], and when the rows cannot be had or there is no such kind.
    pub async fn load(&self, dataset: &str, kind: Option<&str>, hub: &HubSettings) -> Result<Loaded, DatasetsError> {
        let Reference { source, manifest } = self.resolve(dataset)?;
        let columns = manifest.as_ref().map(|manifest| manifest.columns().clone()).unwrap_or_default();
        let rows = dataset::load(&source, &columns, hub).await.map_err(|source| rows_error(dataset, source))?;
        let manifest = match (kind, manifest) {
            (None, Some(manifest)) => manifest,
            (Some(kind), Some(manifest)) if manifest.kind() == kind => manifest,
            (Some(kind), _) => self.of_kind(kind)?.clone(),
            (None, None) => self.of_kind(self.kind_of(dataset, &rows))?.clone(),
        };
        Ok(Loaded { rows, manifest })
    }

    /// Returns the manifest that an environment is named after.
    ///
    /// # Errors
    /// [`DatasetsError::Kind`] with the nearest name.
    pub fn of_kind(&self, kind: &str) -> Result<&Manifest, DatasetsError> {
        let found = self.0.iter().find(|manifest| manifest.name == kind && manifest.kind() == kind);
        let known = self.kinds();
        let known: Vec<&str> = known.iter().map(String::as_str).collect();
        found.ok_or_else(|| DatasetsError::Kind(unknown("kind of environment", kind, &known)))
    }

    /// Returns the kind of a dataset without a manifest: by its name, else by the owners of its rows' repositories.
    fn kind_of(&self, dataset: &str, rows: &[Row]) -> &str {
        let dataset = dataset.to_lowercase();
        let told = |manifest: &&Manifest| !manifest.owners.is_empty();
        let named = self.0.iter().filter(told).find(|manifest| dataset.contains(manifest.kind()));
        let found = named.or_else(|| self.0.iter().filter(told).find(|manifest| manifest.owns_all(rows)));
        found.map_or(DEFAULT, Manifest::kind)
    }
}

impl Loaded {
    /// Adds what logs of each instance are judged by.
    ///
    /// # Errors
    /// [`ManifestError`] when the specs of the manifest are broken.
    pub fn add_to(self, grader: &mut Grader) -> Result<(), ManifestError> {
        let rules = self.manifest.rules()?;
        for row in self.rows {
            let (instance, answers) = row.into_parts();
            grader.add(&instance.instance_id, &instance.repo, rules.grading(&instance, &answers, None));
        }
        Ok(())
    }
}

fn rows_error(name: &str, source: DatasetError) -> DatasetsError {
    DatasetsError::Rows { name: name.to_owned(), source }
}

/// Splits `<path>.yaml:<split>` into the path and the rest; `None` for what names no manifest.
fn manifest_path(dataset: &str) -> Option<(&Path, &str)> {
    let end = [".yaml", ".yml"].iter().filter_map(|ending| Some(dataset.rfind(ending)? + ending.len())).max()?;
    let (path, rest) = dataset.split_at_checked(end)?;
    (rest.is_empty() || rest.starts_with([':', '@'])).then_some((Path::new(path), rest))
}
