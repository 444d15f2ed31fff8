//! The entries of a folder.

use tool_core::{Command, Sandbox, ToolError, shell_quote};

/// Entries shown at most.
const CAP: usize = 1000;

/// Returns the non-hidden entries of a folder, two levels deep and sorted, folders with a slash at the end.
pub(crate) async fn list(path: &str, max: usize, sandbox: &dyn Sandbox) -> Result<String, ToolError> {
    let script = format!(
        r#"cd -- {path} || exit 1
find . -mindepth 1 -maxdepth 2 -name '.*' -prune -o -print0 | while IFS= read -r -d '' entry; do
    entry=${{entry#./}}
    [ -d "$entry" ] && entry="$entry/"
    printf '%s\n' "${{entry//[[:cntrl:]]/?}}"
done | LC_ALL=C sort | head -n {lines}"#,
        path = shell_quote(path),
        lines = CAP + 1,
    );
    let output = sandbox.exec(Command::fresh(script).max_output(4 << 20)).await?;
    if !output.success() {
        return Err(ToolError::Rejected(format!("cannot list `{path}`: {}", output.output.trim())));
    }
    let entries: Vec<&str> = output.output.lines().collect();
    Ok(layout(path.trim_end_matches('/'), &entries, max))
}

fn layout(path: &str, entries: &[&str], max: usize) -> String {
    let mut text = format!("`{path}/`, two levels deep without hidden entries:\n");
    let mut left = max;
    for (index, entry) in entries.iter().enumerate() {
        let length = path.chars().count() + entry.chars().count() + 2;
        if length > left || index == CAP {
            text.push_str(&format!("(clipped: only the first {index} entries are shown; view a folder inside)\n"));
            return text;
        }
        left -= length;
        text.push_str(&format!("{path}/{entry}\n"));
    }
    if entries.is_empty() {
        text.push_str("(no entries)\n");
    }
    text
}
