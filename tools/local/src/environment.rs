//! The environment of the commands in a local sandbox.

use std::path::Path;

use tool_core::Host;

/// Returns the whole environment of a command.
pub(crate) fn variables(path: &Path, host: &Host) -> Vec<(&'static str, String)> {
    let inside = |name: &str| path.join(name).to_string_lossy().into_owned();
    let fixed = [
        ("LANG", "C.UTF-8"),
        ("TERM", "dumb"),
        ("SHELL", "/bin/bash"),
        ("PAGER", "cat"),
        ("GIT_PAGER", "cat"),
        ("GIT_TERMINAL_PROMPT", "0"),
        ("GIT_CONFIG_NOSYSTEM", "1"),
        // A patch shall not hold caches of a repository that does not ignore them.
        ("PYTHONDONTWRITEBYTECODE", "1"),
    ];
    let default_path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
    let mut variables = vec![
        ("PATH", host.variable("PATH").unwrap_or(default_path).to_owned()),
        ("HOME", inside("home")),
        ("TMPDIR", inside("tmp")),
    ];
    variables.extend(fixed.map(|(name, value)| (name, value.to_owned())));
    variables
}
