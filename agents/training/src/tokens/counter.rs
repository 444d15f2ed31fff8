//! What counts tokens.

use std::ops::Range;
use std::path::{Path, PathBuf};

use agent_core::ToolSpec;
use anyhow::{Context, anyhow, bail};
use serde_json::Value;
use tokenizers::Tokenizer;

use super::fast::Fast;
use super::{ChatTemplate, Encoded, Turn};

/// How many tokens a conversation takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Measure {
    /// All of them.
    pub tokens: usize,
    /// Those that are trained; `None` where that is not known.
    pub trained: Option<usize>,
}

/// What counts tokens: a tokenizer with its chat template, or an estimate.
pub enum Counter {
    /// A token for each four characters.
    Estimate,
    /// The tokenizer of the model that is trained, with how it sees conversations.
    Tokenizer(Box<ModelTokenizer>),
}

/// A tokenizer with its chat template.
pub struct ModelTokenizer {
    tokenizer: Tokenizer,
    /// Its quick form, where it has one.
    fast: Option<Fast>,
    template: ChatTemplate,
    /// The file that it is from.
    path: PathBuf,
}

impl Counter {
    /// Reads a `tokenizer.json`, with the chat template of the `chat_template.jinja` or `tokenizer_config.json` beside it.
    ///
    /// # Errors
    /// When there is no tokenizer or no template, or one cannot be read.
    pub fn load(path: &Path) -> anyhow::Result<Self> {
        let mut tokenizer = Tokenizer::from_file(path).map_err(|err| {
            anyhow!("cannot read `{}`: {err}\nhint: `--tokenizer` takes a model's tokenizer.json", path.display())
        })?;
        let description = journal::read_text(path)?.and_then(|text| serde_json::from_str(&text).ok());
        // What a tokenizer was saved with after a training cuts and fills rows without a word.
        tokenizer.with_truncation(None).map_err(|err| anyhow!("`{}`: {err}", path.display()))?;
        tokenizer.with_padding(None);
        let folder = path.parent().unwrap_or(Path::new("."));
        let config: Option<Value> = journal::read_text(&folder.join("tokenizer_config.json"))?
            .map(|text| serde_json::from_str(&text))
            .transpose()
            .with_context(|| format!("cannot read `{}`", folder.join("tokenizer_config.json").display()))?;
        let beside = journal::read_text(&folder.join("chat_template.jinja"))?;
        let Some(source) = beside.or_else(|| config.as_ref().and_then(template_of)) else {
            bail!(
                "`{}` has no chat template beside it\nhint: put the model's tokenizer_config.json or \
                 chat_template.jinja into the same folder",
                path.display()
            );
        };
        let template = ChatTemplate::new(source, config.as_ref())?;
        let fast = description.and_then(|description: Value| Fast::new(&description, &tokenizer));
        Ok(Self::Tokenizer(Box::new(ModelTokenizer { tokenizer, fast, template, path: path.to_owned() })))
    }

    /// Returns how many tokens a conversation takes, and how many of them are trained.
    ///
    /// # Errors
    /// When the template refuses the conversation.
    pub fn measure(&self, turns: &[Turn], tools: &[ToolSpec]) -> anyhow::Result<Measure> {
        match self {
            Self::Estimate => Ok(Measure { tokens: characters(turns, tools).div_ceil(4), trained: None }),
            Self::Tokenizer(own) => match self.encode(turns, tools) {
                Ok(Some(encoded)) => Ok(Measure { tokens: encoded.len(), trained: Some(encoded.trained()) }),
                // Templates that show earlier answers otherwise still tell how long the conversation is.
                _ => {
                    let text = own.template.render(turns, tools, false)?;
                    Ok(Measure { tokens: own.encode(&text, &[])?.len(), trained: None })
                }
            },
        }
    }

    /// Returns the tokens of a conversation, with those that are trained; `None` without a tokenizer.
    ///
    /// # Errors
    /// When the template refuses the conversation, or does not show it as one text that grows.
    pub fn encode(&self, turns: &[Turn], tools: &[ToolSpec]) -> anyhow::Result<Option<Encoded>> {
        match self {
            Self::Estimate => Ok(None),
            Self::Tokenizer(own) => {
                let (text, spans) = own.template.spans(turns, tools)?;
                own.encode(&text, &spans).map(Some)
            }
        }
    }

    /// Returns how tokens are counted, in words.
    pub fn describe(&self) -> String {
        match self {
            Self::Estimate => "estimated: a token for each four characters".to_owned(),
            Self::Tokenizer(own) => {
                let name = own.path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
                format!("counted with `{name}` and its chat template")
            }
        }
    }
}

impl ModelTokenizer {
    /// Returns the tokens of a text, added ones told from their text; those within `spans` are trained.
    fn encode(&self, text: &str, spans: &[Range<usize>]) -> anyhow::Result<Encoded> {
        if let Some(fast) = &self.fast
            && let Some(tokens) = fast.encode(text, &self.tokenizer)?
            && !tokens.blur(spans)
        {
            return Ok(Encoded::new(fast.places(&tokens), spans));
        }
        let encoding = self.tokenizer.encode(text, false).map_err(|err| anyhow!("{err}"))?;
        let places = encoding.get_offsets().iter().map(|(start, end)| *start..*end);
        Ok(Encoded::new(encoding.get_ids().iter().copied().zip(places), spans))
    }
}

fn characters(turns: &[Turn], tools: &[ToolSpec]) -> usize {
    let turn = |turn: &Turn| {
        let calls = turn.message.tool_calls.iter();
        let calls: usize = calls.map(|call| call.name.chars().count() + call.arguments.chars().count()).sum();
        turn.message.content.chars().count() + calls
    };
    let tool = |tool: &ToolSpec| tool.description.chars().count() + tool.parameters.to_string().chars().count();
    turns.iter().map(turn).sum::<usize>() + tools.iter().map(tool).sum::<usize>()
}

/// Returns the template of a `tokenizer_config.json`: of several, the one for tools, or the default.
fn template_of(config: &Value) -> Option<String> {
    let template = config.get("chat_template")?;
    if let Some(text) = template.as_str() {
        return Some(text.to_owned());
    }
    let named = |name: &str| template.as_array()?.iter().find(|one| one["name"] == name)?["template"].as_str();
    named("tool_use").or_else(|| named("default")).map(str::to_owned)
}
