//! Packs: immutable indexes of some files, each a tantivy segment with a list of its files.

use std::ops::Range;
use std::sync::Arc;

use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};
use tantivy::directory::RamDirectory;
use tantivy::fieldnorm::FieldNormReader;
use tantivy::indexer::SingleSegmentIndexWriter;
use tantivy::postings::BlockSegmentPostings;
use tantivy::schema::{IndexRecordOption, Value as _};
use tantivy::store::StoreReader;
use tantivy::{DocSet as _, Index, InvertedIndexReader, SegmentReader, TERMINATED, TantivyDocument, Term};

use crate::cut::key::Key;
use crate::cut::parse::Parsed;
use crate::cut::span::Outline;
use crate::error::SearchError;
use crate::index::schema::{Fields, RANKED};

/// What a writer may use for its table of words at first, at least and at most; it grows with what is added.
const BUDGETS: (usize, usize) = (1 << 20, 15 << 20);
/// Decompressed blocks of texts that are kept.
const BLOCKS: usize = 4;

/// A part of a file in a pack.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Unit {
    pub(crate) key: Key,
    /// Number of documents: one a span, and at least one.
    docs: u32,
    /// The outline, as bytes: most are never looked at.
    outline: Vec<u8>,
    /// Why names may be missing.
    unparsed: Option<String>,
}

/// Makes a pack in memory.
pub(crate) struct PackWriter<'a> {
    fields: &'a Fields,
    directory: RamDirectory,
    writer: SingleSegmentIndexWriter,
    units: Vec<Unit>,
}

impl<'a> PackWriter<'a> {
    /// Returns a writer for about so many bytes.
    pub(crate) fn new(fields: &'a Fields, bytes: usize) -> Result<Self, SearchError> {
        let directory = RamDirectory::create();
        let writer = fields.writer(directory.clone(), (8 * bytes).clamp(BUDGETS.0, BUDGETS.1))?;
        Ok(Self { fields, directory, writer, units: Vec::new() })
    }

    /// Adds a part of a file, with the file's path to its first one. The ranges in `parsed` are of `source`.
    pub(crate) fn add(
        &mut self,
        key: Key,
        path: Option<&str>,
        source: &str,
        text: &str,
        parsed: &Parsed,
    ) -> Result<(), SearchError> {
        let mut first = TantivyDocument::default();
        let [path_field, name, signature, doc, body] = self.fields.ranked;
        path.into_iter().for_each(|path| first.add_text(path_field, path));
        first.add_text(self.fields.text, text);
        let mut documents = vec![first];
        documents.resize_with(parsed.contents.len().max(1), TantivyDocument::default);
        for (document, content) in documents.iter_mut().zip(&parsed.contents) {
            content.names.iter().for_each(|value| document.add_text(name, value));
            for (field, ranges) in [(signature, &content.signature), (doc, &content.doc), (body, &content.body)] {
                let texts = ranges.iter().filter_map(|range| source.get(range.clone()));
                texts.for_each(|value| document.add_text(field, value));
            }
            content.symbols.iter().for_each(|symbol| document.add_text(self.fields.symbol, symbol.term()));
        }
        let docs = u32::try_from(documents.len()).unwrap_or(u32::MAX);
        for document in documents {
            self.writer.add_document(document)?;
        }
        let outline = postcard::to_stdvec(&parsed.outline)?;
        self.units.push(Unit { key, docs, outline, unparsed: parsed.unparsed.clone() });
        Ok(())
    }

    /// Returns the pack and the files it consists of; none where nothing was added.
    pub(crate) fn finish(self) -> Result<Option<(Pack, RamDirectory)>, SearchError> {
        if self.units.is_empty() {
            return Ok(None);
        }
        let index = self.writer.finalize()?;
        Ok(Some((Pack::open(&index, self.fields, self.units)?, self.directory)))
    }
}

/// An immutable index of some files.
pub(crate) struct Pack {
    pub(crate) units: Vec<Unit>,
    by_key: FxHashMap<Key, u32>,
    /// First document of each unit, and one past the last.
    firsts: Vec<u32>,
    /// The unit of each document.
    unit_of: Vec<u32>,
    /// Words of each unit, by field.
    lengths: Vec<[u32; RANKED]>,
    inverted: Vec<Arc<InvertedIndexReader>>,
    norms: Vec<FieldNormReader>,
    symbols: Arc<InvertedIndexReader>,
    store: StoreReader,
    fields: Fields,
}

