//! Paths as a model writes them.

use serde_json::json;
use tool_core::{Texts, ToolError};

/// Returns an absolute path without `.` and doubled slashes.
pub(crate) fn absolute(path: &str, root: &str, texts: &dyn Texts) -> Result<String, ToolError> {
    if path.contains('\0') {
        return Err(ToolError::Rejected(texts.plain("edit/nul")));
    }
    if !path.starts_with('/') {
        let root = root.trim_end_matches('/');
        let path = path.trim_start_matches("./");
        return Err(ToolError::Rejected(texts.render("edit/relative", json!({ "path": path, "root": root }))));
    }
    // `..` stays: behind a symbolic link it is not what it looks like.
    let parts: Vec<&str> = path.split('/').filter(|part| !matches!(*part, "" | ".")).collect();
    Ok(format!("/{}", parts.join("/")))
}

/// Returns a path of a patch relative to the repository.
///
/// # Errors
/// When it leads out of the repository or into its `.git`.
pub(crate) fn inside(path: &str, root: &str, texts: &dyn Texts) -> Result<String, ToolError> {
    let refuse = |name: &str| Err(ToolError::Rejected(texts.render(name, json!({ "path": path }))));
    let relative = match path.strip_prefix(root.trim_end_matches('/')) {
        Some(rest) if rest.starts_with('/') => rest,
        _ if path.starts_with('/') => return refuse("patch/path_outside"),
        _ => path,
    };
    let mut parts: Vec<&str> = Vec::new();
    for part in relative.split('/') {
        match part {
            "" | "." => {}
            ".git" if parts.is_empty() => return refuse("patch/path_in_git"),
            ".." => return refuse("patch/path_upwards"),
            part => parts.push(part),
        }
    }
    if parts.is_empty() { refuse("patch/path_empty") } else { Ok(parts.join("/")) }
}
