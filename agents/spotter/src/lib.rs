//! The binary that knows all agents.
