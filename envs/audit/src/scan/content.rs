//! What a file holds, whatever it is packed in.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, BufRead, BufReader, Cursor, Read};

use flate2::bufread::{MultiGzDecoder, ZlibDecoder};

use super::zip;
use crate::base::Base;
use crate::git::{Object, ObjectKind, each_object, hash};
use crate::search::{Search, fill};

/// How many archives may be in each other.
const DEEPEST: u8 = 6;
/// Bytes that are unpacked of one file at most.
const MOST: u64 = 64 << 30;
/// Largest file whose contents are compared with the base commit's.
pub(super) const COMPARED: u64 = 16 << 20;
/// Bytes by which the form of a file is known.
const HEAD: usize = 4096;
/// How many notes are kept.
const NOTES: usize = 20;

/// What packs others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Plain,
    Gzip,
    Bzip,
    Xz,
    Zstd,
    Zlib,
    Zip,
    Tar,
    Ar,
    Pack,
    Bundle,
}

/// What was seen in one file.
#[derive(Debug, Clone, Default)]
pub(super) struct Content {
    /// The texts that were found.
    pub(super) hits: BTreeSet<u16>,
    /// What the file is.
    pub(super) form: Option<Form>,
    /// Copies of the project in it, by their folders.
    pub(super) copies: BTreeMap<String, Copy>,
    /// Names and versions of projects that it says it is of.
    pub(super) metadata: Vec<(String, String)>,
    /// Objects of git, and how many of these the base commit has as well.
    pub(super) objects: u64,
    pub(super) known: u64,
    /// Members of archives.
    pub(super) members: u64,
    /// Its first bytes.
    pub(super) head: Vec<u8>,
    /// Bytes, unpacked.
    pub(super) bytes: u64,
    /// What could not be read.
    pub(super) notes: Vec<String>,
}

/// A copy of the project's files.
#[derive(Debug, Clone, Default)]
pub(super) struct Copy {
    /// Paths in the installed project.
    pub(super) files: BTreeSet<String>,
    /// Those of them that are not as in the base commit.
    pub(super) others: BTreeSet<String>,
    /// The first of these.
    pub(super) example: Option<String>,
    /// The texts that were found in it.
    pub(super) hits: BTreeSet<u16>,
}

/// What is looked for.
pub(super) struct Looking<'a> {
    pub(super) search: &'a Search,
    pub(super) base: &'a Base,
    /// Where what is searched is held.
    pub(super) buffer: &'a RefCell<Vec<u8>>,
}