impl Pack {
    /// Opens an index of one segment with the list of its files.
    pub(crate) fn open(index: &Index, fields: &Fields, units: Vec<Unit>) -> Result<Self, SearchError> {
        let segments = index.searchable_segments()?;
        let [segment] = segments.as_slice() else {
            return Err(SearchError::Cache(format!("{} segments in a pack", segments.len())));
        };
        let reader = SegmentReader::open(segment)?;
        let mut firsts = vec![0];
        let mut unit_of = Vec::new();
        for (at, unit) in (0..).zip(&units) {
            unit_of.extend(std::iter::repeat_n(at, unit.docs as usize));
            firsts.push(u32::try_from(unit_of.len()).unwrap_or(u32::MAX));
        }
        if unit_of.len() != reader.max_doc() as usize {
            return Err(SearchError::Cache(format!("{} documents, {} expected", reader.max_doc(), unit_of.len())));
        }
        let inverted =
            fields.ranked.iter().map(|field| reader.inverted_index(*field)).collect::<Result<Vec<_>, _>>()?;
        let norms =
            fields.ranked.iter().map(|field| reader.get_fieldnorms_reader(*field)).collect::<Result<Vec<_>, _>>()?;
        let mut lengths = vec![[0; RANKED]; units.len()];
        for (doc, unit) in (0..).zip(&unit_of) {
            let Some(lengths) = lengths.get_mut(*unit as usize) else { continue };
            for (length, norms) in lengths.iter_mut().zip(&norms) {
                *length += norms.fieldnorm(doc);
            }
        }
        let symbols = reader.inverted_index(fields.symbol)?;
        let store = reader.get_store_reader(BLOCKS)?;
        let fields = fields.clone();
        let by_key = (0..).zip(&units).map(|(at, unit)| (unit.key, at)).collect();
        Ok(Self { units, by_key, firsts, unit_of, lengths, inverted, norms, symbols, store, fields })
    }

    /// Returns the place of a unit.
    pub(crate) fn unit(&self, key: &Key) -> Option<u32> {
        self.by_key.get(key).copied()
    }

    /// Returns the documents of a unit.
    pub(crate) fn docs(&self, unit: usize) -> Range<u32> {
        let at = |index: usize| self.firsts.get(index).copied().unwrap_or_default();
        at(unit)..at(unit + 1)
    }

    /// Returns how many documents there are.
    pub(crate) fn doc_count(&self) -> usize {
        self.unit_of.len()
    }

    /// Returns the unit of a document.
    pub(crate) fn unit_of(&self, doc: u32) -> usize {
        self.unit_of.get(doc as usize).copied().unwrap_or_default() as usize
    }

    /// Returns how many words a unit has in each field.
    pub(crate) fn lengths(&self, unit: usize) -> [u32; RANKED] {
        self.lengths.get(unit).copied().unwrap_or_default()
    }

    /// Calls `each` with the document, how often the word is in it, and how many words it has, for one ranked field.
    pub(crate) fn postings(
        &self,
        field: usize,
        word: &str,
        mut each: impl FnMut(u32, u32, u32),
    ) -> Result<(), SearchError> {
        let (Some(id), Some(inverted), Some(norms)) =
            (self.fields.ranked.get(field), self.inverted.get(field), self.norms.get(field))
        else {
            return Ok(());
        };
        let term = Term::from_field_text(*id, word);
        let Some(mut block) = inverted.read_block_postings(&term, IndexRecordOption::WithFreqs)? else {
            return Ok(());
        };
        while block.block_len() > 0 {
            for (doc, count) in block.docs().iter().zip(block.freqs()) {
                each(*doc, *count, norms.fieldnorm(*doc));
            }
            BlockSegmentPostings::advance(&mut block);
        }
        Ok(())
    }

    /// Returns the documents with a word of the symbol table.
    pub(crate) fn symbol(&self, word: &str) -> Result<Vec<u32>, SearchError> {
        let term = Term::from_field_text(self.fields.symbol, word);
        let mut docs = Vec::new();
        if let Some(mut postings) = self.symbols.read_postings(&term, IndexRecordOption::Basic)? {
            while postings.doc() != TERMINATED {
                docs.push(postings.doc());
                postings.advance();
            }
        }
        Ok(docs)
    }

    /// Calls `each` with every word of the symbol table that begins with `prefix`, without the prefix.
    pub(crate) fn symbols(&self, prefix: &str, mut each: impl FnMut(&str)) -> Result<(), SearchError> {
        let mut stream = self.symbols.terms().range().ge(prefix.as_bytes()).into_stream()?;
        while stream.advance() {
            match std::str::from_utf8(stream.key()).ok().and_then(|word| word.strip_prefix(prefix)) {
                Some(name) => each(name),
                None => break,
            }
        }
        Ok(())
    }

    /// Returns why names of a unit may be missing.
    pub(crate) fn unparsed(&self, unit: usize) -> Option<&str> {
        self.units.get(unit)?.unparsed.as_deref()
    }

    /// Returns the text of a unit.
    pub(crate) fn text(&self, unit: usize) -> Result<String, SearchError> {
        let document: TantivyDocument = self.store.get(self.docs(unit).start)?;
        let text = document.get_first(self.fields.text).and_then(|value| value.as_str().map(str::to_owned));
        Ok(text.unwrap_or_default())
    }

    /// Returns the outline of a unit.
    pub(crate) fn outline(&self, unit: usize) -> Result<Outline, SearchError> {
        let unit = self.units.get(unit).ok_or_else(|| SearchError::Cache(format!("no unit {unit}")))?;
        Ok(postcard::from_bytes(&unit.outline)?)
    }
}
