//! Changed files that are not written yet.

use std::collections::BTreeMap;

use serde_json::json;
use tool_core::{Command, FileError, Sandbox, Texts, ToolError, shell_quote};

/// What a script ends with where a path leads out of the repository; its output is that path.
const OUTSIDE: i32 = 3;

/// The files that a patch touches, by path relative to the repository: as they are and as they are to be.
pub(crate) struct Staging<'a> {
    sandbox: &'a dyn Sandbox,
    texts: &'a dyn Texts,
    files: BTreeMap<String, Staged>,
}

#[derive(Debug, Default)]
struct Staged {
    before: Option<Vec<u8>>,
    after: Option<Vec<u8>>,
    /// Permission bits to set.
    mode: Option<u32>,
}

impl<'a> Staging<'a> {
    pub(crate) fn new(sandbox: &'a dyn Sandbox, texts: &'a dyn Texts) -> Self {
        Self { sandbox, texts, files: BTreeMap::new() }
    }

    /// Returns the bytes of a file as they are to be; nothing when there is no such file.
    pub(crate) async fn read(&mut self, path: &str) -> Result<Option<Vec<u8>>, ToolError> {
        if let Some(staged) = self.files.get(path) {
            return Ok(staged.after.clone());
        }
        let bytes = match self.sandbox.read_file(&self.full(path)).await {
            Ok(bytes) => Some(bytes),
            Err(FileError::NotFound(_)) => None,
            Err(err) => return Err(err.into()),
        };
        self.files.insert(path.to_owned(), Staged { before: bytes.clone(), after: bytes.clone(), mode: None });
        Ok(bytes)
    }

    /// Sets what a file is to be; nothing removes it. It must have been read.
    pub(crate) fn set(&mut self, path: &str, bytes: Option<Vec<u8>>, mode: Option<u32>) {
        let staged = self.files.entry(path.to_owned()).or_default();
        staged.after = bytes;
        staged.mode = mode.or(staged.mode);
    }

    /// Returns the permission bits of a file.
    pub(crate) async fn mode(&self, path: &str) -> Result<Option<u32>, ToolError> {
        let path = shell_quote(&self.full(path));
        let script = format!("stat -c %a -- {path} 2>/dev/null || stat -f %Lp -- {path} 2>/dev/null");
        let output = self.sandbox.exec(Command::fresh(script)).await?;
        Ok(u32::from_str_radix(output.output.trim(), 8).ok())
    }

    /// Writes all files, or leaves all as they were.
    pub(crate) async fn write(&self) -> Result<(), ToolError> {
        let mut modes = BTreeMap::new();
        for (path, staged) in &self.files {
            if staged.before.is_some() && (staged.after.is_none() || staged.mode.is_some()) {
                modes.insert(path.as_str(), self.mode(path).await?);
            }
        }
        let Err(err) = self.try_write().await else { return Ok(()) };
        for (path, staged) in &self.files {
            if staged.before == staged.after && staged.mode.is_none() {
                continue;
            }
            let restored = match &staged.before {
                Some(before) => {
                    let mode = modes.get(path.as_str()).copied().flatten();
                    self.sandbox.write_file(&self.full(path), before, mode).await.map_err(ToolError::from)
                }
                None => self.remove(&[path.as_str()]).await,
            };
            if let Err(ToolError::Sandbox(err)) = restored {
                return Err(err.into());
            }
        }
        Err(err)
    }

    async fn try_write(&self) -> Result<(), ToolError> {
        let mut gone = Vec::new();
        for (path, staged) in &self.files {
            match &staged.after {
                Some(after) if staged.before.as_ref() != Some(after) || staged.mode.is_some() => {
                    self.sandbox.write_file(&self.full(path), after, staged.mode).await?;
                }
                None if staged.before.is_some() => gone.push(path.as_str()),
                Some(_) | None => {}
            }
        }
        self.remove(&gone).await
    }

    /// Removes files, none when one of them is behind a symbolic link that leads out of the repository.
    async fn remove(&self, paths: &[&str]) -> Result<(), ToolError> {
        if paths.is_empty() {
            return Ok(());
        }
        let words: Vec<String> = paths.iter().map(|path| shell_quote(&self.full(path))).collect();
        let script = format!(
            r#"set -- {}
root=$(cd -- {} && pwd -P) || exit 1
for path; do
    [ -d "${{path%/*}}" ] || continue
    folder=$(cd -- "${{path%/*}}" && pwd -P) || exit 1
    case "$folder/" in
        "${{root%/}}"/*) ;;
        *) printf '%s' "$path"; exit {OUTSIDE} ;;
    esac
done
rm -f -- "$@""#,
            words.join(" "),
            shell_quote(&self.sandbox.info().root),
        );
        let output = self.sandbox.exec(Command::fresh(script)).await?;
        match output.exit_code() {
            0 => Ok(()),
            OUTSIDE => {
                let values = json!({ "path": output.output });
                Err(ToolError::Rejected(self.texts.render("patch/linked_outside", values)))
            }
            _ => Err(ToolError::Rejected(output.output.trim().to_owned())),
        }
    }

    fn full(&self, path: &str) -> String {
        format!("{}/{path}", self.sandbox.info().root.trim_end_matches('/'))
    }
}
