//! Agents, episodes, models, trajectories, limits and the loop.
