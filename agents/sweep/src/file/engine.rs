//! What starts the processes that work on a sweep.

use serde::{Deserialize, Deserializer};
use serde_yaml::Value;

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
}

/// Which engine it is, and what it is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EngineSpec {
    /// Which.
    pub kind: EngineKind,
    /// How many processes work on the sweep, each on `workers` episodes at once.
    pub pilots: u32,
    /// The partition; by default the site's.
    pub partition: Option<String>,
    /// The account; by default the user's.
    pub account: Option<String>,
    /// How long each of the processes may run, as Slurm writes times.
    pub time: Option<String>,
    /// Cores of each.
    pub cpus: Option<u32>,
    /// Memory of each, as Slurm writes sizes.
    pub memory: Option<String>,
    /// Further options of `sbatch`.
    pub options: Vec<String>,
    /// How often in a row, with no result in between, the processes are started again when all have ended too soon.
    pub resubmit: u32,
}

impl Default for EngineSpec {
    fn default() -> Self {
        Self {
            kind: EngineKind::Local,
            pilots: 4,
            partition: None,
            account: None,
            time: None,
            cpus: None,
            memory: None,
            options: Vec::new(),
            resubmit: 3,
        }
    }
}

impl<'de> Deserialize<'de> for EngineSpec {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Time {
            Minutes(u64),
            Text(String),
        }
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields, expecting = "`local`, `slurm`, or the keys of an engine")]
        struct Whole {
            #[serde(default)]
            kind: EngineKind,
            pilots: Option<u32>,
            partition: Option<String>,
            account: Option<String>,
            time: Option<Time>,
            cpus: Option<u32>,
            memory: Option<String>,
            #[serde(default)]
            options: Vec<String>,
            resubmit: Option<u32>,
        }
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Short {
            Kind(EngineKind),
            Other(Value),
        }
        let whole = match Short::deserialize(deserializer)? {
            Short::Kind(kind) => return Ok(Self { kind, ..Self::default() }),
            Short::Other(value) => value,
        };
        let Whole { kind, pilots, partition, account, time, cpus, memory, options, resubmit } =
            serde_path_to_error::deserialize(whole).map_err(|err| {
                let (path, err) = (err.path().to_string(), err.into_inner());
                serde::de::Error::custom(if path == "." { err.to_string() } else { format!("{path}: {err}") })
            })?;
        let time = time.map(|time| match time {
            Time::Minutes(minutes) => minutes.to_string(),
            Time::Text(text) => text,
        });
        let default = Self::default();
        let (pilots, resubmit) = (pilots.unwrap_or(default.pilots), resubmit.unwrap_or(default.resubmit));
        Ok(Self { kind, pilots, partition, account, time, cpus, memory, options, resubmit })
    }
}

impl EngineSpec {
    /// Returns the key that is wrong, and why.
    pub(super) fn wrong(&self) -> Option<(&'static str, &'static str)> {
        let is_word = |text: &Option<String>| {
            text.as_ref().is_none_or(|text| !text.is_empty() && !text.contains(|c: char| c.is_whitespace() || c == '"'))
        };
        let word = "must be a name without spaces";
        let is_option = |text: &String| text.starts_with('-') && !text.contains(['\n', '\r']);
        let is_size = |text: &String| {
            let digits = text.trim_end_matches(['K', 'M', 'G', 'T']);
            text.len() - digits.len() <= 1 && digits.parse().is_ok_and(|size: u64| size > 0)
        };
        let checks = [
            ((1..=MOST_PILOTS).contains(&self.pilots), "pilots", "must be from 1 to 10000"),
            (is_word(&self.partition), "partition", word),
            (is_word(&self.account), "account", word),
            (
                self.time.is_none() || self.seconds().is_some_and(|seconds| seconds >= 60),
                "time",
                "must be a time as Slurm takes it, and at least a minute\nhint: write \"4:00:00\" for four hours, \"30\" for 30 minutes, \"2-12\" for two and a half days",
            ),
            (self.cpus.is_none_or(|cpus| (1..=10_000).contains(&cpus)), "cpus", "must be from 1 to 10000"),
            (
                self.memory.as_ref().is_none_or(is_size),
                "memory",
                "must be a size as Slurm takes it\nhint: as in `8G`; without a letter it is megabytes",
            ),
            (
                self.options.iter().all(is_option),
                "options",
                "must be options of `sbatch`, one in each text\nhint: as in `[\"--gres=gpu:1\"]`",
            ),
        ];
        checks.into_iter().find(|(is_right, ..)| !is_right).map(|(_, key, why)| (key, why))
    }

    /// Returns the time limit: `minutes`, `minutes:seconds`, `hours:minutes:seconds`, `days-hours`,
    /// `days-hours:minutes` or `days-hours:minutes:seconds`.
    pub fn seconds(&self) -> Option<u64> {
        let text = self.time.as_deref()?;
        let numbers = |text: &str| text.split(':').map(|part| part.parse().ok()).collect::<Option<Vec<u64>>>();
        let (days, [hours, minutes, seconds]) = match text.split_once('-') {
            Some((days, rest)) => {
                let parts = match *numbers(rest)? {
                    [hours] => [hours, 0, 0],
                    [hours, minutes] => [hours, minutes, 0],
                    [hours, minutes, seconds] => [hours, minutes, seconds],
                    _ => return None,
                };
                (days.parse::<u64>().ok()?, parts)
            }
            None => match *numbers(text)? {
                [minutes] => (0, [0, minutes, 0]),
                [minutes, seconds] => (0, [0, minutes, seconds]),
                [hours, minutes, seconds] => (0, [hours, minutes, seconds]),
                _ => return None,
            },
        };
        let units = [(days, 86_400), (hours, 3600), (minutes, 60), (seconds, 1)];
        units.into_iter().try_fold(0_u64, |sum, (count, unit)| sum.checked_add(count.checked_mul(unit)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_slurm_reads_them() {
        let seconds = |time: &str| EngineSpec { time: Some(time.to_owned()), ..EngineSpec::default() }.seconds();
        let times = ["30", "30:15", "4:00:00", "1-0", "2-12", "1-2:30", "1-2:30:05"];
        let expected = [1800, 1815, 14_400, 86_400, 216_000, 95_400, 95_405];
        assert_eq!(times.map(seconds), expected.map(Some));
        let wrong = ["", "4h", "1:2:3:4", "-1", "1-", "99999999999999999999", "18446744073709551615"];
        assert_eq!(wrong.map(seconds), [None; 7]);
    }
}
