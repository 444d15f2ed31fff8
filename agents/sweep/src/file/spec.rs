//! What a sweep file says.

use super::engine::{EngineSpec, engine};
use serde::{Deserialize, Deserializer, Serialize};
use serde_yaml::{Mapping, Value};

/// A sweep: agents × models × settings × instances × samples.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Spec {
    /// Name of the run, and of its folder; that of the file without one.
    pub name: Option<String>,
    /// The agent of every cell that does not name another.
    pub agent: Option<String>,
    /// The configuration that all cells share.
    pub base: Mapping,
    /// Key paths of the configuration, or `agent`, each with the values that it takes in turn: one cell for each way to
    /// choose one of each.
    pub matrix: Option<Mapping>,
    /// Further cells: key paths with values, and `name`, `agent` where wanted.
    pub include: Vec<Mapping>,
    /// Cells of the matrix that are left out: those that have all of an entry's values.
    pub exclude: Vec<Mapping>,
    /// Which instances.
    pub instances: Instances,
    /// How many episodes of each cell on each instance.
    pub samples: Samples,
    /// How many episodes are under way at once. Default 1.
    pub workers: Option<usize>,
    /// What the sweep may spend in total.
    pub budget: Budget,
    /// When the remaining samples of an instance are skipped.
    pub stop: Stop,
    /// How often what infrastructure broke is retried.
    pub retries: Retries,
    /// Which episodes come first; by default those of one instance follow each other, and with `stop` the samples.
    pub order: Option<Order>,
    /// The engine that starts the processes of the sweep.
    #[serde(deserialize_with = "engine")]
    pub engine: EngineSpec,
}

/// Which instances a sweep is about: of the dataset, the named ones, of those the matching ones, shuffled, of those a
/// slice, of those the ones that other runs have not solved.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Instances {
    /// The dataset; short for `base.env.dataset`.
    pub dataset: Option<String>,
    /// Ids.
    pub ids: Vec<String>,
    /// A file of ids, one a line or a JSON list.
    pub file: Option<String>,
    /// A regular expression that ids must match.
    pub filter: Option<String>,
    /// Seed of an order that is the same on any machine.
    pub shuffle: Option<u64>,
    /// `<from>:<to>`, as `:100`.
    pub slice: Option<String>,
    /// Runs: an instance that one of them has solved is left out.
    #[serde(deserialize_with = "one_or_many")]
    pub unsolved_in: Vec<String>,
}

/// How many episodes of each cell on each instance, and what is different for some of them.
#[derive(Debug, Clone, Default)]
pub struct Samples {
    /// How many; `None` is one.
    pub count: Option<u32>,
    /// Numbers of samples, as `0` or `1-15`, with key paths and values.
    pub overrides: Mapping,
}

impl<'de> Deserialize<'de> for Samples {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(default, deny_unknown_fields)]
        #[derive(Default)]
        struct Whole {
            count: Option<u32>,
            overrides: Mapping,
        }
        let value = Value::deserialize(deserializer)?;
        if value.is_mapping() {
            let Whole { count, overrides } = serde_yaml::from_value(value).map_err(serde::de::Error::custom)?;
            return Ok(Self { count, overrides });
        }
        let count = serde_yaml::from_value(value)
            .map_err(|_| serde::de::Error::custom("it takes a whole number, or the keys `count`, `overrides`"))?;
        Ok(Self { count: Some(count), overrides: Mapping::new() })
    }
}

/// What a sweep may spend in total; an absent limit is none.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Budget {
    /// US dollars.
    pub cost: Option<f64>,
    /// Tokens read and written.
    pub tokens: Option<u64>,
    /// Hours of wall-clock time of one command.
    pub hours: Option<f64>,
}

/// When the remaining samples of an instance are skipped.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Stop {
    /// Once this many of a cell's samples have solved it.
    pub solved: Option<u32>,
}

/// How often what infrastructure broke is retried.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Retries {
    /// How often an episode is retried by one command. Default 2.
    pub count: u32,
    /// Seconds before the first of these, doubled for each further one up to 600. Default 10.
    pub wait: f64,
}

impl Default for Retries {
    fn default() -> Self {
        Self { count: 2, wait: 10.0 }
    }
}

/// Which episodes come first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// All of one instance, then the next: they share its image and the beginning of their prompts.
    Instances,
    /// The first sample of all instances, then the second.
    Samples,
}

fn one_or_many<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged, expecting = "a text or a list of texts")]
    enum OneOrMany {
        One(String),
        Many(Vec<String>),
    }
    Ok(match OneOrMany::deserialize(deserializer)? {
        OneOrMany::One(one) => vec![one],
        OneOrMany::Many(many) => many,
    })
}
