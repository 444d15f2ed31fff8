//! How shells are started.

use std::path::{Path, PathBuf};

use shell::BOOT;
use tokio::process::Command;
use tool_core::Host;

/// The programs that a shell is started with.
pub(crate) struct Programs {
    setsid: PathBuf,
    bash: PathBuf,
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
        Self { setsid: find("setsid"), bash: find("bash") }
    }

    /// Returns the command of a shell, which runs in a session of its own: no command can reach the user's terminal, and
    /// Ctrl-C does not reach a command.
    pub(crate) fn shell(&self) -> Command {
        let mut command = Command::new(&self.setsid);
        command.arg(&self.bash).args(["--norc", "--noprofile", "-p", "-c", BOOT, "bash"]);
        command
    }
}
