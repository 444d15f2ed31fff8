//! The states and the arrows between them.
//!
//! The table is [`TRANSITIONS`]. Each arrow of it is an implementation of [`On`], and a state can only be left by
//! [`Move::on`] with a trigger that its state has, so that an arrow that is not in the table does not compile:
//!
//! ```
//! use moatless::{Finish, Move, SearchCode, Note};
//! let enough = Move::<SearchCode>::on(Finish { note: Note::None });
//! ```
//!
//! ```compile_fail,E0277
//! use moatless::{Move, Reject, SearchCode};
//! let illegal = Move::<SearchCode>::on(Reject { reason: String::new() });
//! ```

use std::marker::PhantomData;

use search::Found;
use serde::Serialize;

use crate::spot::Spot;

/// Defines the states and what holds any of them.
macro_rules! states {
    ($($(#[$doc:meta])* $state:ident { $($field:ident: $type:ty),* })*) => {
        $(
            $(#[$doc])*
            #[derive(Debug, Clone)]
            pub struct $state {
                $(pub(crate) $field: $type,)*
            }

            impl From<$state> for State {
                fn from(state: $state) -> Self {
                    Self::$state(state)
                }
            }

            impl Named for $state {
                const NAME: &'static str = stringify!($state);

                fn of(state: &State) -> Option<&Self> {
                    match state {
                        State::$state(state) => Some(state),
                        _ => None,
                    }
                }
            }
        )*

        /// Where the agent is.
        #[derive(Debug, Clone)]
        pub enum State {
            $($state($state),)*
        }

        impl State {
            /// Returns the state's name, as it is in the table.
            pub fn name(&self) -> &'static str {
                match self {
                    $(Self::$state(_) => stringify!($state),)*
                }
            }
        }
    };
}

/// Defines the arrows: the table for reading, and what makes each of them compile.
macro_rules! transitions {
    ($($from:ident + $trigger:ident => $to:ident,)*) => {
        /// Every arrow: the state that is left, the trigger, the state that is entered.
        pub const TRANSITIONS: &[(&str, &str, &str)] =
            &[$((stringify!($from), stringify!($trigger), stringify!($to)),)*];

        $(impl On<$trigger> for $from {
            type To = $to;
        })*
    };
}

states! {
    /// Asks what to search for.
    SearchCode { note: Option<String> }
    /// Asks which of what was found matters.
    IdentifyCode { found: Found }
    /// Asks whether the file context is enough.
    DecideRelevance {}
    /// Asks for the next change, or for the end.
    PlanToCode { note: Note }
    /// Asks which lines of a long span are to be changed.
    ClarifyCodeChange { spot: Spot }
    /// Asks for the code that takes the place of some lines.
    EditCode { spot: Spot }
    /// Asks which tests to run.
    RunTests {}
    /// The work is handed in.
    Finished {}
    /// The agent gives up.
    Rejected { reason: String }
}

transitions! {
    SearchCode        + DidSearch => IdentifyCode,
    SearchCode        + Finish    => PlanToCode,
    IdentifyCode      + Search    => SearchCode,
    IdentifyCode      + Finish    => DecideRelevance,
    DecideRelevance   + Search    => SearchCode,
    DecideRelevance   + Finish    => PlanToCode,
    PlanToCode        + Edit      => EditCode,
    PlanToCode        + Clarify   => ClarifyCodeChange,
    PlanToCode        + Test      => RunTests,
    PlanToCode        + Finish    => Finished,
    PlanToCode        + Reject    => Rejected,
    ClarifyCodeChange + Edit      => EditCode,
    ClarifyCodeChange + Reject    => PlanToCode,
    EditCode          + Finish    => PlanToCode,
    EditCode          + Reject    => PlanToCode,
    RunTests          + Finish    => PlanToCode,
}

/// A state by its name.
pub trait Named: Sized {
    /// The name, as it is in the table.
    const NAME: &'static str;

    /// Returns the state if it is this one.
    fn of(state: &State) -> Option<&Self>;
}

/// An arrow: where a trigger leads from this state.
pub trait On<T>: Named {
    /// The state that is entered.
    type To: Named;
}

/// A way out of a state.
#[derive(Debug)]
pub struct Move<S> {
    pub(crate) to: State,
    pub(crate) rejects: bool,
    from: PhantomData<S>,
}

impl<S> Move<S> {
    /// Leaves the state by one of its arrows.
    pub fn on<T: Trigger>(trigger: T) -> Self
    where
        S: On<T>,
        S::To: From<T> + Into<State>,
    {
        Self { to: S::To::from(trigger).into(), rejects: T::REJECTS, from: PhantomData }
    }
}

/// What makes the agent leave a state.
pub trait Trigger {
    /// Whether it takes back what was planned.
    const REJECTS: bool = false;
}

/// Something was found.
#[derive(Debug)]
pub struct DidSearch {
    pub(crate) found: Found,
}

/// More must be searched for.
#[derive(Debug)]
pub struct Search {
    pub(crate) note: String,
}

/// The state's work is done.
#[derive(Debug)]
pub struct Finish {
    /// What the next state is told.
    pub note: Note,
}

/// Some lines are to be changed.
#[derive(Debug)]
pub struct Edit {
    pub(crate) spot: Spot,
}

/// A span is to be changed that is too long for one edit.
#[derive(Debug)]
pub struct Clarify {
    pub(crate) spot: Spot,
}

/// Tests are to be run.
#[derive(Debug)]
pub struct Test;

/// It cannot be done.
#[derive(Debug)]
pub struct Reject {
    /// Why.
    pub reason: String,
}

impl Trigger for DidSearch {}
impl Trigger for Search {}
impl Trigger for Finish {}
impl Trigger for Edit {}
impl Trigger for Clarify {}
impl Trigger for Test {}
impl Trigger for Reject {
    const REJECTS: bool = true;
}

/// What `PlanToCode` is told of what came before.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Note {
    /// Nothing.
    #[default]
    None,
    /// An edit was made.
    Edited {
        /// The file.
        path: String,
        /// The change as a unified diff.
        diff: String,
        /// Errors that came with it.
        problems: Vec<String>,
    },
    /// An edit was not made.
    Rejected {
        /// Why.
        reason: String,
    },
    /// Tests were run.
    Tested {
        /// What they printed.
        output: String,
    },
}

impl From<DidSearch> for IdentifyCode {
    fn from(trigger: DidSearch) -> Self {
        Self { found: trigger.found }
    }
}

impl From<Search> for SearchCode {
    fn from(trigger: Search) -> Self {
        Self { note: Some(trigger.note).filter(|note| !note.trim().is_empty()) }
    }
}

impl From<Finish> for DecideRelevance {
    fn from(_: Finish) -> Self {
        Self {}
    }
}

impl From<Finish> for PlanToCode {
    fn from(trigger: Finish) -> Self {
        Self { note: trigger.note }
    }
}

impl From<Reject> for PlanToCode {
    fn from(trigger: Reject) -> Self {
        Self { note: Note::Rejected { reason: trigger.reason } }
    }
}

impl From<Edit> for EditCode {
    fn from(trigger: Edit) -> Self {
        Self { spot: trigger.spot }
    }
}

impl From<Clarify> for ClarifyCodeChange {
    fn from(trigger: Clarify) -> Self {
        Self { spot: trigger.spot }
    }
}

impl From<Test> for RunTests {
    fn from(_: Test) -> Self {
        Self {}
    }
}

impl From<Finish> for Finished {
    fn from(_: Finish) -> Self {
        Self {}
    }
}

impl From<Reject> for Rejected {
    fn from(trigger: Reject) -> Self {
        Self { reason: trigger.reason }
    }
}
