//! Vectors of texts, kept for the searches to come.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::cut::key::Key;

/// A vector of length 1, or of nothing but zeros.
pub(crate) type Vector = Arc<[f32]>;

/// Bytes of the vectors that are kept: some 40,000 of 1,536 numbers.
const CAPACITY: usize = 256 << 20;

/// The vectors that a process keeps. When there is no space, those go that were not asked for lately.
pub(crate) struct Vectors {
    kept: Mutex<Generations>,
    capacity: usize,
}

/// Two generations, each of half of the capacity: a full one takes the place of the elder.
#[derive(Default)]
struct Generations {
    young: HashMap<Key, Vector>,
    old: HashMap<Key, Vector>,
    /// Bytes of the young ones.
    bytes: usize,
}

impl Default for Vectors {
    fn default() -> Self {
        Self { kept: Mutex::default(), capacity: CAPACITY }
    }
}

impl Vectors {
    /// Returns the vector of a text.
    pub(crate) fn get(&self, key: &Key) -> Option<Vector> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(vector) = kept.young.get(key) {
            return Some(vector.clone());
        }
        let vector = kept.old.remove(key)?;
        kept.put(*key, vector.clone(), self.capacity);
        Some(vector)
    }

    /// Keeps a vector, whatever its length, as one of length 1.
    pub(crate) fn put(&self, key: Key, vector: &[f32]) -> Vector {
        let length = vector.iter().map(|number| number * number).sum::<f32>().sqrt();
        let scale = if length > 0.0 { 1.0 / length } else { 0.0 };
        let vector: Vector = vector.iter().map(|number| number * scale).collect();
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).put(key, vector.clone(), self.capacity);
        vector
    }
}

impl Generations {
    fn put(&mut self, key: Key, vector: Vector, capacity: usize) {
        let bytes = size_of_val(&*vector);
        if self.bytes + bytes > capacity / 2 {
            self.old = std::mem::take(&mut self.young);
            self.bytes = 0;
        }
        self.bytes += bytes;
        if let Some(before) = self.young.insert(key, vector) {
            self.bytes -= size_of_val(&*before);
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn vectors_that_are_not_asked_for_make_room() {
        let vectors = Vectors { kept: Mutex::default(), capacity: 8 * 8 };
        let key = |number: usize| Key::of(&[&number.to_string()]);
        for number in 0..100 {
            assert_eq!(&*vectors.put(key(number), &[0.0, 2.0]), [0.0, 1.0]);
            assert!(vectors.get(&key(0)).is_some(), "one that is asked for stays");
        }
        let kept: Vec<usize> = (0..100).filter(|number| vectors.get(&key(*number)).is_some()).collect();
        assert!(kept.len() <= 8 && kept.contains(&0) && kept.contains(&99), "{kept:?}");
    }

    #[test]
    fn a_vector_of_zeros_and_one_put_twice_do_no_harm() {
        let vectors = Vectors { kept: Mutex::default(), capacity: 1 << 10 };
        let key = Key::of(&["a"]);
        for _ in 0..1000 {
            assert_eq!(&*vectors.put(key, &[0.0, 0.0]), [0.0, 0.0]);
        }
        assert_eq!(vectors.kept.lock().unwrap().bytes, 8);
    }
}
