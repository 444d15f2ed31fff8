//! The objects of a repository by their names.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, BufReader, Read};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use super::object::{Id, Object, broken};
use super::pack::{Entry, inflate, patched, read_head};

/// Bytes of objects that are kept for those that build on them.
const KEPT: usize = 64 << 20;
/// How many objects may build on each other.
const DEEPEST: usize = 4096;

/// The objects of a repository by their names: those that a folder holds one a file, and those of its packs.
pub(crate) struct Store {
    folder: PathBuf,
    packs: Vec<Pack>,
    kept: HashMap<(usize, u64), Rc<Object>>,
    size: usize,
}

struct Pack {
    file: File,
    /// The names, in order, each with its place.
    places: Vec<(Id, u64)>,
}

impl Store {
    /// Opens the folder `objects` of a repository.
    pub(crate) fn open(folder: &Path) -> io::Result<Self> {
        let mut packs = Vec::new();
        for entry in fs::read_dir(folder.join("pack")).into_iter().flatten() {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == "idx") {
                let file = match File::open(path.with_extension("pack")) {
                    // Git takes no notice of it either.
                    Err(err) if err.kind() == io::ErrorKind::NotFound => continue,
                    file => file?,
                };
                packs.push(Pack { file, places: places(&fs::read(path)?).ok_or_else(broken)? });
            }
        }
        Ok(Self { folder: folder.to_owned(), packs, kept: HashMap::new(), size: 0 })
    }

    /// Returns an object, if it is there and whole.
    pub(crate) fn read(&mut self, id: &Id) -> Option<Rc<Object>> {
        let name: String = id.iter().map(|byte| format!("{byte:02x}")).collect();
        let (folder, rest) = name.split_at(2);
        if let Ok(file) = File::open(self.folder.join(folder).join(rest)) {
            return Object::loose(BufReader::new(file)).ok().map(Rc::new);
        }
        let (pack, place) = self.find(id)?;
        self.read_at(pack, place).ok()
    }

    fn find(&self, id: &Id) -> Option<(usize, u64)> {
        self.packs.iter().enumerate().find_map(|(number, pack)| {
            let at = pack.places.binary_search_by(|(other, _)| other.cmp(id)).ok()?;
            Some((number, pack.places.get(at)?.1))
        })
    }

    fn read_at(&mut self, pack: usize, place: u64) -> io::Result<Rc<Object>> {
        // The deltas on the way to a whole object, and where each is.
        let (mut deltas, mut at) = (Vec::new(), place);
        let mut object = loop {
            if let Some(kept) = self.kept.get(&(pack, at)) {
                break kept.clone();
            }
            if deltas.len() > DEEPEST {
                return Err(broken());
            }
            let file = &self.packs.get(pack).ok_or_else(broken)?.file;
            let mut reader = BufReader::with_capacity(4096, At { file, at });
            let entry = read_head(&mut reader)?;
            let data = inflate(&mut reader)?;
            match entry {
                Entry::Whole(kind) => break Rc::new(Object { kind, data }),
                Entry::Before(back) => {
                    deltas.push((at, data));
                    at = at.checked_sub(back).ok_or_else(broken)?;
                }
                Entry::Of(id) => {
                    deltas.push((at, data));
                    match self.find(&id) {
                        Some((other, place)) if other == pack => at = place,
                        _ => return Err(broken()),
                    }
                }
            }
        };
        self.keep((pack, at), &object);
        for (at, delta) in deltas.into_iter().rev() {
            let data = patched(&object.data, &delta).ok_or_else(broken)?;
            object = Rc::new(Object { kind: object.kind, data });
            self.keep((pack, at), &object);
        }
        Ok(object)
    }

    fn keep(&mut self, place: (usize, u64), object: &Rc<Object>) {
        self.size += object.data.len();
        if self.size > KEPT {
            self.kept.clear();
            self.size = object.data.len();
        }
        self.kept.insert(place, object.clone());
    }
}

/// A file from a place on.
struct At<'file> {
    file: &'file File,
    at: u64,
}

impl Read for At<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read_at(buffer, self.at)?;
        self.at += read as u64;
        Ok(read)
    }
}

/// Returns the names in the index of a pack, in order.
pub(crate) fn ids_of_index(index: &[u8]) -> Option<Vec<Id>> {
    Some(places(index)?.into_iter().map(|(id, _)| id).collect())
}

/// Returns the names in the index of a pack, in order, each with its place.
fn places(index: &[u8]) -> Option<Vec<(Id, u64)>> {
    if !index.starts_with(b"\xfftOc\0\0\0\x02") {
        return None;
    }
    let number = |at: usize| Some(u32::from_be_bytes(index.get(at..at.checked_add(4)?)?.try_into().ok()?));
    let count = usize::try_from(number(8 + 255 * 4)?).ok()?;
    let ids: usize = 8 + 1024;
    let near = ids.checked_add(count.checked_mul(24)?)?;
    let far = near.checked_add(count.checked_mul(4)?)?;
    index.get(..far)?;
    (0..count)
        .map(|at| {
            let id: Id = index.get(ids + 20 * at..ids + 20 * at + 20)?.try_into().ok()?;
            let place = number(near + 4 * at)?;
            if place & 0x8000_0000 == 0 {
                return Some((id, u64::from(place)));
            }
            let at = far.checked_add(8 * usize::try_from(place & 0x7fff_ffff).ok()?)?;
            Some((id, u64::from_be_bytes(index.get(at..at.checked_add(8)?)?.try_into().ok()?)))
        })
        .collect()
}
