//! Builds the crate anew when a manifest or a specification is added; `include_dir` alone only notices changed ones.

fn main() {
    println!("cargo::rerun-if-changed=datasets");
    println!("cargo::rerun-if-changed=specs");
}
