//! Which process a file belongs to.

use std::fmt;

/// A process of this or of another machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Owner {
    machine: String,
    process: u32,
    /// When it began, in clock ticks since boot: with the id it names a process for good.
    begun: u64,
}

impl Owner {
    /// Returns this process.
    pub(crate) fn this() -> Self {
        let process = std::process::id();
        let machine = rustix::system::uname().nodename().to_string_lossy().into_owned();
        Self { machine, process, begun: begun(process).unwrap_or_default() }
    }

    /// Parses what `to_string` wrote.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut parts = text.trim().rsplitn(3, ' ');
        let begun = parts.next()?.parse().ok()?;
        let process = parts.next()?.parse().ok()?;
        Some(Self { machine: parts.next()?.to_owned(), process, begun })
    }

    /// Returns whether the process is known to have ended, which can be told of this machine alone.
    pub(crate) fn has_ended(&self) -> bool {
        self.machine == Self::this().machine && begun(self.process) != Some(self.begun)
    }

    /// Returns what names the process in a file's name.
    pub(crate) fn file_name(&self) -> String {
        let safe = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '-' | '.') { c } else { '_' };
        format!("{}-{}", self.machine.chars().map(safe).collect::<String>(), self.process)
    }
}

impl fmt::Display for Owner {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {} {}", self.machine, self.process, self.begun)
    }
}

/// Returns when a process began, unless it has ended.
fn begun(process: u32) -> Option<u64> {
    let stat = std::fs::read(format!("/proc/{process}/stat")).ok()?;
    // The name of the program comes second, in parentheses, and may hold anything.
    let text = String::from_utf8_lossy(&stat).into_owned();
    let fields: Vec<&str> = text.rsplit_once(") ")?.1.split_ascii_whitespace().collect();
    let is_dead = matches!(fields.first(), Some(&("Z" | "X")));
    fields.get(19).filter(|_| !is_dead)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_owner_lives_as_long_as_its_process() {
        let owner = Owner::this();
        assert_eq!(Owner::parse(&owner.to_string()), Some(owner.clone()));
        assert!(!owner.has_ended());
        assert!(Owner { begun: owner.begun + 1, ..owner.clone() }.has_ended());
        assert!(!Owner { machine: "elsewhere".into(), begun: 0, ..owner }.has_ended());
        assert_eq!(Owner::parse("nonsense"), None);
    }
}
