//! Builds the crate anew when a part of the page changes.

fn main() {
    println!("cargo:rerun-if-changed=assets");
}
