//! The `str_replace_editor` tool.

use std::ops::Range;
use std::sync::{Mutex, MutexGuard, PoisonError};

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};
use tool_core::{Command, FileError, Observation, Sandbox, Texts, Tool, ToolError, shell_quote};

use crate::edits::change::changed_lines;
use crate::edits::view::{around, count, lines, numbered, parse_range, span};
use crate::tools::history::History;
use crate::tools::listing::list;
use crate::tools::path::absolute;
use crate::{Change, EditError, EditorConfig, SyntaxCheck, Text, insert, is_python, miss, new_problems, str_replace};

/// Shows and edits files, and takes edits back.
#[derive(Debug, Default)]
pub struct StrReplaceEditor {
    config: EditorConfig,
    history: Mutex<History>,
}

/// Arguments of `str_replace_editor`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EditorArgs {
    /// What to do: `view`, `create`, `str_replace`, `insert` or `undo_edit`.
    command: EditorCommand,
    /// Absolute path of the file, or of the folder to view.
    path: String,
    /// For `create`: the whole text of the new file. It may be empty.
    file_text: Option<String>,
    /// For `str_replace`: the text to replace, exactly as it is in the file, blanks and all. It must be there once.
    old_str: Option<String>,
    /// For `str_replace`: the text to put in its place; left out or empty, the old text is removed.
    /// For `insert`: the lines to put in.
    new_str: Option<String>,
    /// For `insert`: the number of the line after which the text goes; 0 is before the first line.
    insert_line: Option<i64>,
    /// For `view` of a file: the first and the last line to show, counted from 1, such as `[11, 40]`; `[11, -1]` goes
    /// to the end of the file.
    view_range: Option<Vec<i64>>,
}

#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum EditorCommand {
    View,
    Create,
    StrReplace,
    Insert,
    UndoEdit,
}

impl Tool for StrReplaceEditor {
    const NAME: &'static str = "str_replace_editor";
    type Args = EditorArgs;

    async fn call(&self, args: EditorArgs, sandbox: &dyn Sandbox, texts: &dyn Texts) -> Result<Observation, ToolError> {
        let path = absolute(&args.path, &sandbox.info().root, texts)?;
        let file = File { path: &path, sandbox, texts };
        let text = match args.command {
            EditorCommand::View => self.view(file, args.view_range.as_deref()).await?,
            EditorCommand::Create => self.create(file, &file.needed(args.file_text, "create", "file_text")?).await?,
            EditorCommand::StrReplace => {
                let old = file.needed(args.old_str, "str_replace", "old_str")?;
                self.str_replace(file, &old, &args.new_str.unwrap_or_default()).await?
            }
            EditorCommand::Insert => {
                let line = file.needed(args.insert_line, "insert", "insert_line")?;
                self.insert(file, line, &file.needed(args.new_str, "insert", "new_str")?).await?
            }
            EditorCommand::UndoEdit => self.undo(file).await?,
        };
        Ok(Observation::text(text))
    }
}

/// A file by its absolute path in a sandbox, and the texts to speak of it.
#[derive(Clone, Copy)]
struct File<'a> {
    path: &'a str,
    sandbox: &'a dyn Sandbox,
    texts: &'a dyn Texts,
}

impl File<'_> {
    /// Returns a text with the path among its values.
    fn says(&self, name: &str, mut values: Value) -> String {
        values["path"] = self.path.into();
        self.texts.render(name, values)
    }

    /// Refuses a call for what is to be said of the file.
    fn reject(&self, reason: &str) -> ToolError {
        ToolError::Rejected(self.says("edit/of_file", json!({ "reason": reason })).trim_end().to_owned())
    }

    /// As [`File::reject`], with the name of the reason.
    fn reject_as(&self, name: &str) -> ToolError {
        self.reject(&self.texts.plain(name))
    }

    fn reject_edit(&self, err: &EditError) -> ToolError {
        self.reject(&err.message(self.texts))
    }

    fn needed<T>(&self, value: Option<T>, command: &str, name: &str) -> Result<T, ToolError> {
        let values = json!({ "command": command, "name": name });
        value.ok_or_else(|| ToolError::Rejected(self.texts.render("edit/needed", values)))
    }
}

impl StrReplaceEditor {
    /// Returns an editor with an empty history.
    pub fn new(config: EditorConfig) -> Self {
        Self { config, history: Mutex::default() }
    }

