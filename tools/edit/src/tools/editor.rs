//! The `str_replace_editor` tool.

use std::ops::Range;
use std::sync::{Mutex, MutexGuard, PoisonError};

use schemars::JsonSchema;
use serde::Deserialize;
use tool_core::{Command, FileError, Observation, Sandbox, Tool, ToolError, shell_quote};

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

    async fn call(&self, args: EditorArgs, sandbox: &dyn Sandbox) -> Result<Observation, ToolError> {
        let path = absolute(&args.path, &sandbox.info().root)?;
        let file = File { path: &path, sandbox };
        let text = match args.command {
            EditorCommand::View => self.view(file, args.view_range.as_deref()).await?,
            EditorCommand::Create => self.create(file, &needed(args.file_text, "create", "file_text")?).await?,
            EditorCommand::StrReplace => {
                let old = needed(args.old_str, "str_replace", "old_str")?;
                self.str_replace(file, &old, &args.new_str.unwrap_or_default()).await?
            }
            EditorCommand::Insert => {
                let line = needed(args.insert_line, "insert", "insert_line")?;
                self.insert(file, line, &needed(args.new_str, "insert", "new_str")?).await?
            }
            EditorCommand::UndoEdit => self.undo(file).await?,
        };
        Ok(Observation::text(text))
    }
}

/// A file by its absolute path in a sandbox.
#[derive(Clone, Copy)]
struct File<'a> {
    path: &'a str,
    sandbox: &'a dyn Sandbox,
}

impl StrReplaceEditor {
    /// Returns an editor with an empty history.
    pub fn new(config: EditorConfig) -> Self {
        Self { config, history: Mutex::default() }
    }

    async fn view(&self, file: File<'_>, range: Option<&[i64]>) -> Result<String, ToolError> {
        let bytes = match file.sandbox.read_file(file.path).await {
            Err(FileError::IsDirectory(_)) if range.is_some() => {
                return Err(reject(file.path, "it is a folder, so view_range has no meaning"));
            }
            Err(FileError::IsDirectory(_)) => return list(file.path, self.config.max_view, file.sandbox).await,
            Err(err @ FileError::TooLarge { .. }) => {
                let hint = "hint: look at parts of it with shell commands such as `head`, `sed -n` or `grep -n`";
                return Err(ToolError::Rejected(format!("{err}\n{hint}")));
            }
            read => read?,
        };
        let text = Text::decode(&bytes).map_err(|err| reject(file.path, err))?;
        let shown = text.display(text.body());
        let lines = lines(&shown);
        let (range, note) = match range {
            Some(range) => parse_range(range, lines.len()).map_err(|err| reject(file.path, err))?,
            None => (0..lines.len(), None),
        };
        let part = if range.len() < lines.len() {
            format!("{} of {}", span(&range), lines.len())
        } else if bytes.is_empty() {
            "empty file".to_owned()
        } else {
            count(lines.len(), "line")
        };
        let remark = text.remark().map(|remark| format!(", {remark}")).unwrap_or_default();
        let note = note.map(|note| note + "\n").unwrap_or_default();
        let body = numbered(&lines, range, self.config.max_view);
        Ok(format!("`{}` ({part}{remark}):\n{body}{note}", file.path))
    }

    async fn create(&self, file: File<'_>, text: &str) -> Result<String, ToolError> {
        match file.sandbox.read_file(file.path).await {
            Err(FileError::NotFound(_)) => {}
            Err(FileError::Sandbox(err)) => return Err(err.into()),
            Err(FileError::IsDirectory(_)) => return Err(reject(file.path, "a folder is already there")),
            Ok(_) | Err(FileError::TooLarge { .. }) => {
                let reason = "the file is already there, and `create` does not overwrite\n\
                              hint: change it with `str_replace` or `insert`";
                return Err(reject(file.path, reason));
            }
            Err(err) => return Err(err.into()),
        }
        let warning = self.check_syntax(file.path, "", &text.replace("\r\n", "\n"))?;
        file.sandbox.write_file(file.path, text.as_bytes(), None).await?;
        self.remember(file, None, text.as_bytes());
        Ok(format!("Created `{}` with {}.\n{warning}", file.path, count(lines(text).len(), "line")))
    }

    async fn str_replace(&self, file: File<'_>, old: &str, new: &str) -> Result<String, ToolError> {
        let (bytes, text) = load(file).await?;
        let change = str_replace(text.body(), old, new).map_err(|err| match err {
            EditError::NotFound => reject(file.path, text.display(&miss(text.body(), old, new))),
            err => reject(file.path, err),
        })?;
        self.apply(file, bytes, &text, &change).await
    }

    async fn insert(&self, file: File<'_>, line: i64, new: &str) -> Result<String, ToolError> {
        let (bytes, text) = load(file).await?;
        let change = insert(text.body(), line, new).map_err(|err| reject(file.path, err))?;
        self.apply(file, bytes, &text, &change).await
    }

