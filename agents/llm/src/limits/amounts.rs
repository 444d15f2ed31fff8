//! Two amounts that are limited together.

use std::ops::{Add, AddAssign, Sub, SubAssign};

use serde::{Deserialize, Serialize};

/// What is lost in sums of fractions.
const ROUNDING: f64 = 1e-9;

/// Two amounts: requests and tokens, or US dollars and tokens.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Amounts(pub(crate) [f64; 2]);

/// The most of each; `None` where there is no limit.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Limits(pub(crate) [Option<f64>; 2]);

impl Amounts {
    pub(crate) fn is_zero(self) -> bool {
        self.0.iter().all(|amount| *amount <= ROUNDING)
    }

    /// Returns whether both are at most those of another one.
    pub(crate) fn is_within(self, other: Self) -> bool {
        self.0.iter().zip(other.0).all(|(own, other)| *own <= other + ROUNDING)
    }

    pub(crate) fn least(self, other: Self) -> Self {
        Self([self.0[0].min(other.0[0]), self.0[1].min(other.0[1])])
    }

    pub(crate) fn most(self, other: Self) -> Self {
        Self([self.0[0].max(other.0[0]), self.0[1].max(other.0[1])])
    }

    pub(crate) fn times(self, factor: f64) -> Self {
        Self(self.0.map(|amount| amount * factor))
    }

    pub(crate) fn divided(self, parts: usize) -> Self {
        Self(self.0.map(|amount| amount / parts as f64))
    }
}

impl Limits {
    /// Returns what is left of the limits.
    pub(crate) fn left(self, used: Amounts) -> Amounts {
        let left = |at: usize| self.0[at].map_or(f64::INFINITY, |limit| limit - used.0[at]);
        Amounts([left(0), left(1)])
    }

    /// Returns the amounts cut to the limits, so that they fit when nothing else is used.
    pub(crate) fn cut(self, amounts: Amounts) -> Amounts {
        amounts.least(self.left(Amounts::default()))
    }

    /// Returns the stricter ones of two.
    pub(crate) fn stricter(self, other: Self) -> Self {
        let stricter = |at: usize| match (self.0[at], other.0[at]) {
            (Some(own), Some(other)) => Some(own.min(other)),
            (own, other) => own.or(other),
        };
        Self([stricter(0), stricter(1)])
    }

    pub(crate) fn are_none(self) -> bool {
        self.0.iter().all(Option::is_none)
    }
}

impl Add for Amounts {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self([self.0[0] + other.0[0], self.0[1] + other.0[1]])
    }
}

impl Sub for Amounts {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self([(self.0[0] - other.0[0]).max(0.0), (self.0[1] - other.0[1]).max(0.0)])
    }
}

impl AddAssign for Amounts {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl SubAssign for Amounts {
    fn sub_assign(&mut self, other: Self) {
        *self = *self - other;
    }
}
