//! The files of an image, read from outside: nothing of it runs.

use std::io::{self, Read};
use std::time::Duration;

use bollard::Docker as Client;
use bollard::errors::Error;
use bollard::models::ContainerCreateBody;
use bollard::query_parameters::{CreateContainerOptionsBuilder, DownloadFromContainerOptionsBuilder};
use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use shell::Owner;
use tokio::runtime::Handle;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tool_core::SandboxError;

use crate::engine::force_remove;
use crate::labels::{OWNER, RUN, new_name};

/// How long reading all files of an image may take.
const TIMEOUT: Duration = Duration::from_secs(4 * 3600);
/// Pieces that wait to be read.
const WAITING: usize = 16;

/// The files of an image, in a container that is never started. It has to be removed; `clean` finds what was not.
pub struct Frozen {
    client: Client,
    id: String,
}

/// A tar archive as the engine sends it. It is read by a thread that may wait.
///
/// It is asked for when it is first read: an engine sends one archive of a container at a time, and waits with the next
/// until the one before was read or given up.
pub struct Archive {
    ask: Option<Box<dyn FnOnce() + Send>>,
    pieces: Receiver<Result<Bytes, Error>>,
    piece: Bytes,
}

impl Frozen {
    /// Makes the container.
    pub(crate) async fn create(client: &Client, image: &str, platform: Option<&str>) -> Result<Self, SandboxError> {
        let id = new_name();
        let mut options = CreateContainerOptionsBuilder::new().name(&id);
        if let Some(platform) = platform {
            options = options.platform(platform);
        }
        let labels = [(RUN, "audit".to_owned()), (OWNER, Owner::this().to_string())];
        let body = ContainerCreateBody {
            image: Some(image.to_owned()),
            // It needs one to be made.
            cmd: Some(vec!["true".to_owned()]),
            labels: Some(labels.map(|(name, value)| (name.to_owned(), value)).into()),
            network_disabled: Some(true),
            ..Default::default()
        };
        match client.create_container(Some(options.build()), body).await {
            Ok(_) => Ok(Self { client: client.clone().with_timeout(TIMEOUT), id }),
            Err(Error::DockerResponseServerError { status_code: 404, .. }) => {
                Err(SandboxError::Image(format!("no image `{image}`: the engine does not have it")))
            }
            Err(err) => Err(SandboxError::Unavailable(format!("cannot create a container of `{image}`: {err}"))),
        }
    }

    /// Returns all files, by their paths from the root.
    pub fn all(&self) -> Archive {
        let (client, id) = (self.client.clone(), self.id.clone());
        Archive::of(|sender| async move { send(client.export_container(&id), sender).await })
    }

    /// Returns a folder or file, by an absolute path; names begin with its last part.
    pub fn part(&self, path: &str) -> Archive {
        let (client, id) = (self.client.clone(), self.id.clone());
        let options = DownloadFromContainerOptionsBuilder::new().path(path).build();
        Archive::of(|sender| async move { send(client.download_from_container(&id, Some(options)), sender).await })
    }

    /// Removes the container.
    ///
    /// # Errors
    /// When it is left behind.
    pub async fn remove(self) -> Result<(), SandboxError> {
        let removed = force_remove(&self.client, &self.id).await;
        removed.map_err(|err| SandboxError::Lost(format!("cannot remove the container `{}`: {err}", self.id)))
    }
}

impl Archive {
    fn of<F: Future<Output = ()> + Send + 'static>(send: impl FnOnce(Sender<Result<Bytes, Error>>) -> F) -> Self {
        let (sender, pieces) = channel(WAITING);
        let (runtime, sent) = (Handle::current(), send(sender));
        let ask = Box::new(move || drop(runtime.spawn(sent)));
        Self { ask: Some(ask), pieces, piece: Bytes::new() }
    }
}

/// Sends the pieces on until nobody reads them any more.
async fn send(stream: impl Stream<Item = Result<Bytes, Error>> + Send, sender: Sender<Result<Bytes, Error>>) {
    let mut stream = std::pin::pin!(stream);
    while let Some(piece) = stream.next().await {
        if sender.send(piece).await.is_err() {
            return;
        }
    }
}

impl Read for Archive {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if let Some(ask) = self.ask.take() {
            ask();
        }
        while self.piece.is_empty() {
            match self.pieces.blocking_recv() {
                Some(Ok(piece)) => self.piece = piece,
                Some(Err(Error::DockerResponseServerError { status_code: 404, message })) => {
                    return Err(io::Error::new(io::ErrorKind::NotFound, message));
                }
                Some(Err(err)) => return Err(io::Error::other(err)),
                None => return Ok(0),
            }
        }
        let length = buffer.len().min(self.piece.len());
        let piece = self.piece.split_to(length);
        if let Some(target) = buffer.get_mut(..length) {
            target.copy_from_slice(&piece);
        }
        Ok(length)
    }
}
