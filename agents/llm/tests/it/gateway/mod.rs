//! The gateway against servers whose own logs are the judges.

mod budget;
mod judge;
mod minute;
mod pauses;
mod processes;
mod routes;
