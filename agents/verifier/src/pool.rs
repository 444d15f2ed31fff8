//! The episodes of runs, gathered by instance.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use agent_core::{Record, Trajectory};
use anyhow::Context;
use env_core::Patch;
use futures_util::future::BoxFuture;
use futures_util::{StreamExt, TryStreamExt, stream};
use journal::{Ending, Episode, Prediction, Run};
use rayon::prelude::*;

use crate::candidate::{Candidate, Candidates, Labels, Scorer};
use crate::curves::{Course, Picked, Rated, Scores, courses, pick_by_subsets};

/// The finished episodes of runs by instance. Trajectories are read when an instance is rated, and let go of after.
#[derive(Debug, Default)]
pub struct Pool {
    instances: BTreeMap<String, Vec<Member>>,
    /// Episodes that are not among them, as there is no patch of theirs: unfinished, or broken by infrastructure.
    pub unfinished: usize,
}

/// A finished episode: where it is, and what came of it.
#[derive(Debug, Clone)]
pub struct Member {
    /// The folder of the run.
    pub run: PathBuf,
    /// The cell.
    pub cell: String,
    /// The sample, from 0.
    pub sample: u32,
    /// What was handed in.
    pub prediction: Prediction,
    /// The folder of the episode.
    folder: PathBuf,
    /// The verdict; `None` where there is none that counts.
    resolved: Option<bool>,
}

impl Pool {
    /// Adds the episodes of a run, of these cells; of all where none is named.
    ///
    /// The candidates of an instance are in the order of runs, cells and samples; those of a run that were imported, whose
    /// cells are only names, in the order in which they were.
    pub fn add(&mut self, run: &Run, cells: &[String]) {
        let mut added: BTreeMap<String, Vec<(Option<u64>, Member)>> = BTreeMap::new();
        for cell in run.cells().iter().filter(|cell| cells.is_empty() || cells.contains(cell)) {
            run.each_episode(cell, |episode| {
                let (instance_id, imported) = (episode.instance_id.clone(), episode.import_number);
                match Member::of(run.folder(), episode) {
                    Some(member) => added.entry(instance_id).or_default().push((imported, member)),
                    None => self.unfinished += 1,
                }
            });
        }
        for (instance_id, mut members) in added {
            members.sort_by_key(|(imported, _)| *imported);
            self.instances.entry(instance_id).or_default().extend(members.into_iter().map(|(_, member)| member));
        }
    }

    /// Keeps no more than the first `count` candidates of each instance.
    pub fn truncate(&mut self, count: usize) {
        self.instances.values_mut().for_each(|members| members.truncate(count));
    }

    /// Leaves out what has no verdict that counts; returns how many episodes that are.
    pub fn keep_judged(&mut self) -> usize {
        let before = self.len();
        self.instances.values_mut().for_each(|members| members.retain(|member| member.resolved.is_some()));
        self.instances.retain(|_, members| !members.is_empty());
        before - self.len()
    }

    /// Returns how many candidates there are.
    pub fn len(&self) -> usize {
        self.instances.values().map(Vec::len).sum()
    }

    /// Returns whether there are none.
    pub fn is_empty(&self) -> bool {
        self.instances.is_empty()
    }

    /// Returns the instances with their candidates.
    pub fn instances(&self) -> impl Iterator<Item = (&str, &[Member])> {
        self.instances.iter().map(|(id, members)| (id.as_str(), members.as_slice()))
    }

    /// Returns the verdicts of the candidates that have one, in their order.
    pub fn labels(&self) -> Labels {
        let of = |members: &Vec<Member>| members.iter().filter_map(|member| member.resolved).collect::<Vec<_>>();
        let labels = self.instances.iter().map(|(id, members)| (id.clone(), of(members)));
        labels.filter(|(_, labels)| !labels.is_empty()).collect()
    }

    /// Returns the verdict of each candidate, where it has one, in their order.
    pub fn verdicts(&self) -> BTreeMap<String, Vec<Option<bool>>> {
        let of = |members: &Vec<Member>| members.iter().map(|member| member.resolved).collect();
        self.instances.iter().map(|(id, members)| (id.clone(), of(members))).collect()
    }

    /// Returns the scores of the candidates that have a verdict, in the order of the labels.
    pub fn of_judged(&self, scores: &Scores) -> Scores {
        let of = |(id, members): (&String, &Vec<Member>)| {
            let scores = scores.get(id).map(Vec::as_slice).unwrap_or_default();
            let judged = members.iter().enumerate().filter(|(_, member)| member.resolved.is_some());
            (id.clone(), judged.map(|(place, _)| scores.get(place).copied().flatten()).collect())
        };
        self.instances.iter().map(of).collect()
    }

    /// Reads the candidates of each instance on all cores, and returns what is made of them, by the order of the instances.
    /// No more is held than the instances that are looked at just then.
    ///
    /// # Errors
    /// When a trajectory is damaged, by its file and line, or `look` fails.
    pub fn map<T: Send>(&self, look: impl Fn(&Candidates) -> anyhow::Result<T> + Sync) -> anyhow::Result<Vec<T>> {
        let ids: Vec<&String> = self.instances.keys().collect();
        ids.into_par_iter().map(|instance_id| look(&self.candidates(instance_id)?)).collect()
    }

    /// Reads the candidates of an instance; none where it is unknown.
    ///
    /// # Errors
    /// When a trajectory is damaged, by its file and line.
    pub fn candidates(&self, instance_id: &str) -> anyhow::Result<Candidates> {
        let members = self.instances.get(instance_id).map(Vec::as_slice).unwrap_or_default();
        let candidates: anyhow::Result<Vec<Candidate>> =
            members.iter().enumerate().map(|(place, member)| member.candidate(place)).collect();
        Ok(Candidates { instance_id: instance_id.to_owned(), candidates: candidates? })
    }

