//! Training data by way of real files and run folders.

mod import;
mod real_data;
mod sft;
mod shown;
mod written;
