//! What came of runs, in figures.
