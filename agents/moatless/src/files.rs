//! The files of the repository, by the paths that a model gives.

use edit::Text;
use tool_core::{FileError, Sandbox, ToolError};

/// Returns a path relative to the repository.
///
/// # Errors
/// When it leads out of the repository, or names nothing in it.
pub(crate) fn relative(path: &str, root: &str) -> Result<String, ToolError> {
    let refuse = |why: &str| Err(ToolError::Rejected(format!("`{path}`: {why}")));
    let trimmed = path.trim();
    let inside = match trimmed.strip_prefix(root.trim_end_matches('/')) {
        Some(rest) if rest.starts_with('/') => rest,
        _ if trimmed.starts_with('/') => return refuse("it leads out of the repository; give it relative to its root"),
        _ => trimmed,
    };
    let mut parts = Vec::new();
    for part in inside.split('/').filter(|part| !matches!(*part, "" | ".")) {
        match part {
            ".." => return refuse("a path has no `..`"),
            ".git" if parts.is_empty() => return refuse("it is inside of `.git`"),
            part => parts.push(part),
        }
    }
    if parts.is_empty() { refuse("it names no file") } else { Ok(parts.join("/")) }
}

/// Returns the text of a file; `None` where there is none.
///
/// # Errors
/// When it is no file, or no text.
pub(crate) async fn load(path: &str, sandbox: &dyn Sandbox) -> Result<Option<Text>, ToolError> {
    let bytes = match sandbox.read_file(&absolute(path, sandbox)).await {
        Ok(bytes) => bytes,
        Err(FileError::NotFound(_)) => return Ok(None),
        Err(err) => return Err(err.into()),
    };
    let text = Text::decode(&bytes).map_err(|err| ToolError::Rejected(format!("`{path}`: {err}")))?;
    Ok(Some(text))
}

/// Writes the text of a file, `before` being what it was.
///
/// # Errors
/// When its encoding has no such characters, or it cannot be written.
pub(crate) async fn save(path: &str, before: &Text, body: &str, sandbox: &dyn Sandbox) -> Result<(), ToolError> {
    let bytes = before.encode(body).map_err(|err| ToolError::Rejected(format!("`{path}`: {err}")))?;
    Ok(sandbox.write_file(&absolute(path, sandbox), &bytes, None).await?)
}

/// Returns the empty text of a file that is to be created; one with nothing in it counts as not there.
///
/// # Errors
/// When it is there already.
pub(crate) async fn vacant(path: &str, sandbox: &dyn Sandbox) -> Result<Text, ToolError> {
    match sandbox.read_file(&absolute(path, sandbox)).await {
        Err(FileError::NotFound(_)) => {}
        Err(FileError::Sandbox(err)) => return Err(err.into()),
        Ok(bytes) if bytes.trim_ascii().is_empty() => {}
        _ => return Err(ToolError::Rejected(format!("`{path}` is there already, so it cannot be created"))),
    }
    Text::decode(b"").map_err(|err| ToolError::Rejected(format!("`{path}`: {err}")))
}

fn absolute(path: &str, sandbox: &dyn Sandbox) -> String {
    format!("{}/{path}", sandbox.info().root.trim_end_matches('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_taken_as_models_write_them() {
        let check = |path| relative(path, "/testbed").map_err(|err| err.to_string());
        for path in ["a/b.py", "./a/b.py", "/testbed/a/b.py", " a//b.py", "/testbed/./a/b.py"] {
            assert_eq!(check(path), Ok("a/b.py".to_owned()), "{path}");
        }
        for path in ["/etc/passwd", "/testbed2/a.py", "../a.py", "a/../../b.py", ".git/config", "", "/testbed", "."] {
            assert!(check(path).is_err(), "{path}");
        }
    }
}
