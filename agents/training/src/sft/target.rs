//! Trainers, and what each reads.

use serde::Serialize;

use super::{Arguments, Format};

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

    /// Returns the form of the files of rows where nothing else is asked for.
    pub fn format(self) -> Format {
        match self {
            Self::LlamaFactory | Self::Torchtune => Format::Json,
            _ => Format::Jsonl,
        }
    }

    /// Returns how rows hold arguments where nothing else is asked for. Chat templates that put arguments into words take
    /// objects, and TRL hands them over as they are; axolotl and ms-swift read text themselves.
    pub fn arguments(self) -> Arguments {
        match self {
            Self::Trl | Self::Unsloth => Arguments::Object,
            _ => Arguments::Text,
        }
    }
}
