//! What starts the processes that work on a sweep.

use env_core::nearest;
use serde::de::Error;
use serde::{Deserialize, Deserializer};
use serde_yaml::Value;

use super::amounts;

/// More processes than any site lets one user start.
const MOST_PILOTS: u32 = 10_000;

/// What starts the processes that work on a sweep.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EngineKind {
    /// The command itself works on it.
    #[default]
    Local,
    /// An array of jobs of Slurm.
    Slurm,
    /// Jobs of a Ray cluster that runs.
    Ray,
    /// An array of tasks of HyperQueue.
    Hyperqueue,
    /// An indexed job of Kubernetes.
    Kubernetes,
}

impl EngineKind {
    /// All of them, by the names that a file and the command line have for them.
    pub const NAMES: [(&str, Self); 5] = [
        ("local", Self::Local),
        ("slurm", Self::Slurm),
        ("ray", Self::Ray),
        ("hyperqueue", Self::Hyperqueue),
        ("kubernetes", Self::Kubernetes),
    ];

    /// Returns the one of a name.
    pub fn named(name: &str) -> Option<Self> {
        Self::NAMES.into_iter().find(|(known, _)| *known == name).map(|(_, kind)| kind)
    }
}

/// Which engine it is, and what it is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EngineSpec {
    /// Which.
    pub kind: EngineKind,
    /// How many processes work on the sweep, each on `workers` episodes at once; by default one for each node of a Ray
    /// cluster, and 4 elsewhere.
    pub pilots: Option<u32>,
    /// How long each of the processes may run, as Slurm writes times.
    #[serde(deserialize_with = "time")]
    pub time: Option<String>,
    /// Cores of each.
    pub cpus: Option<u32>,
    /// Memory of each, as Slurm writes sizes.
    pub memory: Option<String>,
    /// Lines of shell that each runs first, such as `module load git`.
    pub setup: Vec<String>,
    /// Further options of `sbatch` or `hq submit`.
    pub options: Vec<String>,
    /// How often in a row, with no result in between, the processes are started again when all have ended too soon.
    pub resubmit: u32,
    /// How often one of them is started again that has died; Slurm does so by rules of its own.
    pub restarts: u32,
    /// The partition of Slurm; by default the site's.
    pub partition: Option<String>,
    /// The account of Slurm; by default the user's.
    pub account: Option<String>,
    /// What only Ray is asked for.
    pub ray: RaySpec,
    /// What only Kubernetes is asked for.
    pub kubernetes: KubernetesSpec,
}

/// What only Ray is asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RaySpec {
    /// Address of the cluster's dashboard; by default the environment's, or `http://127.0.0.1:8265`.
    pub address: Option<String>,
}

/// What only Kubernetes is asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KubernetesSpec {
    /// The image of the processes, with the program in it.
    pub image: Option<String>,
    /// The program in the image. Default `spotter`.
    pub program: Option<String>,
    /// The claim of a persistent volume that holds the working folder and the run.
    pub claim: Option<String>,
    /// Where the volume is mounted; by default the working folder.
    pub mount: Option<String>,
    /// The namespace; by default that of the client's context.
    pub namespace: Option<String>,
    /// The service account; by default the namespace's.
    pub service_account: Option<String>,
    /// A secret whose entries become variables of the environment, such as the keys of models.
    pub secret: Option<String>,
}

impl Default for EngineSpec {
    fn default() -> Self {
        Self {
            kind: EngineKind::Local,
            pilots: None,
            time: None,
            cpus: None,
            memory: None,
            setup: Vec::new(),
            options: Vec::new(),
            resubmit: 3,
            restarts: 4,
            partition: None,
            account: None,
            ray: RaySpec::default(),
            kubernetes: KubernetesSpec::default(),
        }
    }
}

/// Reads an engine: its name, or its keys. Errors begin with the path of the key that is wrong.
pub(super) fn engine<'de, D: Deserializer<'de>>(deserializer: D) -> Result<EngineSpec, D::Error> {
    match Value::deserialize(deserializer)? {
        Value::String(name) => {
            let kind = EngineKind::named(&name).ok_or_else(|| {
                let hint = match nearest(&name, EngineKind::NAMES.map(|(name, _)| name)) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => format!(
                        "it takes {}, or keys",
                        EngineKind::NAMES.map(|(name, _)| format!("`{name}`")).join(", ")
                    ),
                };
                D::Error::custom(format!("there is no engine `{name}`\nhint: {hint}"))
            })?;
            Ok(EngineSpec { kind, ..EngineSpec::default() })
        }
        other => serde_path_to_error::deserialize(other).map_err(|err| {
            let (path, err) = (err.path().to_string(), err.into_inner());
            D::Error::custom(if path == "." { err.to_string() } else { format!("{path}: {err}") })
        }),
    }
}

