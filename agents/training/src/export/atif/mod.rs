//! Harbor's trajectories, ATIF 1.8, in the folders of its jobs and trials.

mod metrics;
mod steps;
mod trajectory;
mod trial;

pub(super) use trial::write_job;
