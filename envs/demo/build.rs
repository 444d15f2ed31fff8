//! Builds the crate anew when a file of an instance is added; `include_dir` alone only notices changed ones.

fn main() {
    println!("cargo::rerun-if-changed=instances");
}