    async fn view(&self, file: File<'_>, range: Option<&[i64]>) -> Result<String, ToolError> {
        let bytes = match file.sandbox.read_file(file.path).await {
            Err(FileError::IsDirectory(_)) if range.is_some() => {
                return Err(file.reject_as("edit/folder_has_no_range"));
            }
            Err(FileError::IsDirectory(_)) => {
                return list(file.path, self.config.max_view, file.sandbox, file.texts).await;
            }
            Err(err @ FileError::TooLarge { .. }) => {
                return Err(ToolError::Rejected(
                    file.says("edit/too_large", json!({ "why": ToolError::from(err).message(file.texts)? })),
                ));
            }
            read => read?,
        };
        let text = Text::decode(&bytes).map_err(|err| file.reject_edit(&err))?;
        let shown = text.display(text.body());
        let lines = lines(&shown);
        let (range, note) = match range {
            Some(range) => parse_range(range, lines.len(), file.texts).map_err(|why| file.reject(&why))?,
            None => (0..lines.len(), None),
        };
        let part = if range.len() < lines.len() {
            part_of(&range, lines.len(), file.texts)
        } else if bytes.is_empty() {
            file.texts.plain("edit/empty_file")
        } else {
            count(lines.len(), "edit/line_count", file.texts)
        };
        let heading = file.says("edit/view", json!({ "part": part, "remark": text.remark(file.texts) }));
        let note = note.map(|note| note + "\n").unwrap_or_default();
        let body = numbered(&lines, range, self.config.max_view, file.texts);
        Ok(format!("{heading}\n{body}{note}"))
    }

    async fn create(&self, file: File<'_>, text: &str) -> Result<String, ToolError> {
        match file.sandbox.read_file(file.path).await {
            Err(FileError::NotFound(_)) => {}
            Err(FileError::Sandbox(err)) => return Err(err.into()),
            Err(FileError::IsDirectory(_)) => return Err(file.reject_as("edit/is_folder")),
            Ok(_) | Err(FileError::TooLarge { .. }) => return Err(file.reject_as("edit/is_there")),
            Err(err) => return Err(err.into()),
        }
        let warning = self.check_syntax(file, "", &text.replace("\r\n", "\n"))?;
        file.sandbox.write_file(file.path, text.as_bytes(), None).await?;
        self.remember(file, None, text.as_bytes());
        let created =
            file.says("edit/created", json!({ "lines": count(lines(text).len(), "edit/line_count", file.texts) }));
        Ok(format!("{created}\n{warning}"))
    }

    async fn str_replace(&self, file: File<'_>, old: &str, new: &str) -> Result<String, ToolError> {
        let (bytes, text) = load(file).await?;
        let change = str_replace(text.body(), old, new).map_err(|err| match err {
            EditError::NotFound => file.reject(&text.display(&miss(text.body(), old, new, file.texts))),
            err => file.reject_edit(&err),
        })?;
        self.apply(file, bytes, &text, &change).await
    }

    async fn insert(&self, file: File<'_>, line: i64, new: &str) -> Result<String, ToolError> {
        let (bytes, text) = load(file).await?;
        let change = insert(text.body(), line, new).map_err(|err| file.reject_edit(&err))?;
        self.apply(file, bytes, &text, &change).await
    }

    /// Writes a change and shows it.
    async fn apply(&self, file: File<'_>, old: Vec<u8>, text: &Text, change: &Change) -> Result<String, ToolError> {
        let new = text.encode_change(change).map_err(|err| file.reject_edit(&err))?;
        let warning = self.check_syntax(file, text.body(), &change.body)?;
        file.sandbox.write_file(file.path, &new, None).await?;
        self.remember(file, Some(old), &new);
        let edited = file.says("edit/edited", json!({}));
        Ok(format!("{edited} {}{warning}", self.snippet(text, &change.body, &change.lines, file.texts)))
    }

