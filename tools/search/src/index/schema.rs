//! The fields of the index.

use std::sync::Arc;

use tantivy::Index;
use tantivy::directory::RamDirectory;
use tantivy::indexer::SingleSegmentIndexWriter;
use tantivy::schema::{Field, IndexRecordOption, STORED, STRING, Schema, TextFieldIndexing, TextOptions};
use tantivy::tokenizer::TokenizerManager;

use crate::cut::parse::{Grammars, Symbol};
use crate::index::tokens::CodeTokenizer;

/// Number of ranked fields.
pub(crate) const RANKED: usize = 5;

/// Names of the ranked fields, in the order of [`Fields::ranked`].
pub(crate) const NAMES: [&str; RANKED] = ["path", "name", "signature", "doc", "body"];

const TOKENIZER: &str = "code";

/// The fields of the index. Each span is a document; the first one of a file holds the file's text, too.
#[derive(Clone)]
pub(crate) struct Fields {
    schema: Schema,
    pub(crate) ranked: [Field; RANKED],
    pub(crate) symbol: Field,
    pub(crate) text: Field,
    pub(crate) tokenizer: CodeTokenizer,
    pub(crate) grammars: Arc<Grammars>,
}

impl Fields {
    pub(crate) fn new() -> Self {
        let indexing =
            TextFieldIndexing::default().set_tokenizer(TOKENIZER).set_index_option(IndexRecordOption::WithFreqs);
        let ranked = TextOptions::default().set_indexing_options(indexing);
        let mut builder = Schema::builder();
        let ranked = NAMES.map(|name| builder.add_text_field(name, ranked.clone()));
        let symbol = builder.add_text_field("symbol", STRING);
        let text = builder.add_text_field("text", STORED);
        Self {
            schema: builder.build(),
            ranked,
            symbol,
            text,
            tokenizer: CodeTokenizer::new(),
            grammars: Arc::new(Grammars::new()),
        }
    }

    /// Returns a writer of one segment in memory, which starts no threads.
    pub(crate) fn writer(&self, directory: RamDirectory, budget: usize) -> tantivy::Result<SingleSegmentIndexWriter> {
        let tokenizers = TokenizerManager::default();
        tokenizers.register(TOKENIZER, self.tokenizer.clone());
        let builder = Index::builder().schema(self.schema.clone()).tokenizers(tokenizers);
        builder.single_segment_index_writer(directory, budget)
    }

    /// Makes the tokenizer known to an index.
    pub(crate) fn register(&self, index: &Index) {
        index.tokenizers().register(TOKENIZER, self.tokenizer.clone());
    }
}

impl Symbol {
    /// Returns the word that stands for the symbol in the index.
    pub(crate) fn term(&self) -> String {
        match self {
            Self::Class(name) => format!("c:{name}"),
            Self::Function(name) => format!("f:{name}"),
            Self::Base(name) => format!("b:{name}"),
            Self::Call(name) => format!("x:{name}"),
        }
    }
}
