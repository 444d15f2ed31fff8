//! The files of the repository, by the paths that a model gives.

use edit::{EditError, Text};
use serde_json::json;
use tool_core::{FileError, Sandbox, Texts, ToolError};

/// Returns a path relative to the repository.
///
/// # Errors
/// When it leads out of the repository, or names nothing in it.
pub(crate) fn relative(path: &str, root: &str, texts: &dyn Texts) -> Result<String, ToolError> {
    let refuse = |name: &str| Err(of_file(path, &texts.plain(name), texts));
    let trimmed = path.trim();
    let inside = match trimmed.strip_prefix(root.trim_end_matches('/')) {
        Some(rest) if rest.starts_with('/') => rest,
        _ if trimmed.starts_with('/') => return refuse("moatless/outside"),
        _ => trimmed,
    };
    let mut parts = Vec::new();
    for part in inside.split('/').filter(|part| !matches!(*part, "" | ".")) {
        match part {
            ".." => return refuse("moatless/upwards"),
            ".git" if parts.is_empty() => return refuse("moatless/in_git"),
            part => parts.push(part),
        }
    }
    if parts.is_empty() { refuse("moatless/no_name") } else { Ok(parts.join("/")) }
}

/// Refuses a call for what is to be said of a file.
pub(crate) fn of_file(path: &str, reason: &str, texts: &dyn Texts) -> ToolError {
    ToolError::Rejected(texts.render("moatless/of_file", json!({ "path": path, "reason": reason })))
}

/// Returns the text of a file; `None` where there is none.
///
/// # Errors
/// When it is not a file, or not text.
pub(crate) async fn load(path: &str, sandbox: &dyn Sandbox, texts: &dyn Texts) -> Result<Option<Text>, ToolError> {
    let bytes = match sandbox.read_file(&absolute(path, sandbox)).await {
        Ok(bytes) => bytes,
        Err(FileError::NotFound(_)) => return Ok(None),
        Err(err) => return Err(err.into()),
    };
    let text = Text::decode(&bytes).map_err(|err: EditError| of_file(path, &err.message(texts), texts))?;
    Ok(Some(text))
}

/// Writes the text of a file, `before` being what it was.
///
/// # Errors
/// When its encoding has no such characters, or it cannot be written.
pub(crate) async fn save(
    path: &str,
    before: &Text,
    body: &str,
    sandbox: &dyn Sandbox,
    texts: &dyn Texts,
) -> Result<(), ToolError> {
    let bytes = before.encode(body).map_err(|err: EditError| of_file(path, &err.message(texts), texts))?;
    Ok(sandbox.write_file(&absolute(path, sandbox), &bytes, None).await?)
}

/// Returns the empty text of a file that is to be created; one with nothing in it counts as not there.
///
/// # Errors
/// When it is there already.
pub(crate) async fn vacant(path: &str, sandbox: &dyn Sandbox, texts: &dyn Texts) -> Result<Text, ToolError> {
    match sandbox.read_file(&absolute(path, sandbox)).await {
        Err(FileError::NotFound(_)) => {}
        Err(FileError::Sandbox(err)) => return Err(err.into()),
        Ok(bytes) if bytes.trim_ascii().is_empty() => {}
        _ => return Err(ToolError::Rejected(texts.render("moatless/already_there", json!({ "path": path })))),
    }
    Text::decode(b"").map_err(|err: EditError| of_file(path, &err.message(texts), texts))
}

fn absolute(path: &str, sandbox: &dyn Sandbox) -> String {
    format!("{}/{path}", sandbox.info().root.trim_end_matches('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_taken_as_models_write_them() {
        let texts = crate::texts();
        let check = |path| relative(path, "/testbed", &texts).map_err(|err| err.to_string());
        for path in ["a/b.py", "./a/b.py", "/testbed/a/b.py", " a//b.py", "/testbed/./a/b.py"] {
            assert_eq!(check(path), Ok("a/b.py".to_owned()), "{path}");
        }
        for path in ["/etc/passwd", "/testbed2/a.py", "../a.py", "a/../../b.py", ".git/config", "", "/testbed", "."] {
            assert!(check(path).is_err(), "{path}");
        }
    }
}
