//! A few small instances that ship with the project.