    async fn undo(&self, file: File<'_>) -> Result<String, ToolError> {
        let id = &file.sandbox.info().id;
        let Some(past) = self.history().last(id, file.path) else {
            return Err(file.reject_as("edit/nothing_to_undo"));
        };
        let current = match file.sandbox.read_file(file.path).await {
            Ok(current) => Some(current),
            Err(FileError::NotFound(_)) => None,
            Err(err) => return Err(err.into()),
        };
        let as_left = current.as_ref().is_some_and(|current| past.left(current));
        if !as_left && (current.is_some() || past.before.is_some()) {
            return Err(file.reject_as("edit/changed_since"));
        }
        let done = match &past.before {
            Some(before) => {
                file.sandbox.write_file(file.path, before, None).await?;
                let old = Text::decode(current.as_deref().unwrap_or_default()).map_err(|err| file.reject_edit(&err))?;
                let text = Text::decode(before).map_err(|err| file.reject_edit(&err))?;
                let changed = changed_lines(old.body(), text.body());
                let undid = file.says("edit/undid", json!({}));
                format!("{undid} {}", self.snippet(&text, text.body(), &changed, file.texts))
            }
            None => {
                if current.is_some() {
                    remove(file).await?;
                }
                file.says("edit/undid_creation", json!({})) + "\n"
            }
        };
        let left = self.history().pop(id, file.path);
        let left = file.says("edit/left_to_undo", json!({ "edits": count(left, "edit/edit_count", file.texts) }));
        Ok(format!("{done}{left}\n"))
    }

    /// Returns the warning about broken syntax, or nothing, or refuses.
    fn check_syntax(&self, file: File<'_>, before: &str, after: &str) -> Result<String, ToolError> {
        syntax_warning(self.config.syntax_check, file.path, before, after, file.texts).map_err(ToolError::Rejected)
    }

    /// Shows the changed lines and their surroundings.
    fn snippet(&self, text: &Text, body: &str, changed: &Range<usize>, texts: &dyn Texts) -> String {
        let shown = text.display(body);
        let lines = lines(&shown);
        if lines.is_empty() {
            return texts.plain("edit/now_empty") + "\n";
        }
        let range = around(changed, self.config.context, lines.len());
        let now = texts.render("edit/now", json!({ "lines": part_of(&range, lines.len(), texts) }));
        format!("{now}\n{}", numbered(&lines, range, self.config.max_view, texts))
    }

    fn remember(&self, file: File<'_>, before: Option<Vec<u8>>, after: &[u8]) {
        self.history().push(&file.sandbox.info().id, file.path, before, after, self.config.undo_depth);
    }

    fn history(&self) -> MutexGuard<'_, History> {
        self.history.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns a warning about syntax that an edit breaks, empty when there is none.
///
/// # Errors
/// With the refusal, when `check` asks for it.
pub(crate) fn syntax_warning(
    check: SyntaxCheck,
    path: &str,
    before: &str,
    after: &str,
    texts: &dyn Texts,
) -> Result<String, String> {
    if check == SyntaxCheck::Off || !is_python(path) {
        return Ok(String::new());
    }
    let problems = new_problems(before, after);
    if problems.is_empty() {
        return Ok(String::new());
    }
    let shown: Vec<String> = problems.iter().take(5).map(|problem| format!("  {}\n", problem.message(texts))).collect();
    let shown = shown.concat();
    match check {
        SyntaxCheck::Refuse => {
            let refused = texts.render("edit/syntax_refused", json!({ "path": path }));
            Err(format!("{refused}\n{}", shown.trim_end()))
        }
        SyntaxCheck::Off | SyntaxCheck::Report => {
            let warning = texts.render("edit/syntax_broken", json!({ "path": path }));
            Ok(format!("{warning}\n{shown}"))
        }
    }
}

async fn load(file: File<'_>) -> Result<(Vec<u8>, Text), ToolError> {
    let bytes = match file.sandbox.read_file(file.path).await {
        Err(err @ FileError::NotFound(_)) => {
            return Err(ToolError::Rejected(
                file.says("edit/absent", json!({ "why": ToolError::from(err).message(file.texts)? })),
            ));
        }
        read => read?,
    };
    let text = Text::decode(&bytes).map_err(|err| file.reject_edit(&err))?;
    Ok((bytes, text))
}

async fn remove(file: File<'_>) -> Result<(), ToolError> {
    let output = file.sandbox.exec(Command::fresh(format!("rm -f -- {}", shell_quote(file.path)))).await?;
    if output.success() { Ok(()) } else { Err(file.reject(output.output.trim())) }
}

/// Names lines and how many the file has.
fn part_of(range: &Range<usize>, lines: usize, texts: &dyn Texts) -> String {
    texts.render("edit/part", json!({ "lines": span(range, texts), "count": lines }))
}
