//! Paths as a model writes them.

use tool_core::ToolError;

/// Returns an absolute path without `.` and doubled slashes.
pub(crate) fn absolute(path: &str, root: &str) -> Result<String, ToolError> {
    if path.contains('\0') {
        return Err(ToolError::Rejected("the path holds a NUL byte".to_owned()));
    }
    if !path.starts_with('/') {
        let root = root.trim_end_matches('/');
        let path = path.trim_start_matches("./");
        return Err(ToolError::Rejected(format!(
            "the path `{path}` is not absolute\nhint: it must start with `/`, perhaps `{root}/{path}`"
        )));
    }
    // `..` stays: behind a symbolic link it is not what it looks like.
    let parts: Vec<&str> = path.split('/').filter(|part| !matches!(*part, "" | ".")).collect();
    Ok(format!("/{}", parts.join("/")))
}

/// Returns a path of a patch relative to the repository.
///
/// # Errors
/// When it leads out of the repository or into its `.git`.
pub(crate) fn inside(path: &str, root: &str) -> Result<String, ToolError> {
    let refuse = |reason: &str| Err(ToolError::Rejected(format!("the path `{path}` of the patch {reason}")));
    let relative = match path.strip_prefix(root.trim_end_matches('/')) {
        Some(rest) if rest.starts_with('/') => rest,
        _ if path.starts_with('/') => return refuse("leads out of the repository"),
        _ => path,
    };
    let mut parts: Vec<&str> = Vec::new();
    for part in relative.split('/') {
        match part {
            "" | "." => {}
            ".git" if parts.is_empty() => return refuse("is inside of `.git`"),
            ".." => return refuse("has a `..`: it must be a plain path inside of the repository"),
            part => parts.push(part),
        }
    }
    if parts.is_empty() { refuse("names no file") } else { Ok(parts.join("/")) }
}
