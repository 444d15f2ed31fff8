//! How shells are started.

use std::path::{Path, PathBuf};

use shell::{BOOT, DriverFile};
use tokio::process::Command;
use tool_core::Host;

/// The programs that a shell is started with.
pub(crate) struct Programs {
    setsid: PathBuf,
    bash: PathBuf,
    driver: Option<DriverFile>,
}

impl Programs {
    /// Finds the programs. With a whole path, the kernel starts them without a copy of this process's page tables.
    pub(crate) fn find(host: &Host) -> Self {
        let path = host.variable("PATH").unwrap_or_default();
        let find = |name: &str| {
            let places = path.split(':').filter(|folder| folder.starts_with('/'));
            let mut files = places.map(|folder| Path::new(folder).join(name));
            // What is not there is told when it is to be started.
            files.find(|file| file.is_file()).unwrap_or_else(|| PathBuf::from(name))
        };
        Self { setsid: find("setsid"), bash: find("bash"), driver: driver() }
    }

    /// Returns whether shells have the driver before anything is sent to them.
    pub(crate) fn have_driver(&self) -> bool {
        self.driver.is_some()
    }

    /// Returns the command of a shell, which runs in a session of its own: no command can reach the user's terminal, and
    /// Ctrl-C does not reach a command.
    pub(crate) fn shell(&self) -> Command {
        let mut command = Command::new(&self.setsid);
        command.arg(&self.bash).args(["--norc", "--noprofile", "-p"]);
        match &self.driver {
            Some(driver) => command.args(driver.arguments()),
            None => command.args(["-c", BOOT, "bash"]),
        };
        command
    }
}

/// Returns the file of the driver, unless a shell could not read it: files of a process with rights of its own are closed
/// to others of the same user.
fn driver() -> Option<DriverFile> {
    let is_open = matches!(rustix::process::dumpable_behavior(), Ok(rustix::process::DumpableBehavior::Dumpable));
    if is_open { DriverFile::new().ok() } else { None }
}
