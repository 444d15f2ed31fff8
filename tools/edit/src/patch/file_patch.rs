//! A unified diff as data.

/// What a patch does to one file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FilePatch {
    /// The path before, as written but without quotes; nothing for `/dev/null`.
    pub old: Option<String>,
    /// The path after, as written but without quotes; nothing for `/dev/null`.
    pub new: Option<String>,
    /// How the file gets its new path.
    pub origin: Origin,
    /// Permission bits to set.
    pub mode: Option<u32>,
    /// The hunks, in the order of the patch.
    pub hunks: Vec<Hunk>,
}

/// How a file gets its new path.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Origin {
    /// It is there already, or is new.
    #[default]
    Same,
    /// It was at the old path, says the patch; its paths have no prefix.
    Renamed,
    /// It is a copy of the old path, says the patch; its paths have no prefix.
    Copied,
}

/// One hunk.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Hunk {
    /// The line of its header in the patch, counted from 1.
    pub patch_line: usize,
    /// The stated first line and count before the change; nothing when the header does not say.
    pub stated: Option<(usize, usize)>,
    /// The lines.
    pub lines: Vec<HunkLine>,
    /// Whether the stated counts were wrong.
    pub miscounted: bool,
    /// Whether the last line before the change has no line break.
    pub old_unended: bool,
    /// Whether the last line after the change has no line break.
    pub new_unended: bool,
}

/// One line of a hunk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HunkLine {
    /// What happens to it.
    pub sign: Sign,
    /// Its text without the sign and the line break.
    pub text: String,
}

/// What happens to a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sign {
    /// It is unchanged.
    Context,
    /// It is removed.
    Removed,
    /// It is added.
    Added,
}

impl Hunk {
    /// Returns the lines before the change.
    pub(crate) fn old_lines(&self) -> impl Iterator<Item = &HunkLine> {
        self.lines.iter().filter(|line| line.sign != Sign::Added)
    }

    /// Returns the lines after the change.
    pub(crate) fn new_lines(&self) -> impl Iterator<Item = &HunkLine> {
        self.lines.iter().filter(|line| line.sign != Sign::Removed)
    }

    /// Returns the number of lines with a sign.
    pub(crate) fn count(&self, sign: Sign) -> usize {
        self.lines.iter().filter(|line| line.sign == sign).count()
    }
}

impl HunkLine {
    /// Returns the text without the `\r` of a CRLF line end.
    pub(crate) fn plain(&self) -> &str {
        self.text.strip_suffix('\r').unwrap_or(&self.text)
    }
}
