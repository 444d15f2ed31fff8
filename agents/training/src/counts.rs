//! How much there was of what.

use std::collections::{BTreeMap, btree_map};
use std::ops::Deref;

use serde::Serialize;

/// How much was left out or did not fit, by reason.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Counts(BTreeMap<String, usize>);

impl Counts {
    /// Counts some more for a reason; none is not mentioned.
    pub(crate) fn count(&mut self, why: &str, number: usize) {
        if number > 0 {
            *self.0.entry(why.to_owned()).or_default() += number;
        }
    }
}

impl Deref for Counts {
    type Target = BTreeMap<String, usize>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl IntoIterator for Counts {
    type Item = (String, usize);
    type IntoIter = btree_map::IntoIter<String, usize>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<'a> IntoIterator for &'a Counts {
    type Item = (&'a String, &'a usize);
    type IntoIter = btree_map::Iter<'a, String, usize>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}
