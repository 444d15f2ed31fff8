//! Pages of runs that tests write.

mod browser;
mod live;
mod opened;
mod page;
mod why;
mod written;
