//! The states, the arrows between them, and where an episode is.
//!
//! The table is [`TRANSITIONS`]. A state is only left by a [`Move`], and [`Move::to`] only takes a state to which an
//! arrow of the table leads, so that another one does not compile:
//!
//! ```
//! use moatless::{Move, Note, PlanToCode, SearchCode};
//! let enough = Move::<SearchCode>::to(PlanToCode { note: Note::default() });
//! ```
//!
//! ```compile_fail,E0277
//! use moatless::{Move, Rejected, SearchCode};
//! let illegal = Move::<SearchCode>::to(Rejected { reason: String::new() });
//! ```

use std::collections::BTreeMap;
use std::marker::PhantomData;

use agent_core::{AgentError, Limit};
use search::Found;
use serde::Serialize;

use crate::config::Config;
use crate::edit_target::EditTarget;

/// Defines the states and what holds any of them.
macro_rules! states {
    ($($(#[$doc:meta])* $state:ident { $($(#[$field_doc:meta])* $field:ident: $type:ty),* })*) => {
        $(
            $(#[$doc])*
            #[derive(Debug, Clone)]
            pub struct $state {
                $($(#[$field_doc])* pub $field: $type,)*
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

        /// Any of the states.
        #[derive(Debug, Clone)]
        pub enum State {
            $($(#[$doc])* $state($state),)*
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
    ($($from:ident + $($trigger:ident)|+ => $to:ident,)*) => {
        /// Every arrow: the state that is left, what for, and the state that is entered.
        pub const TRANSITIONS: &[(&str, &str, &str)] =
            &[$($((stringify!($from), stringify!($trigger), stringify!($to)),)+)*];

        /// The arrows as a bound; nothing but the table can implement it.
        mod arrows {
            pub trait Transition<To> {}

            $(impl Transition<super::$to> for super::$from {})*
        }
    };
}

states! {
    /// Asks what to search for.
    SearchCode {
        /// What was said of the last results.
        note: Option<String>
    }
    /// Asks which of what was found matters.
    IdentifyCode {
        /// What was found.
        found: Found
    }
    /// Asks whether the file context is enough.
    DecideRelevance {}
    /// Asks for the next change, or for the end.
    PlanToCode {
        /// What came before.
        note: Note
    }
    /// Asks which lines of a long span are to be changed.
    ClarifyCodeChange {
        /// The span.
        target: EditTarget
    }
    /// Asks for the code that takes the place of some lines.
    EditCode {
        /// The lines.
        target: EditTarget
    }
    /// Asks which tests to run.
    RunTests {
        /// What came before.
        note: Note
    }
    /// The work is handed in.
    Finished {}
    /// The agent gives up.
    Rejected {
        /// Why.
        reason: String
    }
}

transitions! {
    SearchCode        + did_search      => IdentifyCode,
    SearchCode        + finish          => PlanToCode,
    IdentifyCode      + search          => SearchCode,
    IdentifyCode      + finish          => DecideRelevance,
    DecideRelevance   + search          => SearchCode,
    DecideRelevance   + finish          => PlanToCode,
    PlanToCode        + edit_code       => EditCode,
    PlanToCode        + edit_long_code  => ClarifyCodeChange,
    PlanToCode        + run_tests       => RunTests,
    PlanToCode        + finish          => Finished,
    PlanToCode        + reject          => Rejected,
    ClarifyCodeChange + edit_code       => EditCode,
    ClarifyCodeChange + reject          => PlanToCode,
    EditCode          + finish | reject => PlanToCode,
    RunTests          + finish          => PlanToCode,
}

/// A state with its name.
pub trait Named: Sized {
    /// The name, as it is in the table.
    const NAME: &'static str;

    /// Returns the state if it is this one.
    fn of(state: &State) -> Option<&Self>;
}

/// A way out of a state.
#[derive(Debug)]
pub struct Move<S> {
    to: State,
    from: PhantomData<S>,
}

impl<S> Move<S> {
    /// Leaves the state for another to which an arrow leads.
    pub fn to<T: Into<State>>(state: T) -> Self
    where
        S: arrows::Transition<T>,
    {
        Self { to: state.into(), from: PhantomData }
    }

    /// Returns the name of the state that is entered.
    pub(crate) fn enters(&self) -> &'static str {
        self.to.name()
    }
}

/// What `PlanToCode` is told about the previous steps.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Note {
    /// The last edit.
    pub edited: Option<Edited>,
    /// Why the last edit was not made.
    pub rejected: Option<String>,
    /// What tests printed.
    pub tested: Option<String>,
}

/// An edit that was made.
#[derive(Debug, Clone, Serialize)]
pub struct Edited {
    /// The file.
    pub path: String,
    /// The change as a unified diff.
    pub diff: String,
    /// Errors that came with it; `None` where nobody could look.
    pub problems: Option<Vec<String>>,
}

/// Where an episode is.
#[derive(Debug)]
pub(crate) struct StateMachine {
    state: State,
    next: Option<State>,
    transitions: usize,
    rejections: usize,
    visits: BTreeMap<&'static str, usize>,
}

impl StateMachine {
    /// Returns a machine in its first state.
    pub(crate) fn new() -> Self {
        let state = SearchCode { note: None }.into();
        Self { state, next: None, transitions: 0, rejections: 0, visits: BTreeMap::new() }
    }

    pub(crate) fn state(&self) -> &State {
        &self.state
    }

    /// Notes how the state is left.
    pub(crate) fn leave<S: Named>(&mut self, moved: Move<S>) {
        if S::of(&self.state).is_some() {
            self.next = Some(moved.to);
        }
    }

    /// Returns whether it is known how the state is left.
    pub(crate) fn is_leaving(&self) -> bool {
        self.next.is_some()
    }

    /// Enters the next state; returns whether there was one.
    ///
    /// # Errors
    /// A limit: too many transitions, rejections or visits of one state.
    pub(crate) fn advance(&mut self, config: &Config) -> Result<bool, AgentError> {
        let Some(next) = self.next.take() else { return Ok(false) };
        self.transitions += 1;
        let rejects = matches!(&next, State::PlanToCode(plan) if plan.note.rejected.is_some());
        self.rejections += usize::from(rejects);
        self.state = next;
        let visits = self.visits.entry(self.state.name()).or_default();
        *visits += 1;
        let counted = matches!(self.state, State::PlanToCode(_) | State::EditCode(_));
        let ended = matches!(self.state, State::Finished(_) | State::Rejected(_));
        if ended {
            return Ok(true);
        }
        if self.rejections > config.max_rejections {
            return Err(AgentError::GaveUp(format!("{} edits were rejected", self.rejections)));
        }
        if self.transitions >= config.max_transitions {
            return Err(AgentError::Limit(Limit::Transitions));
        }
        if counted && *visits > config.max_visits {
            return Err(AgentError::Limit(Limit::Visits));
        }
        Ok(true)
    }
}
