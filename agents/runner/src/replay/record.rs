//! Finds the record of an episode by the name that the user gives.

use std::fs;
use std::path::{Path, PathBuf};

use agent_core::{ExitStatus, Header, Parent, Trajectory};
use anyhow::{Context, anyhow, bail};
use env_core::nearest;
use journal::{file_name, read_text};

const TRAJECTORY: &str = "trajectory.jsonl";
const CONFIG: &str = "config.yaml";
/// How many episodes are named where a name fits several.
const NAMED: usize = 8;

/// The record of an episode in the folder of a run.
#[derive(Debug, Clone)]
pub struct RecordedEpisode {
    /// The run.
    pub run: String,
    /// The cell.
    pub cell: String,
    /// The instance.
    pub instance_id: String,
    /// Which of the episodes of one agent on one instance, from 0.
    pub sample: u32,
    /// The folder of the episode.
    pub folder: PathBuf,
    /// The record.
    pub trajectory: Trajectory,
    /// What it ran with.
    pub header: Header,
}

/// Where an episode is: its cell, the folder's name of its instance, and its sample.
#[derive(Debug, Clone)]
struct Place {
    cell: String,
    instance: String,
    sample: u32,
    folder: PathBuf,
}

/// Returns the episode that `name` names in the folder of all runs: `RUN/CELL/ID[/SAMPLE]`, less where no other episode
/// of the run fits that, as in `RUN/ID[/SAMPLE]` or `RUN`, or the path of its folder.
///
/// # Errors
/// When there is none, with the nearest run, cell or instance; when there are several; when the record is damaged.
pub fn find(runs: &Path, name: &str) -> anyhow::Result<RecordedEpisode> {
    let path = Path::new(name);
    let given = if path.ends_with(TRAJECTORY) { path.parent().unwrap_or(path) } else { path };
    if given.join(TRAJECTORY).is_file() {
        return read(given, None);
    }
    let (run, rest) = name.trim_matches('/').split_once('/').unwrap_or((name, ""));
    let folder = runs.join(file_name(run));
    if run.is_empty() || !folder.is_dir() {
        let (runs, known) = (runs.display(), folders(runs));
        bail!("there is no run `{run}` in `{runs}`, and no episode in a folder `{name}`{}", hint(run, &known))
    }
    let places = places(&folder);
    let fitting: Vec<&Place> = places.iter().filter(|place| place.fits(rest)).collect();
    match fitting.as_slice() {
        [place] => read(&place.folder, Some((run, place))),
        [] => Err(missing(run, rest, &places)),
        several => {
            let named = several.iter().take(NAMED).map(|place| format!("`{run}/{}`", place.name()));
            let named = named.collect::<Vec<_>>().join(", ");
            bail!("`{name}` names {} episodes\nhint: name one, such as {named}", several.len())
        }
    }
}

impl Place {
    /// Returns whether what is after the run's name means this episode.
    fn fits(&self, rest: &str) -> bool {
        let parts: Vec<String> = rest.split('/').filter(|part| !part.is_empty()).map(file_name).collect();
        let sample = self.sample.to_string();
        let has = |wanted: &[&str]| parts.iter().map(String::as_str).eq(wanted.iter().copied());
        let (cell, instance) = (self.cell.as_str(), self.instance.as_str());
        has(&[])
            || has(&[cell])
            || has(&[cell, instance, &sample])
            || has(&[instance, &sample])
            || (self.sample == 0 && (has(&[cell, instance]) || has(&[instance])))
    }

    fn name(&self) -> String {
        let name = format!("{}/{}", self.cell, self.instance);
        if self.sample == 0 { name } else { format!("{name}/{}", self.sample) }
    }
}

impl RecordedEpisode {
    /// Returns its name, as [`find`] takes it.
    pub fn name(&self) -> String {
        let name = format!("{}/{}/{}", self.run, self.cell, self.instance_id);
        if self.sample == 0 { name } else { format!("{name}/{}", self.sample) }
    }

    /// Returns the path of the record.
    pub fn path(&self) -> PathBuf {
        self.folder.join(TRAJECTORY)
    }

    /// Returns the folder of its run, where it is in one.
    pub fn run_folder(&self) -> Option<PathBuf> {
        self.folder.ancestors().nth(if self.sample == 0 { 2 } else { 3 }).map(Path::to_owned)
    }

