//! Environments for trainers, as a server.
//!
//! [`Gym`] serves the instances of an environment in two protocols by one router: the Open Reward Standard (HTTP and server
//! sent events) and OpenEnv (a web socket). A session is an episode of the project, whose calls come from outside: the
//! engine, the limits, the record and the judging are those of every other episode. Beside them it runs rollouts, in which
//! an agent of the project asks a trainer's endpoint, and hands on the calls of foreign agents to a model; both are told
//! with the tokens that a trainer needs. This crate knows no dataset, no agent and no sandbox: it is given a cell.

mod access;
mod metrics;
mod reward;
mod settings;

mod gym;
mod sessions;
mod tasks;
mod tools;
mod warm;

mod gateway;
mod openenv;
mod ors;
mod refusal;
mod rollout;
mod server;

pub use gym::{Gym, Parts};
pub use reward::{Base, Reward, RewardSettings};
pub use server::serve;
pub use settings::{Abandoned, Settings};
pub use warm::Warm;