    /// Writes a change and shows it.
    async fn apply(&self, file: File<'_>, old: Vec<u8>, text: &Text, change: &Change) -> Result<String, ToolError> {
        let new = text.encode_change(change).map_err(|err| reject(file.path, err))?;
        let warning = self.check_syntax(file.path, text.body(), &change.body)?;
        file.sandbox.write_file(file.path, &new, None).await?;
        self.remember(file, Some(old), &new);
        Ok(format!("Edited `{}`. {}{warning}", file.path, self.snippet(text, &change.body, &change.lines)))
    }

    async fn undo(&self, file: File<'_>) -> Result<String, ToolError> {
        let id = &file.sandbox.info().id;
        let Some(past) = self.history().last(id, file.path) else {
            return Err(reject(file.path, "there is no edit by this tool left to undo"));
        };
        let current = match file.sandbox.read_file(file.path).await {
            Ok(current) => Some(current),
            Err(FileError::NotFound(_)) => None,
            Err(err) => return Err(err.into()),
        };
        let as_left = current.as_ref().is_some_and(|current| past.left(current));
        if !as_left && (current.is_some() || past.before.is_some()) {
            let reason = "it is no longer as the last edit left it: something else has changed it since, and undoing \
                          would lose that change\nhint: view the file and edit it with `str_replace`";
            return Err(reject(file.path, reason));
        }
        let done = match &past.before {
            Some(before) => {
                file.sandbox.write_file(file.path, before, None).await?;
                let old = Text::decode(current.as_deref().unwrap_or_default()).map_err(|err| reject(file.path, err))?;
                let text = Text::decode(before).map_err(|err| reject(file.path, err))?;
                let changed = changed_lines(old.body(), text.body());
                format!("Undid the last edit of `{}`. {}", file.path, self.snippet(&text, text.body(), &changed))
            }
            None => {
                if current.is_some() {
                    remove(file).await?;
                }
                format!("Undid the creation of `{}`: the file is gone again.\n", file.path)
            }
        };
        let left = self.history().pop(id, file.path);
        Ok(format!("{done}({} of this file left to undo)\n", count(left, "edit")))
    }

    /// Returns the warning about broken syntax, or nothing, or refuses.
    fn check_syntax(&self, path: &str, before: &str, after: &str) -> Result<String, ToolError> {
        syntax_warning(self.config.syntax_check, path, before, after).map_err(ToolError::Rejected)
    }

    /// Shows the changed lines and their surroundings.
    fn snippet(&self, text: &Text, body: &str, changed: &Range<usize>) -> String {
        let shown = text.display(body);
        let lines = lines(&shown);
        if lines.is_empty() {
            return "The file is empty now.\n".to_owned();
        }
        let range = around(changed, self.config.context, lines.len());
        let span = format!("{} of {}", span(&range), lines.len());
        format!("Now {span}:\n{}", numbered(&lines, range, self.config.max_view))
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
pub(crate) fn syntax_warning(check: SyntaxCheck, path: &str, before: &str, after: &str) -> Result<String, String> {
    if check == SyntaxCheck::Off || !is_python(path) {
        return Ok(String::new());
    }
    let problems = new_problems(before, after);
    if problems.is_empty() {
        return Ok(String::new());
    }
    let shown: Vec<String> = problems.iter().take(5).map(|problem| format!("  {problem}\n")).collect();
    let shown = shown.concat();
    match check {
        SyntaxCheck::Refuse => {
            let reason = "this edit would break its Python syntax, so nothing was changed; after the edit:";
            Err(format!("`{path}`: {reason}\n{}", shown.trim_end()))
        }
        SyntaxCheck::Off | SyntaxCheck::Report => {
            Ok(format!("Warning: `{path}` is not valid Python after this edit:\n{shown}"))
        }
    }
}

async fn load(file: File<'_>) -> Result<(Vec<u8>, Text), ToolError> {
    let bytes = match file.sandbox.read_file(file.path).await {
        Err(err @ FileError::NotFound(_)) => {
            return Err(ToolError::Rejected(format!("{err}\nhint: use `create` to make a new file")));
        }
        read => read?,
    };
    let text = Text::decode(&bytes).map_err(|err| reject(file.path, err))?;
    Ok((bytes, text))
}

async fn remove(file: File<'_>) -> Result<(), ToolError> {
    let output = file.sandbox.exec(Command::fresh(format!("rm -f -- {}", shell_quote(file.path)))).await?;
    if output.success() { Ok(()) } else { Err(reject(file.path, output.output.trim())) }
}

fn needed<T>(value: Option<T>, command: &str, name: &str) -> Result<T, ToolError> {
    value.ok_or_else(|| ToolError::Rejected(format!("`{command}` needs the argument `{name}`")))
}

fn reject(path: &str, reason: impl std::fmt::Display) -> ToolError {
    ToolError::Rejected(format!("`{path}`: {reason}").trim_end().to_owned())
}
