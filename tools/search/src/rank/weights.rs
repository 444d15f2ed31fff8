//! What counts how much in the ranking.

use crate::index::schema::RANKED;
use crate::index::tokens::WordKind;

/// What counts how much. The defaults were chosen on issues of real repositories; [`Weights::without`] turns one off.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Weights {
    /// Weight of a word by field: path, name, signature, docstring, body.
    pub(crate) fields: [f32; RANKED],
    /// How soon more of the same word stops to count (BM25's k1).
    pub(crate) saturation: f32,
    /// How much long spans and files are held against them (BM25's b).
    pub(crate) span_length: f32,
    pub(crate) file_length: f32,
    /// Share of the best span in the score of its file.
    pub(crate) best_span: f32,
    /// Words of the query's first line, against those further down.
    pub(crate) title: f32,
    /// Identifiers of several parts, and their parts.
    pub(crate) identifier: f32,
    pub(crate) part: f32,
    /// Names of the query that are defined in a file.
    pub(crate) definition: f32,
    /// Files and modules that the query names.
    pub(crate) mention: f32,
    /// Files beside the code proper, such as documentation and examples.
    pub(crate) aside: f32,
}

impl Default for Weights {
    fn default() -> Self {
        Self {
            fields: [5.0, 3.0, 1.5, 1.0, 1.0],
            saturation: 3.0,
            span_length: 0.4,
            file_length: 0.5,
            best_span: 1.5,
            title: 3.0,
            identifier: 2.0,
            part: 0.3,
            definition: 1.0,
            mention: 0.3,
            aside: 0.6,
        }
    }
}

impl Weights {
    /// Names of what [`Weights::without`] can turn off.
    pub(crate) const FEATURES: [&'static str; 9] =
        ["fields", "spans", "title", "identifiers", "definitions", "mentions", "asides", "length", "saturation"];

    /// Returns the defaults with one feature turned off; `None` for an unknown name.
    pub(crate) fn without(feature: &str) -> Option<Self> {
        let all = Self::default();
        Some(match feature {
            "fields" => Self { fields: [1.0; RANKED], ..all },
            "spans" => Self { best_span: 0.0, ..all },
            "title" => Self { title: 1.0, ..all },
            "identifiers" => Self { identifier: 1.0, part: 1.0, ..all },
            "definitions" => Self { definition: 0.0, ..all },
            "mentions" => Self { mention: 0.0, ..all },
            "asides" => Self { aside: 1.0, ..all },
            "length" => Self { span_length: 0.0, file_length: 0.0, ..all },
            "saturation" => Self { saturation: 100.0, ..all },
            _ => return None,
        })
    }
}

impl WordKind {
    pub(crate) fn weight(self, weights: &Weights) -> f32 {
        match self {
            Self::Plain => 1.0,
            Self::Whole => weights.identifier,
            Self::Part => weights.part,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_feature_can_be_turned_off() {
        for feature in Weights::FEATURES {
            assert!(Weights::without(feature).is_some_and(|weights| weights != Weights::default()), "{feature}");
        }
        assert_eq!(Weights::without("nothing"), None);
    }
}
