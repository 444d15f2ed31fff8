//! Trainers, and what each reads.

use serde::Serialize;

/// A trainer, by what its loader reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Target {
    /// TRL: `messages` and `tools`.
    Trl,
    /// axolotl: `messages` with `training`, and `tools`.
    Axolotl,
    /// LLaMA-Factory: `conversations`, `system` and `tools`, with a `dataset_info.json`.
    LlamaFactory,
    /// ms-swift: `messages` with `loss`, and `tools` as text.
    MsSwift,
    /// torchtune: `messages`, calls as text.
    Torchtune,
    /// Unsloth: as TRL.
    Unsloth,
    /// The interface of chat completions: `messages` with `weight`, and `tools`.
    Openai,
    /// ShareGPT: `conversations`.
    Sharegpt,
}

/// How rows hold calls of tools.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum CallForm {
    /// As `tool_calls` beside the text of an answer, with `tools` beside the messages.
    Native,
    /// In the text of an answer, one an answer, with the tools described in the system message and results as the user's
    /// words, as SWE-Gym's released data have them.
    Text,
}

impl Target {
    /// Every target.
    pub const ALL: [Self; 8] = [
        Self::Trl,
        Self::Axolotl,
        Self::LlamaFactory,
        Self::MsSwift,
        Self::Torchtune,
        Self::Unsloth,
        Self::Openai,
        Self::Sharegpt,
    ];

    /// Returns how rows of the target hold calls where nothing else is asked for. LLaMA-Factory drops the text beside a
    /// call, and torchtune and ShareGPT have no column for tools.
    pub fn calls(self) -> CallForm {
        match self {
            Self::Trl | Self::Axolotl | Self::MsSwift | Self::Unsloth | Self::Openai => CallForm::Native,
            Self::LlamaFactory | Self::Torchtune | Self::Sharegpt => CallForm::Text,
        }
    }

    /// Returns whether a row can say of each answer whether it is trained.
    pub(super) fn has_mask(self) -> bool {
        matches!(self, Self::Axolotl | Self::MsSwift | Self::Openai)
    }

    /// Returns the name in the command line and in files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Trl => "trl",
            Self::Axolotl => "axolotl",
            Self::LlamaFactory => "llama-factory",
            Self::MsSwift => "ms-swift",
            Self::Torchtune => "torchtune",
            Self::Unsloth => "unsloth",
            Self::Openai => "openai",
            Self::Sharegpt => "sharegpt",
        }
    }

    /// Returns the ending of the files of rows: an array of rows, or one row a line.
    pub(crate) fn extension(self) -> &'static str {
        match self {
            Self::LlamaFactory | Self::Torchtune => "json",
            _ => "jsonl",
        }
    }
}