fn time<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged, expecting = "a time, such as \"4:00:00\", or a number of minutes")]
    enum Time {
        Minutes(u64),
        Text(String),
    }
    Ok(Option::<Time>::deserialize(deserializer)?.map(|time| match time {
        Time::Minutes(minutes) => minutes.to_string(),
        Time::Text(text) => text,
    }))
}

impl EngineSpec {
    /// Returns the key that is wrong, and why.
    pub(super) fn wrong(&self) -> Option<(&'static str, &'static str)> {
        let (ray, kubernetes) = (&self.ray, &self.kubernetes);
        let words = [
            ("partition", &self.partition),
            ("account", &self.account),
            ("kubernetes.image", &kubernetes.image),
            ("kubernetes.claim", &kubernetes.claim),
            ("kubernetes.namespace", &kubernetes.namespace),
            ("kubernetes.service_account", &kubernetes.service_account),
            ("kubernetes.secret", &kubernetes.secret),
        ];
        let is_word = |text: &String| !text.is_empty() && !text.contains(|c: char| c.is_whitespace() || c == '"');
        let is_line = |text: &String| !text.contains(['\n', '\r']);
        let is_option = |text: &String| text.starts_with('-') && is_line(text);
        let is_address = |text: &String| text.starts_with("http://") || text.starts_with("https://");
        let checks = [
            (self.pilots.is_none_or(|pilots| (1..=MOST_PILOTS).contains(&pilots)), "pilots", "must be from 1 to 10000"),
            (
                self.time.is_none() || self.seconds().is_some_and(|seconds| seconds >= 60),
                "time",
                "must be a time in Slurm's format, at least a minute\nhint: write \"4:00:00\" for four hours, \"30\" \
                for 30 minutes, \"2-12\" for two and a half days",
            ),
            (self.cpus.is_none_or(|cpus| (1..=10_000).contains(&cpus)), "cpus", "must be from 1 to 10000"),
            (
                self.memory.is_none() || self.megabytes().is_some(),
                "memory",
                "must be a size in Slurm's format\nhint: as in `8G`; without a letter it is megabytes",
            ),
            (self.restarts <= 1000, "restarts", "must be from 0 to 1000"),
            (self.setup.iter().all(is_line), "setup", "must be lines of shell, one in each text"),
            (
                self.options.iter().all(is_option),
                "options",
                "must be options of `sbatch` or `hq submit`, one in each text\nhint: as in `[\"--gres=gpu:1\"]`",
            ),
            (
                ray.address.as_ref().is_none_or(is_address),
                "ray.address",
                "must be the address of the cluster's dashboard\nhint: as in `http://127.0.0.1:8265`",
            ),
            (
                kubernetes.mount.as_ref().is_none_or(|mount| mount.starts_with('/')),
                "kubernetes.mount",
                "must be an absolute path",
            ),
        ];
        let word = words.into_iter().find(|(_, text)| text.as_ref().is_some_and(|text| !is_word(text)));
        let word = word.map(|(key, _)| (key, "must be a name without spaces"));
        word.or_else(|| checks.into_iter().find(|(is_right, ..)| !is_right).map(|(_, key, why)| (key, why)))
            .or_else(|| self.lacking())
    }

    /// Returns the key that the engine needs and the file lacks.
    fn lacking(&self) -> Option<(&'static str, &'static str)> {
        let KubernetesSpec { image, claim, .. } = &self.kubernetes;
        match self.kind {
            EngineKind::Kubernetes if image.is_none() => Some((
                "kubernetes.image",
                "is missing\nhint: name the image of the processes, which has the program in it",
            )),
            EngineKind::Kubernetes if claim.is_none() => Some((
                "kubernetes.claim",
                "is missing\nhint: name the claim of a persistent volume that holds the working folder and the run",
            )),
            _ => None,
        }
    }

    /// Returns the time limit.
    pub fn seconds(&self) -> Option<u64> {
        amounts::seconds(self.time.as_deref()?)
    }

    /// Returns the memory, in units of 1024 × 1024 bytes.
    pub fn megabytes(&self) -> Option<u64> {
        amounts::megabytes(self.memory.as_deref()?)
    }
}
