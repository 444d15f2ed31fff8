//! The program that a shell runs.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::AsRawFd;

use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, memfd_create};

/// The program that a shell is started with; the driver follows on its standard input.
pub const BOOT: &str = "builtin mapfile -t -d '' -n 2 __spotter_boot; \
    builtin eval \"${__spotter_boot[0]}\"; builtin eval \"${__spotter_boot[1]}\"";

/// The program of a shell that finds the driver in the file that its first argument names.
const BOOT_FROM_FILE: &str = "builtin mapfile -t -d '' -n 2 __spotter_boot <\"$1\"; builtin shift; \
    builtin eval \"${__spotter_boot[0]}\"; builtin eval \"${__spotter_boot[1]}\"";

/// The driver, and the line that parts its setup from its loop.
const DRIVER: &str = include_str!("driver.sh");
const LOOP: &str = "#--- loop";

/// Returns the setup of the driver and its loop.
pub(super) fn parts() -> [&'static str; 2] {
    let (setup, main) = DRIVER.split_once(LOOP).unwrap_or((DRIVER, ""));
    [setup, main.lines().find(|line| !line.is_empty() && !line.starts_with('#')).unwrap_or_default()]
}

/// The driver in a file of this process that nothing can change, for shells of the same user on the same machine: bash
/// reads a pipe byte by byte, which takes longer than all else that it does before it is ready.
#[derive(Debug)]
pub struct DriverFile(File);

impl DriverFile {
    /// Makes the file, in memory.
    ///
    /// # Errors
    /// When the kernel has no such files.
    pub fn new() -> io::Result<Self> {
        let mut file = File::from(memfd_create("driver", MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING)?);
        for part in parts() {
            file.write_all(part.as_bytes())?;
            file.write_all(b"\0")?;
        }
        fcntl_add_seals(&file, SealFlags::WRITE | SealFlags::GROW | SealFlags::SHRINK | SealFlags::SEAL)?;
        Ok(Self(file))
    }

    /// Returns the arguments of a bash that reads it; its [`Pipe`](crate::Pipe) then has the driver.
    pub fn arguments(&self) -> [String; 4] {
        let path = format!("/proc/{}/fd/{}", std::process::id(), self.0.as_raw_fd());
        ["-c".to_owned(), BOOT_FROM_FILE.to_owned(), "bash".to_owned(), path]
    }
}
