//! What an export is asked for.

use anyhow::bail;
use serde::Serialize;

use super::{CallForm, Target};

/// What an export is asked for.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Settings {
    /// The trainer that reads the rows.
    pub target: Target,
    /// How rows hold calls; the target's own way by default.
    pub calls: CallForm,
    /// What a row is.
    pub by: By,
    /// The form of the files of rows; the target's own by default.
    pub format: Format,
    /// How rows hold the arguments of calls; the target's own way by default.
    pub arguments: Arguments,
    /// Keeps what the model thought before its answers, as `reasoning_content`.
    pub reasoning: bool,
    /// Rows of more tokens are left out; `None` keeps all.
    pub max_tokens: Option<usize>,
    /// Episodes of one instance beyond this number are left out, those of the most model calls first; `None` keeps all.
    pub per_instance: Option<usize>,
    /// Share of the episodes that is kept, above 0 and up to 1.
    pub subset: f64,
    /// How the share is chosen, and how rows are ordered.
    pub order: Order,
    /// Seed of what is drawn. SWE-Gym: 42.
    pub seed: u64,
    /// Share of the episodes that goes into the validation set, in whole repositories; 0 makes none.
    pub validation: f64,
    /// Keeps episodes of every verdict.
    pub all_verdicts: bool,
    /// Keeps instances of the repositories of SWE-bench's test set.
    pub allow_benchmarks: bool,
    /// Writes tokens and labels in the place of messages.
    pub pretokenized: bool,
}

/// What a row is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum By {
    /// A stretch of an episode in which the conversation only grew; all answers that were sampled in it are trained.
    Episode,
    /// What one call of the model was shown, and its answer, which alone is trained; as the data of SWE-Gym's Moatless
    /// agent. Answers that could not be read are left out.
    Call,
}

/// The form of a file of rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// An array of rows.
    Json,
    /// A row a line.
    Jsonl,
    /// Parquet, in which `tools` and the arguments of calls are text, as columns of mixed types break.
    Parquet,
}

/// How rows hold the arguments of calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Arguments {
    /// As the JSON text that the model wrote.
    Text,
    /// As an object. In Parquet as text of a column that `datasets`, from 4.8 on, reads as objects.
    Object,
}

/// How a share of the episodes is chosen, and how rows are ordered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Order {
    /// Drawn with the seed.
    Random,
    /// Those of the fewest model calls first.
    Sorted,
    /// Whole repositories, drawn with the seed.
    Repository,
}

impl Settings {
    /// Returns the defaults for a target.
    pub fn new(target: Target) -> Self {
        Self {
            target,
            calls: target.calls(),
            by: By::Episode,
            format: target.format(),
            arguments: target.arguments(),
            reasoning: false,
            max_tokens: None,
            per_instance: None,
            subset: 1.0,
            order: Order::Random,
            seed: 42,
            validation: 0.0,
            all_verdicts: false,
            allow_benchmarks: false,
            pretokenized: false,
        }
    }

    /// Checks that the settings agree with one another.
    ///
    /// # Errors
    /// What does not, with a hint.
    pub fn check(&self) -> anyhow::Result<()> {
        let name = self.target.name();
        if self.calls == CallForm::Native && self.target.calls() == CallForm::Text && !self.pretokenized {
            bail!("`{name}` takes calls only as text\nhint: leave `--calls` out, or use `--for trl`");
        }
        if !(self.subset > 0.0 && self.subset <= 1.0) {
            bail!("a subset of {} is none\nhint: it is a share above 0 and up to 1, such as 0.25", self.subset);
        }
        if !(0.0..1.0).contains(&self.validation) {
            bail!("a validation set of {} is none\nhint: it is a share from 0 and below 1", self.validation);
        }
        if self.pretokenized && !matches!(self.target, Target::Trl | Target::Axolotl | Target::Unsloth) {
            bail!("`{name}` takes no tokens\nhint: `--pretokenized` goes with `--for trl`, `axolotl` or `unsloth`");
        }
        if self.format == Format::Parquet && self.target == Target::Openai {
            bail!("`{name}` takes no Parquet\nhint: leave `--format` out, or use `--for trl`");
        }
        self.check_arguments()?;
        let thinks = matches!(self.target, Target::Trl | Target::Axolotl | Target::Unsloth);
        if self.reasoning && !(thinks && self.calls == CallForm::Native) {
            bail!(
                "`{name}` has no column for reasoning\nhint: `--reasoning` goes with `--for trl`, `axolotl` or `unsloth`, without `--calls text`"
            );
        }
        Ok(())
    }

    /// Checks that what is said of arguments and files is not lost on the rows.
    fn check_arguments(&self) -> anyhow::Result<()> {
        let name = self.target.name();
        let is_asked = self.arguments != self.target.arguments();
        if is_asked && self.pretokenized {
            bail!("tokens hold no arguments of calls\nhint: leave `--arguments` or `--pretokenized` out");
        }
        if is_asked && self.calls == CallForm::Text {
            bail!(
                "calls as text have their arguments in the text\nhint: leave `--arguments` out, or use `--calls native`"
            );
        }
        if is_asked && self.target == Target::Openai {
            bail!("`{name}` takes arguments only as text\nhint: leave `--arguments` out, or use `--for trl`");
        }
        if self.pretokenized && self.format == Format::Json {
            bail!("rows of tokens are written one a line\nhint: leave `--format` out, or use `--format parquet`");
        }
        Ok(())
    }

    /// Returns the ending of the files of rows.
    pub(crate) fn extension(&self) -> &'static str {
        match self.format {
            Format::Parquet => "parquet",
            Format::Json => "json",
            Format::Jsonl => "jsonl",
        }
    }

    /// Returns whether a row can say of each answer, or the training's configuration of all rows, what is trained.
    pub(super) fn has_mask(&self) -> bool {
        match self.target {
            Target::Axolotl | Target::MsSwift | Target::Openai => true,
            // A column of its own, and `mask_history`.
            Target::Trl | Target::Unsloth | Target::LlamaFactory => self.by == By::Call,
            Target::Torchtune | Target::Sharegpt => false,
        }
    }

    /// Returns whether rows are of a prompt and its completion.
    pub(super) fn is_split(&self) -> bool {
        self.by == By::Call && matches!(self.target, Target::Trl | Target::Unsloth)
    }
}
