//! What a provider knows of the machine it runs on.

use std::collections::BTreeMap;
use std::path::PathBuf;

/// What a provider knows of the machine it runs on: environment variables, and where to draw.
///
/// Nothing of it reaches a sandbox but `PATH`, and that only a local one.
#[derive(Debug, Clone, Default)]
pub struct Host {
    /// Environment variables: `PATH`, `HOME`, `TMPDIR`, `XDG_CACHE_HOME`, `XDG_RUNTIME_DIR`, and `DOCKER_*` as the Docker client reads them.
    pub variables: BTreeMap<String, String>,
    /// Whether standard error is a terminal, where the progress of a pull can be drawn.
    pub terminal: bool,
}

impl Host {
    /// Reads the environment of this process; to be called by whoever owns the command line.
    pub fn from_process() -> Self {
        let wanted = |name: &str| {
            name.starts_with("DOCKER_")
                || ["PATH", "HOME", "TMPDIR", "XDG_CACHE_HOME", "XDG_RUNTIME_DIR"].contains(&name)
        };
        let variables = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .filter(|(name, _)| wanted(name))
            .collect();
        Self { variables, terminal: std::io::IsTerminal::is_terminal(&std::io::stderr()) }
    }

    /// Returns a variable that is set and not empty.
    pub(crate) fn variable(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// Returns the folder for temporary files.
    pub(crate) fn temporary(&self) -> PathBuf {
        PathBuf::from(self.variable("TMPDIR").unwrap_or("/tmp"))
    }
}

/// Returns the name of this machine.
pub(crate) fn machine() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

/// Which process made a sandbox, so that one left behind can be told from one in use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Owner {
    machine: String,
    process: u32,
    begun: u64,
}

impl Owner {
    /// Returns this process.
    pub(crate) fn this() -> Self {
        let process = std::process::id();
        Self { machine: machine(), process, begun: begun(process).unwrap_or_default() }
    }

    /// Parses what `to_string` wrote, and leaves what is on further lines.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut parts = text.lines().next()?.trim().rsplitn(3, ' ');
        let begun = parts.next()?.parse().ok()?;
        let process = parts.next()?.parse().ok()?;
        Some(Self { machine: parts.next()?.to_owned(), process, begun })
    }

    /// Returns whether the process ran on this machine.
    pub(crate) fn is_here(&self) -> bool {
        self.machine == machine()
    }

    /// Returns whether the process still runs on this machine.
    pub(crate) fn is_alive(&self) -> bool {
        self.is_here() && begun(self.process) == Some(self.begun)
    }
}

impl std::fmt::Display for Owner {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{} {} {}", self.machine, self.process, self.begun)
    }
}

/// Returns when a process began, in clock ticks since boot: with its id it names a process for good.
fn begun(process: u32) -> Option<u64> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    crate::local::Process::parse(process, &stat).filter(|process| !process.is_dead()).map(|process| process.begun)
}

/// Returns 32 random hexadecimal digits.
pub(crate) fn nonce() -> String {
    let mut bytes = [0_u8; 16];
    let mut filled = 0;
    while filled < bytes.len() {
        match rustix::rand::getrandom(&mut bytes[filled..], rustix::rand::GetRandomFlags::empty()) {
            Ok(count) => filled += count,
            Err(rustix::io::Errno::INTR) => {}
            // No kernel that runs containers lacks it; the hasher's keys come from the same source at an earlier time.
            Err(_) => return fallback_nonce(),
        }
    }
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn fallback_nonce() -> String {
    use std::hash::{BuildHasher, RandomState};
    let half = || RandomState::new().hash_one(std::time::SystemTime::now());
    format!("{:016x}{:016x}", half(), half())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_owner_lives_as_long_as_its_process() {
        let owner = Owner::this();
        assert_eq!(Owner::parse(&owner.to_string()), Some(owner.clone()));
        assert!(owner.is_alive());
        assert!(!Owner { begun: owner.begun + 1, ..owner.clone() }.is_alive());
        assert!(!Owner { machine: "elsewhere".into(), ..owner }.is_here());
        assert_eq!(Owner::parse("nonsense"), None);
    }

    #[test]
    fn nonces_differ() {
        assert_eq!(nonce().len(), 32);
        assert_ne!(nonce(), nonce());
    }
}
