//! The file of the grader.

use std::path::{Path, PathBuf};

use super::ExportError;

/// How the grader is built so that it runs in any image.
const BUILD: &str = "RUSTFLAGS='-C target-feature=+crt-static -C strip=symbols' cargo build --release --target \
                     x86_64-unknown-linux-gnu -p harbor --bin spotter-grader";

/// The grader's program.
#[derive(Debug, Clone)]
pub struct GraderFile {
    pub(super) path: PathBuf,
}

impl GraderFile {
    /// Returns the grader that is at `path`, which must need no library of the sandbox that it will run in.
    ///
    /// # Errors
    /// [`ExportError::Grader`] when it is not there, no program of Linux, or not linked statically, with how it is built.
    pub fn load(path: &Path) -> Result<Self, ExportError> {
        let refused = |why: &str| ExportError::Grader(format!("`{}` {why}\nhint: {BUILD}", path.display()));
        let bytes = std::fs::read(path).map_err(|err| refused(&format!("cannot be read: {err}")))?;
        match is_static(&bytes) {
            Some(true) => Ok(Self { path: path.to_owned() }),
            Some(false) => Err(refused("is not linked statically, so that it would not run in every image")),
            None => Err(refused("is no 64-bit program of Linux")),
        }
    }

    /// Returns the grader at `path` for sandboxes of this machine, which have the libraries that it needs.
    pub fn for_this_machine(path: &Path) -> Self {
        Self { path: path.to_owned() }
    }
}

/// Returns whether an ELF file asks for no interpreter; `None` where it is no such file.
fn is_static(elf: &[u8]) -> Option<bool> {
    /// The kind of a segment that names the interpreter.
    const INTERPRETER: u64 = 3;
    if !elf.starts_with(b"\x7fELF\x02\x01") {
        return None;
    }
    let number = |at: u64, bytes: u64| {
        let (start, end) = (usize::try_from(at).ok()?, usize::try_from(at.checked_add(bytes)?).ok()?);
        Some(elf.get(start..end)?.iter().rev().fold(0_u64, |sum, byte| sum << 8 | u64::from(*byte)))
    };
    let (table, size, count) = (number(32, 8)?, number(54, 2)?, number(56, 2)?);
    for segment in 0..count {
        if number(table.checked_add(segment * size)?, 4)? == INTERPRETER {
            return Some(false);
        }
    }
    Some(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_with_an_interpreter_is_refused() {
        let own = std::env::current_exe().unwrap();
        let refused = GraderFile::load(&own).unwrap_err().to_string();
        assert!(refused.contains("not linked statically") && refused.contains("hint: RUSTFLAGS="), "{refused}");
        assert_eq!(is_static(b"#!/bin/sh\n"), None);
        assert_eq!(is_static(b"\x7fELF\x02\x01"), None);
        let mut elf = [0; 64];
        elf[..6].copy_from_slice(b"\x7fELF\x02\x01");
        assert_eq!(is_static(&elf), Some(true));
        elf[32..40].fill(0xff);
        elf[56] = 1;
        assert_eq!(is_static(&elf), None);
    }
}
