//! The instances, as both protocols list them.

use env_core::{Environment, Instance, nearest};
use serde_json::{Value, json};

use crate::refusal::Refusal;

/// The instances that are served, in their order, as one split.
#[derive(Debug)]
pub(crate) struct Tasks {
    split: String,
    /// The places among the instances of the environment.
    places: Vec<usize>,
}

impl Tasks {
    pub(crate) fn new(split: String, places: Vec<usize>) -> Self {
        Self { split, places }
    }

    pub(crate) fn places(&self) -> &[usize] {
        &self.places
    }

    /// Returns the splits; a name that is none of the three known kinds is one of validation, as the clients have it.
    pub(crate) fn splits(&self) -> Value {
        let kind = match self.split.as_str() {
            known @ ("train" | "validation" | "test") => known,
            _ => "validation",
        };
        json!([{ "name": self.split, "type": kind }])
    }

    /// Refuses the name of a split that is not there.
    pub(crate) fn check(&self, split: &str) -> Result<(), Refusal> {
        if split == self.split {
            return Ok(());
        }
        Err(Refusal::bad(format!("there is no split `{split}`\nhint: the split is `{}`", self.split)))
    }

    /// Returns the place of the task of an index, which counts from the end where it is negative.
    pub(crate) fn place(&self, index: i64) -> Result<usize, Refusal> {
        let count = self.places.len();
        let at = if index < 0 { index.saturating_add(count as i64) } else { index };
        let place = usize::try_from(at).ok().and_then(|at| self.places.get(at)).copied();
        place.ok_or_else(|| Refusal::bad(format!("there is no task {index}\nhint: there are {count}")))
    }

    /// Returns the places from one index to before another, each counted from the end where it is negative, and cut off at
    /// both ends, as a slice of Python is.
    pub(crate) fn range(&self, start: Option<i64>, stop: Option<i64>) -> &[usize] {
        let count = self.places.len() as i64;
        let at = |index: i64| (if index < 0 { index.saturating_add(count) } else { index }).clamp(0, count) as usize;
        let (start, stop) = (start.map_or(0, at), stop.map_or(self.places.len(), at));
        self.places.get(start..stop.max(start)).unwrap_or_default()
    }

    /// Returns the place of an instance by its id.
    pub(crate) fn find(&self, environment: &dyn Environment, id: &str) -> Result<usize, Refusal> {
        let instances = environment.instances();
        let of = |place: &usize| instances.get(*place).map(|instance| instance.instance_id.as_str());
        if let Some(place) = self.places.iter().find(|place| of(place).is_some_and(|one| one.eq_ignore_ascii_case(id)))
        {
            return Ok(*place);
        }
        let near = nearest(id, self.places.iter().filter_map(of));
        let hint = near.map(|near| format!("\nhint: did you mean `{near}`?")).unwrap_or_default();
        Err(Refusal::bad(format!("there is no instance `{id}` here{hint}")))
    }
}

/// Returns an instance as a task: enough to tell it and to choose by. The issue comes with the session's prompt.
pub(crate) fn task(instance: &Instance) -> Value {
    let Instance { instance_id, repo, base_commit, version, .. } = instance;
    json!({ "instance_id": instance_id, "repo": repo, "base_commit": base_commit, "version": version })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn indexes_are_pythons() {
        let tasks = Tasks::new("train".to_owned(), vec![10, 11, 12, 13]);
        for (index, expected) in [(0, Some(10)), (3, Some(13)), (4, None), (-1, Some(13)), (-4, Some(10)), (-5, None)] {
            assert_eq!(tasks.place(index).ok(), expected, "{index}");
        }
        for (start, stop, expected) in [
            (None, None, &[10, 11, 12, 13][..]),
            (Some(1), Some(3), &[11, 12]),
            (Some(-2), None, &[12, 13]),
            (None, Some(-1), &[10, 11, 12]),
            (Some(3), Some(1), &[]),
            (Some(-9), Some(99), &[10, 11, 12, 13]),
            (Some(i64::MIN), Some(i64::MAX), &[10, 11, 12, 13]),
        ] {
            assert_eq!(tasks.range(start, stop), expected, "{start:?} {stop:?}");
        }
    }
}
