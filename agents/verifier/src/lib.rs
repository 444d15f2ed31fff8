//! Scorers of finished episodes, best-of-n, and the curves of both.
