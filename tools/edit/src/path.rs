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
