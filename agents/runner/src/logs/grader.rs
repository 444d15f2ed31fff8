//! What saved logs are judged by.

use std::collections::HashMap;

use anyhow::{Context, bail};
use dataset::Row;
use env_core::{Answers, Dialect, Family, GradingSpec, Instance, find_instance};

use super::{Source, Suit};
use crate::config::EnvKind;
use crate::environments::{guess, kind_of, load};

/// What logs are judged by: the rows of datasets, by the id in lower case.
pub struct Grader {
    /// Those of one instance are in the order of the datasets.
    rows: HashMap<String, Vec<(EnvKind, Instance, Answers)>>,
    /// The instances that ship with the project, which bring what they are judged by themselves.
    demo: Vec<(Instance, GradingSpec)>,
    /// All of them without their texts, for the nearest id.
    known: Vec<Instance>,
    swegym: Family,
    swebench: Family,
    /// The dialect for every log, in the place of the row's own.
    dialect: Option<Dialect>,
}

impl Grader {
    /// Loads datasets, in their order; without any, the one that the ids belong to.
    ///
    /// # Errors
    /// When a dataset cannot be had, or the ids belong to several.
    pub async fn load(datasets: &[String], ids: &[String], dialect: Option<Dialect>) -> anyhow::Result<Self> {
        let mut names = datasets.to_vec();
        if names.is_empty() {
            names.extend(guess(ids)?.map(str::to_owned));
        }
        let mut grader = Self {
            rows: HashMap::new(),
            demo: demo::gradings().collect(),
            known: demo::gradings().map(|(instance, _)| instance).collect(),
            swegym: swegym::family().context("the specs of SWE-Gym")?,
            swebench: swebench::family().context("the specs of SWE-bench")?,
            dialect,
        };
        for name in names {
            if name != "demo" {
                let rows = load(&name).await?;
                grader.add(kind_of(&name, &rows), rows);
            }
        }
        Ok(grader)
    }

    fn add(&mut self, kind: EnvKind, rows: Vec<Row>) {
        for row in rows {
            let (instance, answers) = row.into_parts();
            let texts = (String::new(), String::new());
            self.known.push(Instance { problem_statement: texts.0, hints_text: texts.1, ..instance.clone() });
            self.rows.entry(instance.instance_id.to_lowercase()).or_default().push((kind, instance, answers));
        }
    }

    /// Returns whether a dataset holds the instance.
    pub fn knows(&self, instance_id: &str) -> bool {
        self.rows.contains_key(&instance_id.to_lowercase()) || self.shipped(instance_id).is_some()
    }

    /// Returns the dialect that was set for every log.
    pub fn dialect(&self) -> Option<Dialect> {
        self.dialect
    }

    fn shipped(&self, instance_id: &str) -> Option<&GradingSpec> {
        let found = self.demo.iter().find(|(instance, _)| instance.instance_id.eq_ignore_ascii_case(instance_id));
        found.map(|(_, spec)| spec)
    }

    /// Returns the repository of an instance that a dataset holds.
    pub fn repo(&self, instance_id: &str) -> Option<&str> {
        let (_, instance, _) = self.rows.get(&instance_id.to_lowercase())?.first()?;
        Some(&instance.repo)
    }

    /// Returns what a log of an instance is judged by: the first row of the instance, read as the harness whose marks the
    /// log bears, unless a dialect was set for all logs or is known of this one (`known`).
    ///
    /// # Errors
    /// When no dataset holds the instance, naming the nearest id, for a row by which no log can be read, and when the log
    /// cannot be read.
    pub fn suit(
        &self,
        instance_id: &str,
        known: Option<Dialect>,
        log: &mut dyn Source,
    ) -> anyhow::Result<(GradingSpec, Suit)> {
        let mut spec = self.specs(instance_id, known)?.swap_remove(0);
        let is_set = self.dialect.or(known).is_some();
        let suit = Suit::of(log, spec.dialect, is_set).context("the log cannot be read")?;
        spec.dialect = suit.read_as;
        Ok((spec, suit))
    }

    /// Returns what a log of an instance may be judged by, of which there is at least one.
    ///
    /// # Errors
    /// When no dataset holds the instance, naming the nearest id, and for a row by which no log can be read.
    pub fn specs(&self, instance_id: &str, dialect: Option<Dialect>) -> anyhow::Result<Vec<GradingSpec>> {
        let dialect = self.dialect.or(dialect);
        let Some(rows) = self.rows.get(&instance_id.to_lowercase()) else {
            if let Some(spec) = self.shipped(instance_id) {
                return Ok(vec![GradingSpec { dialect: dialect.unwrap_or(spec.dialect), ..spec.clone() }]);
            }
            let err = find_instance(&self.known, instance_id).err().map(|err| err.to_string()).unwrap_or_default();
            bail!("{err}\nhint: `--dataset` names where instances are");
        };
        let specs = rows.iter().map(|(kind, instance, answers)| {
            let family = if *kind == EnvKind::SweGym { &self.swegym } else { &self.swebench };
            family.grading(instance, answers, dialect).map_err(anyhow::Error::msg)
        });
        specs.collect::<anyhow::Result<Vec<_>>>().with_context(|| format!("instance `{instance_id}`"))
    }
}
