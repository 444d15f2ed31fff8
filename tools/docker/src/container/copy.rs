//! Trees copied out of a container and into one by the engine, which needs nothing of what is inside.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Seek, Write};
use std::path::Path;
use std::time::Duration;

use bollard::Docker as Client;
use bollard::errors::Error;
use bollard::query_parameters::{DownloadFromContainerOptionsBuilder, UploadToContainerOptionsBuilder};
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use tar::{Archive, Builder, EntryType};
use tokio::task::spawn_blocking;
use tool_core::{FileError, SandboxError};

/// How long a copy may take.
const TIMEOUT: Duration = Duration::from_secs(600);
/// Largest archive that the engine may send, in bytes.
const LARGEST: u64 = 8 << 30;
/// Largest piece that is sent at once.
const PIECE: usize = 256 << 10;

/// Returns an archive of a folder of the container, by an absolute path. What lies in its `.git` is left out; a file of
/// more than `max_file` bytes has one byte more than that, and is cut there.
pub(super) async fn export(client: &Client, id: &str, path: &str, max_file: u64) -> Result<File, FileError> {
    let client = client.clone().with_timeout(TIMEOUT);
    let options = DownloadFromContainerOptionsBuilder::new().path(path).build();
    let mut pieces = Box::pin(client.download_from_container(id, Some(options)));
    let (mut file, mut size) = (temporary()?, 0_u64);
    while let Some(piece) = pieces.next().await {
        let piece = piece.map_err(|err| failed(path, err))?;
        size += piece.len() as u64;
        if size > LARGEST {
            return Err(FileError::TooLarge { path: path.to_owned(), size, limit: LARGEST });
        }
        file = blocking(move || file.write_all(&piece).map(|()| file)).await?;
    }
    let name = path.rsplit('/').next().unwrap_or_default().to_owned();
    blocking(move || {
        file.rewind()?;
        let mut small = BufWriter::new(tempfile::tempfile()?);
        filter(&mut BufReader::new(file), &mut small, &Path::new(&name).join(".git"), max_file)?;
        let mut small = small.into_inner().map_err(io::IntoInnerError::into_error)?;
        small.rewind()?;
        Ok(small)
    })
    .await
}

/// Unpacks an archive in a folder of the container, which is there.
pub(super) async fn import(client: &Client, id: &str, folder: &str, archive: File) -> Result<(), FileError> {
    let client = client.clone().with_timeout(TIMEOUT);
    let pieces = stream::try_unfold(archive, async |mut archive| {
        let read = spawn_blocking(move || {
            let mut piece = Vec::new();
            Read::by_ref(&mut archive).take(PIECE as u64).read_to_end(&mut piece).map(|_| (Bytes::from(piece), archive))
        });
        let (piece, archive) = read.await.map_err(io::Error::other)??;
        Ok((!piece.is_empty()).then_some((piece, archive)))
    });
    let options = UploadToContainerOptionsBuilder::new().path(folder).build();
    let sent = client.upload_to_container(id, Some(options), bollard::body_try_stream(pieces)).await;
    sent.map_err(|err| failed(folder, err))
}

/// Copies an archive but for what lies below `without`, with larger files cut after `max_file` bytes and one.
fn filter(from: &mut impl Read, to: &mut impl Write, without: &Path, max_file: u64) -> io::Result<()> {
    let mut to = Builder::new(to);
    let mut is_first = true;
    for entry in Archive::new(from).entries()? {
        let entry = entry?;
        let path = entry.path()?.into_owned();
        let mut header = entry.header().clone();
        if std::mem::take(&mut is_first) && !header.entry_type().is_dir() {
            return Err(io::Error::other("it is not a folder"));
        }
        let target = entry.link_name()?.map(|target| target.into_owned()).unwrap_or_default();
        let leads_there = header.entry_type() == EntryType::Link && target.starts_with(without);
        if path.starts_with(without) || leads_there {
            continue;
        }
        match header.entry_type() {
            EntryType::Symlink | EntryType::Link => {
                to.append_link(&mut header, path, target)?;
            }
            EntryType::Directory => to.append_data(&mut header, path, io::empty())?,
            kind if kind.is_file() => {
                let size = entry.size().min(max_file.saturating_add(1));
                header.set_size(size);
                // As it is sent by the engine; a sparse file is sent whole.
                header.set_entry_type(EntryType::Regular);
                to.append_data(&mut header, path, entry.take(size))?;
            }
            // Nothing of a patch: devices, pipes and the like.
            _ => {}
        }
    }
    to.finish()
}

fn temporary() -> Result<File, FileError> {
    tempfile::tempfile().map_err(|err| lost(&format!("cannot create a temporary file: {err}")))
}

async fn blocking<T: Send + 'static>(act: impl FnOnce() -> io::Result<T> + Send + 'static) -> Result<T, FileError> {
    let done = spawn_blocking(act).await.map_err(io::Error::other).flatten();
    done.map_err(|err| lost(&format!("a tree cannot be copied: {err}")))
}

fn failed(path: &str, err: Error) -> FileError {
    match err {
        Error::DockerResponseServerError { status_code: 404, .. } => FileError::NotFound(path.to_owned()),
        err => lost(&format!("`{path}` cannot be copied: {err}")),
    }
}

fn lost(reason: &str) -> FileError {
    FileError::Sandbox(SandboxError::Lost(reason.to_owned()))
}