impl Looking<'_> {
    /// Reads a file to its end.
    pub(super) fn read(&self, reader: &mut dyn Read, path: &str) -> io::Result<Content> {
        let mut content = Content::default();
        self.look(reader, path, 0, &mut content)?;
        Ok(content)
    }

    /// Looks at what a reader gives, by its first bytes. What is broken is noted; an error is the reader's own.
    fn look(&self, reader: &mut dyn Read, path: &str, depth: u8, content: &mut Content) -> io::Result<()> {
        let mut head = vec![0; HEAD];
        let (length, failed) = fill(reader, &mut head);
        head.truncate(length);
        if depth == 0 {
            content.head.clone_from(&head);
        }
        let is_searched = depth < DEEPEST && content.bytes < MOST;
        let mut form = if is_searched { form(&head, path) } else { Form::Plain };
        if form == Form::Plain
            && is_searched
            && let Some(at) = packed_at(&head, path)
        {
            self.search.find(head.get(..at).unwrap_or_default(), true, &mut content.hits);
            head.drain(..at);
            form = self::form(&head, path);
        }
        if depth == 0 {
            content.form = Some(form);
        }
        // Behind an error nothing follows.
        let most = if failed.is_some() { 0 } else { u64::MAX };
        let mut whole = Cursor::new(head).chain(BufReader::with_capacity(64 << 10, reader.take(most)));
        if let Err(err) = self.unpack(&mut whole, (path, form), depth, content) {
            if content.notes.len() < NOTES {
                content.notes.push(format!("`{path}` could be read in part only: {err}"));
            }
            // What comes after it has to be read from its own start.
            io::copy(&mut whole, &mut io::sink())?;
        }
        failed.map_or(Ok(()), Err)
    }

    fn unpack(
        &self,
        reader: &mut dyn BufRead,
        (path, form): (&str, Form),
        depth: u8,
        content: &mut Content,
    ) -> io::Result<()> {
        let mut inner = |reader: &mut dyn Read| self.look(&mut reader.take(MOST), path, depth + 1, content);
        match form {
            Form::Plain => {
                content.bytes += self.search.read(reader, &mut self.buffer.borrow_mut(), &mut content.hits)?;
                Ok(())
            }
            Form::Gzip => inner(&mut MultiGzDecoder::new(reader)),
            Form::Bzip => inner(&mut bzip2::bufread::MultiBzDecoder::new(reader)),
            Form::Xz => inner(&mut lzma_rust2::XzReader::new(reader, true)),
            Form::Zstd => inner(&mut zstd::Decoder::with_buffer(reader)?),
            Form::Zlib if is_object(path) => {
                let object = Object::loose(reader)?;
                self.object(&object, true, content);
                Ok(())
            }
            Form::Zlib => inner(&mut ZlibDecoder::new(reader)),
            Form::Zip => zip::members(reader, &mut |name, reader| self.member(reader, name, depth, content)),
            Form::Tar => {
                let mut archive = tar::Archive::new(reader);
                for entry in archive.entries()? {
                    let mut entry = entry?;
                    let name = entry.path()?.to_string_lossy().into_owned();
                    if entry.header().entry_type().is_file() {
                        self.member(&mut entry, &name, depth, content)?;
                    }
                }
                Ok(())
            }
            Form::Ar => self.ar(reader, depth, content),
            Form::Pack => each_object(reader, &mut |object, is_whole| self.object(object, is_whole, content)),
            Form::Bundle => {
                let mut line = Vec::new();
                while (&mut *reader).take(64 << 10).read_until(b'\n', &mut line)? > 1 {
                    line.clear();
                }
                each_object(reader, &mut |object, is_whole| self.object(object, is_whole, content))
            }
        }
    }

    fn object(&self, object: &Object, is_whole: bool, content: &mut Content) {
        content.bytes += object.data.len() as u64;
        content.objects += 1;
        self.search.find(&object.data, true, &mut content.hits);
        if is_whole && self.base.ids.contains(&object.id()) {
            content.known += 1;
        }
    }

    /// Looks at a member of an archive.
    fn member(&self, reader: &mut dyn Read, name: &str, depth: u8, content: &mut Content) -> io::Result<()> {
        content.members += 1;
        let name = name.trim_start_matches("./").trim_start_matches('/');
        if is_metadata(name) {
            let mut text = Vec::new();
            reader.take(64 << 10).read_to_end(&mut text)?;
            content.metadata.extend(metadata(&text));
        }
        let Some(place) = self.base.place(name).filter(|_| !name.ends_with(".pyc")) else {
            return self.look(reader, name, depth + 1, content);
        };
        // What came before an error is looked at, too.
        let mut data = Vec::new();
        let failed = reader.take(COMPARED).read_to_end(&mut data).err();
        let is_whole = failed.is_none() && (data.len() as u64) < COMPARED;
        let most = if failed.is_some() { 0 } else { u64::MAX };
        let outer = std::mem::take(&mut content.hits);
        let looked = self.look(&mut data.as_slice().chain(reader.take(most)), name, depth + 1, content);
        let copy = content.copies.entry(place.folder.clone()).or_default();
        let is_known = is_whole && self.base.ids.contains(&hash(ObjectKind::Blob, &data));
        copy.add(&place.installed, name, is_known, &content.hits);
        content.hits.extend(outer);
        looked.and(failed.map_or(Ok(()), Err))
    }

    fn ar(&self, reader: &mut dyn BufRead, depth: u8, content: &mut Content) -> io::Result<()> {
        let mut head = [0; 8];
        reader.read_exact(&mut head)?;
        loop {
            let mut head = [0; 60];
            match fill(reader, &mut head) {
                (60, None) => {}
                (_, failed) => return failed.map_or(Ok(()), Err),
            }
            let text = |range| String::from_utf8_lossy(head.get(range).unwrap_or_default()).trim().to_owned();
            let name = text(0..16).trim_end_matches('/').to_owned();
            let size: u64 = text(48..58).parse().map_err(|_| io::Error::other("a size is no number"))?;
            let mut own = (&mut *reader).take(size);
            self.member(&mut own, &name, depth, content)?;
            io::copy(&mut own, &mut io::sink())?;
            io::copy(&mut (&mut *reader).take(size % 2), &mut io::sink())?;
        }
    }
}

