//! The entries of a folder.

use serde_json::json;
use tool_core::{Command, Sandbox, Texts, ToolError, shell_quote};

/// Entries shown at most.
const CAP: usize = 1000;

/// Returns the non-hidden entries of a folder, two levels deep and sorted, folders with a slash at the end.
pub(crate) async fn list(
    path: &str,
    max: usize,
    sandbox: &dyn Sandbox,
    texts: &dyn Texts,
) -> Result<String, ToolError> {
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
        let values = json!({ "path": path, "why": output.output.trim() });
        return Err(ToolError::Rejected(texts.render("edit/folder_unreadable", values)));
    }
    let entries: Vec<&str> = output.output.lines().collect();
    Ok(layout(path.trim_end_matches('/'), &entries, max, texts))
}

fn layout(path: &str, entries: &[&str], max: usize, texts: &dyn Texts) -> String {
    let mut text = texts.render("edit/folder", json!({ "path": path })) + "\n";
    let mut left = max;
    for (index, entry) in entries.iter().enumerate() {
        let length = path.chars().count() + entry.chars().count() + 2;
        if length > left || index == CAP {
            return text + &texts.render("edit/folder_clipped", json!({ "shown": index })) + "\n";
        }
        left -= length;
        text.push_str(&format!("{path}/{entry}\n"));
    }
    if entries.is_empty() {
        text.push_str(&texts.plain("edit/folder_empty"));
        text.push('\n');
    }
    text
}