    /// Rates all candidates.
    ///
    /// # Errors
    /// As [`Pool::map`], or when the scorer cannot rate at all.
    pub async fn rate(&self, scorer: &dyn Scorer) -> anyhow::Result<Scores> {
        Ok(self.rate_up_to(scorer, 0).await?.scores)
    }

    /// Returns what a scorer would know after each attempt, for the instances with verdicts; see [`stop_early`].
    ///
    /// # Errors
    /// As [`Pool::rate`].
    ///
    /// [`stop_early`]: crate::curves::stop_early
    pub async fn courses(&self, scorer: &dyn Scorer, scores: &Scores) -> anyhow::Result<BTreeMap<String, Vec<Course>>> {
        let (mut all, scores) = (BTreeMap::new(), self.of_judged(scores));
        for (instance_id, members) in &self.instances {
            let judged: Vec<usize> = (0..members.len()).filter(|place| members[*place].resolved.is_some()).collect();
            let resolved: Vec<bool> = members.iter().filter_map(|member| member.resolved).collect();
            if resolved.len() > 1 {
                let candidates = self.candidates(instance_id)?.of(&judged);
                let scores = scores.get(instance_id).map(Vec::as_slice).unwrap_or_default();
                all.insert(instance_id.clone(), courses(scorer, scores, &candidates, &resolved).await?);
            }
        }
        Ok(all)
    }

    /// Rates all candidates, and where the scorer compares, subsets of those with a verdict up to `n`.
    ///
    /// # Errors
    /// As [`Pool::map`], or when the scorer cannot rate at all.
    pub async fn rate_up_to(&self, scorer: &dyn Scorer, n: usize) -> anyhow::Result<Rated> {
        // So many instances have as many candidates as are rated at once, and no more are held.
        let at_once = match scorer.at_once() {
            0 | 1 => 1,
            many => (many * self.instances.len()).div_ceil(self.len().max(1)) + 1,
        };
        let mut of_each: Vec<BoxFuture<'_, _>> = Vec::with_capacity(self.instances.len());
        for (instance_id, members) in &self.instances {
            of_each.push(Box::pin(self.rate_one(instance_id, members, scorer, n)));
        }
        let mut of_each = stream::iter(of_each).buffered(at_once);
        let mut rated = Rated::once(scorer.name(), Scores::new());
        while let Some((instance_id, scores, picked)) = of_each.try_next().await? {
            rated.scores.insert(instance_id.to_owned(), scores);
            rated.picked.extend(picked.map(|picked| (instance_id.to_owned(), picked)));
        }
        Ok(rated)
    }

    /// Rates the candidates of an instance; with what its subsets up to `n` pick where the scorer compares.
    async fn rate_one<'a>(
        &self,
        instance_id: &'a str,
        members: &[Member],
        scorer: &dyn Scorer,
        n: usize,
    ) -> anyhow::Result<(&'a str, Vec<Option<f64>>, Option<Vec<Picked>>)> {
        let candidates = self.candidates(instance_id)?;
        let context = || format!("`{instance_id}` cannot be rated");
        let scores = scorer.rate(&candidates).await.with_context(context)?;
        let judged: Vec<usize> = (0..members.len()).filter(|place| members[*place].resolved.is_some()).collect();
        if n == 0 || !scorer.compares() || judged.is_empty() {
            return Ok((instance_id, scores, None));
        }
        let resolved: Vec<bool> = members.iter().filter_map(|member| member.resolved).collect();
        let judged = candidates.of(&judged);
        let picked = pick_by_subsets(scorer, &judged, &resolved, n).await.with_context(context)?;
        Ok((instance_id, scores, Some(picked)))
    }
}

impl Member {
    /// Returns an episode of a run as one; `None` where it handed nothing in.
    fn of(run: &Path, episode: Episode) -> Option<Self> {
        let resolved = match episode.ending() {
            Ending::Solved => Some(true),
            Ending::Unsolved | Ending::Empty | Ending::NotApplied | Ending::TimedOut | Ending::Errored => Some(false),
            Ending::Infrastructure | Ending::Unfinished => None,
        };
        let Episode { cell, sample, prediction, folder, .. } = episode;
        Some(Self { run: run.to_owned(), cell, sample, prediction: prediction?, folder, resolved })
    }

    /// Reads what a scorer may see of it.
    fn candidate(&self, place: usize) -> anyhow::Result<Candidate> {
        let path = self.folder.join("trajectory.jsonl");
        let trajectory = match journal::read_text(&path)? {
            Some(text) => {
                let parsed = Trajectory::parse(&text);
                Some(parsed.map_err(|err| anyhow::anyhow!("`{}` is damaged: {err}", path.display()))?)
            }
            None => None,
        };
        let patch = Patch(self.prediction.patch_text().to_owned());
        Ok(Candidate { patch, trajectory: trajectory.map(without_names), place })
    }
}

/// Takes out of a record who made it, and what another program noted beside, which may be a verdict.
fn without_names(mut trajectory: Trajectory) -> Trajectory {
    // What an earlier attempt said, in front of the last header, is not of this episode.
    if let Some(last) = trajectory.records.iter().rposition(|record| matches!(record, Record::Header(_))) {
        trajectory.records.drain(..=last);
    }
    for record in &mut trajectory.records {
        if let Record::Message { extra, .. } | Record::Observation { extra, .. } = record {
            extra.clear();
        }
    }
    trajectory
}
