//! A file that is hashed as it is written.

use std::io::Write;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::{Builder, JoinHandle};

use sha2::{Digest, Sha256};

use crate::hex::hex;

/// Bytes that are written and hashed at a time.
const BLOCK: usize = 1 << 20;

/// Hashes what is written through it, in a thread of its own.
pub(super) struct Hashed<W> {
    inner: W,
    block: Vec<u8>,
    to_hash: SyncSender<Vec<u8>>,
    hashing: JoinHandle<Sha256>,
}

impl<W: Write> Hashed<W> {
    /// Begins with nothing written.
    ///
    /// # Errors
    /// When no thread can be started.
    pub(super) fn new(inner: W) -> std::io::Result<Self> {
        let (to_hash, blocks) = sync_channel::<Vec<u8>>(1);
        let hashing = Builder::new().name("hash".to_owned()).spawn(move || {
            let mut hasher = Sha256::new();
            blocks.iter().for_each(|block| hasher.update(&block));
            hasher
        })?;
        Ok(Self { inner, block: Vec::with_capacity(BLOCK), to_hash, hashing })
    }

    /// Writes what is left and returns the digest of all, as hexadecimal digits.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(super) fn digest(mut self) -> std::io::Result<String> {
        self.flush()?;
        drop(self.to_hash);
        let hasher = self.hashing.join().map_err(|_| std::io::Error::other("the hash was not made"))?;
        Ok(hex(&hasher.finalize()))
    }

    fn write_block(&mut self) -> std::io::Result<()> {
        self.inner.write_all(&self.block)?;
        let block = std::mem::replace(&mut self.block, Vec::with_capacity(BLOCK));
        self.to_hash.send(block).map_err(|_| std::io::Error::other("the hash was not made"))
    }
}

impl<W: Write> Write for Hashed<W> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        if self.block.len() == BLOCK {
            self.write_block()?;
        }
        let taken = bytes.len().min(BLOCK - self.block.len());
        self.block.extend_from_slice(bytes.get(..taken).unwrap_or_default());
        Ok(taken)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        if !self.block.is_empty() {
            self.write_block()?;
        }
        self.inner.flush()
    }
}