impl Copy {
    /// Adds a file of the copy.
    pub(super) fn add(&mut self, installed: &str, path: &str, is_known: bool, hits: &BTreeSet<u16>) {
        self.files.insert(installed.to_owned());
        self.hits.extend(hits);
        if !is_known {
            self.others.insert(installed.to_owned());
            self.example.get_or_insert_with(|| path.to_owned());
        }
    }
}

/// Returns what a reader gives, and whether that is all of it.
pub(super) fn limited(reader: &mut dyn Read) -> io::Result<(Vec<u8>, bool)> {
    let mut data = Vec::new();
    reader.take(COMPARED).read_to_end(&mut data)?;
    let is_whole = (data.len() as u64) < COMPARED;
    Ok((data, is_whole))
}

/// Returns whether a file says which project it belongs to, and of which version.
pub(super) fn is_metadata(path: &str) -> bool {
    let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
    match name {
        "METADATA" => folder.ends_with(".dist-info"),
        "PKG-INFO" => true,
        _ => false,
    }
}

/// Returns the name and the version that metadata names.
pub(super) fn metadata(text: &[u8]) -> Option<(String, String)> {
    let text = String::from_utf8_lossy(text);
    let head = text.split("\n\n").next().unwrap_or_default();
    let value = |key: &str| head.lines().find_map(|line| line.strip_prefix(key)).map(|value| value.trim().to_owned());
    Some((value("Name: ")?, value("Version: ")?))
}

/// Returns whether a path is that of an object in a store.
pub(super) fn is_object(path: &str) -> bool {
    let mut parts = path.rsplit('/');
    let is_hex = |part: &str| part.bytes().all(|byte| byte.is_ascii_hexdigit());
    let (name, folder, store) = (parts.next(), parts.next(), parts.next());
    store == Some("objects")
        && name.is_some_and(|name| name.len() == 38 && is_hex(name))
        && folder.is_some_and(|folder| folder.len() == 2 && is_hex(folder))
}

fn form(head: &[u8], path: &str) -> Form {
    let is_tar = head.get(257..262) == Some(b"ustar".as_slice());
    match head {
        [0x1f, 0x8b, 8, ..] => Form::Gzip,
        [b'B', b'Z', b'h', b'1'..=b'9', 0x31, 0x41, 0x59, ..] => Form::Bzip,
        [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Form::Xz,
        [0x28, 0xb5, 0x2f, 0xfd, ..] => Form::Zstd,
        [b'P', b'K', 3, 4, ..] => Form::Zip,
        [b'P', b'A', b'C', b'K', 0, 0, 0, 2 | 3, ..] => Form::Pack,
        _ if head.starts_with(b"# v2 git bundle\n") || head.starts_with(b"# v3 git bundle\n") => Form::Bundle,
        _ if head.starts_with(b"!<arch>\n") => Form::Ar,
        [0x78, 0x01 | 0x5e | 0x9c | 0xda, ..] if is_object(path) => Form::Zlib,
        [0x78, 0x01 | 0x9c | 0xda, ..] => Form::Zlib,
        _ if is_tar => Form::Tar,
        _ => Form::Plain,
    }
}

/// Returns where the archive begins that a file has behind a head of its own: an answer as an installer keeps it, or a
/// program of Python's `zipapp`, whose first line names what runs it.
fn packed_at(head: &[u8], path: &str) -> Option<usize> {
    const ZIP: &[u8] = b"PK\x03\x04";
    if head.starts_with(b"#!") {
        let at = head.iter().position(|byte| *byte == b'\n')? + 1;
        return head.get(at..)?.starts_with(ZIP).then_some(at);
    }
    let is_kept = path.contains("/pip/http") || path.split('/').any(|part| part.ends_with("cache"));
    let starts = |rest: &[u8]| match rest {
        [0x1f, 0x8b, 8, flags, ..] => *flags < 32,
        _ => rest.starts_with(ZIP) || rest.starts_with(b"\xfd7zXZ\0") || rest.starts_with(b"\x28\xb5\x2f\xfd"),
    };
    (1..head.len()).filter(|_| is_kept).find(|at| head.get(*at..).is_some_and(starts))
}
