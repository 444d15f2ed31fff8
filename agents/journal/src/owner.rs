//! Which process a file belongs to.
//!
//! Not `shell::Owner`, which tells a sandbox of this machine by the machine's name: a run folder is shared by machines
//! and by containers that have one name, so that a process is named here with the boot and the space of process ids as
//! well.

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
        Self { machine: machine(), process, begun: begun(process).unwrap_or_default() }
    }

    /// Parses what `to_string` wrote.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut parts = text.trim().rsplitn(3, ' ');
        let begun = parts.next()?.parse().ok()?;
        let process = parts.next()?.parse().ok()?;
        Some(Self { machine: parts.next()?.to_owned(), process, begun })
    }

    /// Returns the machine's name.
    pub(crate) fn host(&self) -> &str {
        self.machine.split('/').next().unwrap_or_default()
    }

    /// Returns the process's id.
    pub(crate) fn process(&self) -> u32 {
        self.process
    }

    /// Returns whether the process runs where this one can see it.
    pub(crate) fn is_here(&self) -> bool {
        self.machine == machine()
    }

    /// Returns whether the process is known to have ended; what cannot be determined, as of another machine, is taken
    /// to run.
    pub(crate) fn has_ended(&self) -> bool {
        self.is_here() && Self::this().begun != 0 && begun(self.process) != Some(self.begun) && !is_hidden(self.process)
    }

    /// Returns the mark of the process in the names of temporary files.
    pub(crate) fn mark(&self) -> String {
        format!("{:08x}-{}-{}", crc32fast::hash(self.machine.as_bytes()), self.process, self.begun)
    }

    /// Returns whether a mark is of a process that is known to have ended; `None` where that cannot be determined, as
    /// of another machine.
    pub(crate) fn marked_has_ended(mark: &str) -> Option<bool> {
        let mut parts = mark.split('-');
        let here = machine();
        let is_here = u32::from_str_radix(parts.next()?, 16) == Ok(crc32fast::hash(here.as_bytes()));
        let (process, begun) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
        is_here.then(|| Self { machine: here, process, begun }.has_ended())
    }

    /// Returns what names the process in a file's name.
    pub(crate) fn file_name(&self) -> String {
        let safe = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '-' | '.') { c } else { '_' };
        let name = rustix::system::uname().nodename().to_string_lossy().into_owned();
        format!("{}-{}", name.chars().map(safe).collect::<String>(), self.process)
    }
}

/// Returns what tells this machine, this boot of it and this space of process ids from others: containers may share a
/// name and none of the rest.
fn machine() -> String {
    let name = rustix::system::uname().nodename().to_string_lossy().into_owned();
    let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    let space = std::fs::read_link("/proc/self/ns/pid").map(|link| link.to_string_lossy().into_owned());
    format!("{name}/{}/{}", boot.trim(), space.unwrap_or_default())
}

/// Returns whether a process runs that `/proc` does not show to this user.
fn is_hidden(process: u32) -> bool {
    let id = i32::try_from(process).ok().and_then(rustix::process::Pid::from_raw);
    id.is_some_and(|id| rustix::process::test_kill_process(id) == Err(rustix::io::Errno::PERM))
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
        assert!(!Owner { machine: "elsewhere".into(), begun: 0, ..owner.clone() }.has_ended());
        assert!(owner.is_here());
        assert_eq!(Owner::marked_has_ended(&owner.mark()), Some(false));
        assert_eq!(Owner::marked_has_ended(&Owner { begun: owner.begun + 1, ..owner.clone() }.mark()), Some(true));
        assert_eq!(Owner::marked_has_ended(&Owner { machine: "elsewhere".into(), ..owner.clone() }.mark()), None);
        assert_eq!(Owner::marked_has_ended("1"), None);
        assert_eq!(Owner::parse("nonsense"), None);
    }

    #[test]
    fn a_machine_is_told_by_its_boot_as_well_as_its_name() {
        let read = |path| std::fs::read_to_string(path).unwrap();
        let boot = read("/proc/sys/kernel/random/boot_id");
        let machine = machine();
        assert_eq!(Owner::this().host(), read("/proc/sys/kernel/hostname").trim());
        assert!(machine.contains(boot.trim()) && machine.contains("/pid:["), "{machine}");
    }
}
