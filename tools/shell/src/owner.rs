//! Which process made a sandbox.

use crate::process::Process;

/// Which process made a sandbox, so that a leftover can be distinguished from one in use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    machine: String,
    process: u32,
    begun: u64,
}

impl Owner {
    /// Returns this process.
    pub fn this() -> Self {
        let process = std::process::id();
        Self { machine: machine(), process, begun: begun(process).unwrap_or_default() }
    }

    /// Parses what `to_string` wrote, and leaves what is on further lines.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.lines().next()?.trim().rsplitn(3, ' ');
        let begun = parts.next()?.parse().ok()?;
        let process = parts.next()?.parse().ok()?;
        Some(Self { machine: parts.next()?.to_owned(), process, begun })
    }

    /// Returns whether the process ran on this machine.
    pub fn is_here(&self) -> bool {
        self.machine == machine()
    }

    /// Returns whether the process still runs on this machine.
    pub fn is_alive(&self) -> bool {
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
    Process::parse(process, &stat).filter(|process| !process.is_dead()).map(|process| process.begun)
}

/// Returns the name of this machine.
fn machine() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
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
}
