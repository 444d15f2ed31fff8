//! Config layers, solve, evaluate, run folders and the command line.