    /// Returns the layers of configuration that it was made with: its cell's, and over it what its own header says.
    pub fn layers(&self) -> Vec<String> {
        let cell = self.folder.ancestors().nth(if self.sample == 0 { 1 } else { 2 });
        // A sample may have been made with settings of its own.
        let names = [format!("config.{}.yaml", self.sample), CONFIG.to_owned()];
        let config = cell.and_then(|cell| names.iter().map(|name| cell.join(name)).find(|path| path.is_file()));
        let file = config.map(|path| path.display().to_string());
        let settings = self.header.origin.settings.as_object();
        let own = settings.into_iter().flatten().map(|(key, value)| format!("{key}={value}"));
        file.into_iter().chain(own).collect()
    }

    /// Returns the episode whose first steps it has, if it began so.
    pub fn parent(&self) -> Option<&Parent> {
        self.header.origin.parent.as_ref()
    }

    /// Returns whether the agent ended it, and no limit and no failure did.
    pub(crate) fn has_ended_itself(&self) -> bool {
        let outcome = self.trajectory.outcome();
        outcome.is_some_and(|outcome| matches!(outcome.exit_status, ExitStatus::Submitted | ExitStatus::GaveUp(_)))
    }
}

/// Reads the record in a folder; its place goes by the folder's path where it is not known.
fn read(folder: &Path, known: Option<(&str, &Place)>) -> anyhow::Result<RecordedEpisode> {
    let path = folder.join(TRAJECTORY);
    let shown = path.display();
    let text = read_text(&path)?.with_context(|| format!("there is no `{shown}`"))?;
    let trajectory = Trajectory::parse(&text).map_err(|err| anyhow!("`{shown}` is damaged: {err}"))?;
    let header = trajectory.header().cloned().with_context(|| format!("`{shown}` has no header"))?;
    if trajectory.completions().next().is_none() {
        bail!("`{shown}` has no answers, so there is nothing to replay");
    }
    let folder = fs::canonicalize(folder).with_context(|| format!("cannot read `{}`", folder.display()))?;
    let instance_id = header.instance_id.clone();
    let names: Vec<String> = folder
        .ancestors()
        .take(4)
        .map(|path| path.file_name().unwrap_or_default().to_string_lossy().into_owned())
        .collect();
    let name = |at: usize| names.get(at).cloned().unwrap_or_default();
    let of_sample = name(0).parse().ok().filter(|_| name(1) == file_name(&instance_id));
    let (run, cell, sample) = match (known, of_sample) {
        (Some((run, place)), _) => (run.to_owned(), place.cell.clone(), place.sample),
        (None, Some(sample)) => (name(3), name(2), sample),
        (None, None) => (name(2), name(1), 0),
    };
    Ok(RecordedEpisode { run, cell, instance_id, sample, folder, trajectory, header })
}

/// Returns the episodes in the folder of a run.
fn places(run: &Path) -> Vec<Place> {
    let mut found = Vec::new();
    for cell in folders(run) {
        let of_cell = run.join(&cell);
        for instance in folders(&of_cell) {
            let of_instance = of_cell.join(&instance);
            let samples = folders(&of_instance).into_iter();
            let samples = samples.filter_map(|name| Some((name.parse().ok()?, of_instance.join(&name))));
            for (sample, folder) in std::iter::once((0, of_instance.clone())).chain(samples) {
                if folder.join(TRAJECTORY).is_file() {
                    found.push(Place { cell: cell.clone(), instance: instance.clone(), sample, folder });
                }
            }
        }
    }
    found
}

/// Returns the names of the folders in a folder, in order.
fn folders(path: &Path) -> Vec<String> {
    let entries = fs::read_dir(path).into_iter().flatten().flatten().filter(|entry| entry.path().is_dir());
    let mut names: Vec<String> = entries.filter_map(|entry| entry.file_name().into_string().ok()).collect();
    names.sort();
    names
}

/// Says what of a name does not fit, with the nearest that does.
fn missing(run: &str, rest: &str, places: &[Place]) -> anyhow::Error {
    if places.is_empty() {
        return anyhow!("the run `{run}` holds no record of an episode");
    }
    let names: Vec<String> = places.iter().flat_map(|place| [place.name(), short(place)]).collect();
    anyhow!("the run `{run}` holds no episode `{rest}`{}", hint(rest, &names))
}

/// Returns the name of an episode without its cell.
fn short(place: &Place) -> String {
    if place.sample == 0 { place.instance.clone() } else { format!("{}/{}", place.instance, place.sample) }
}

/// Returns a hint that names the nearest of these, or some where none is near.
fn hint(wrong: &str, known: &[String]) -> String {
    match nearest(wrong, known.iter().map(String::as_str)) {
        Some(near) => format!("\nhint: did you mean `{near}`?"),
        None if known.is_empty() => String::new(),
        None => {
            let named = known.iter().take(NAMED).map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
            format!("\nhint: there are {named}")
        }
    }
}
