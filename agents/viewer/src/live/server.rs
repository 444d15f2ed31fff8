//! The server.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context;
use tokio::net::{TcpListener, TcpStream};

use super::http::{Request, Response, read, write};
use super::state::State;
use crate::gather::{Settings, Source};
use crate::page::served;

/// A port that is ready to be asked.
#[derive(Debug)]
pub struct Bound {
    listener: TcpListener,
    address: SocketAddr,
}

impl Bound {
    /// Returns the address, which only programs of this machine reach.
    pub fn local(&self) -> SocketAddr {
        self.address
    }
}

/// Takes a port on loopback; 0 for any that is free.
///
/// # Errors
/// When another program has it.
pub async fn bind(port: u16) -> anyhow::Result<Bound> {
    let taken = || format!("cannot take the port {port}\nhint: `--port 0` takes any that is free");
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.with_context(taken)?;
    let address = listener.local_addr().with_context(taken)?;
    Ok(Bound { listener, address })
}

/// Serves the page of runs until the program ends. A run is read anew when the page asks, and may be taken away and begun
/// again meanwhile.
///
/// # Errors
/// When no connection can be taken any more.
pub async fn serve(bound: Bound, sources: Vec<Source>, settings: Settings) -> anyhow::Result<()> {
    let state = Arc::new(Mutex::new(State::new(sources, settings)));
    loop {
        let (stream, _) = match bound.listener.accept().await {
            Ok(accepted) => accepted,
            // The one who asked has gone, or there are too many files open for a moment.
            Err(_) => {
                tokio::time::sleep(std::time::Duration::from_millis(100)).await;
                continue;
            }
        };
        tokio::spawn(answer(stream, state.clone(), bound.address.port()));
    }
}

async fn answer(mut stream: TcpStream, state: Arc<Mutex<State>>, port: u16) {
    let Some(request) = read(&mut stream).await else { return };
    let looked = tokio::task::spawn_blocking(move || {
        if let Some(refusal) = refused(&request, port) {
            return refusal;
        }
        respond(&request, &state)
    });
    let response = looked.await.unwrap_or_else(|_| Response::text("500 Internal Server Error", "the answer died"));
    // Who asked may have gone.
    let _ = write(&mut stream, response).await;
}

/// Refuses what is not asked by the page itself: another page may send requests here, or have a name of its own lead here.
fn refused(request: &Request, port: u16) -> Option<Response> {
    let header = |name: &str| request.headers.get(name).map(String::as_str);
    let is_ours = |host: &str| {
        // A browser leaves the port out where it is that of HTTP.
        let (name, given) = match host.rsplit_once(':') {
            Some((name, given)) if !given.ends_with(']') => (name, given.parse().ok()),
            _ => (host, Some(80)),
        };
        given == Some(port) && ["127.0.0.1", "localhost", "[::1]"].iter().any(|our| our.eq_ignore_ascii_case(name))
    };
    let from_elsewhere = header("origin").is_some_and(|origin| !origin.strip_prefix("http://").is_some_and(is_ours))
        || header("sec-fetch-site").is_some_and(|site| !matches!(site, "same-origin" | "none"));
    if !header("host").is_some_and(is_ours) || from_elsewhere {
        return Some(Response::text("403 Forbidden", "only the page itself may ask here"));
    }
    (request.method != "GET").then(|| Response::text("405 Method Not Allowed", "there is nothing here but to be read"))
}

fn respond(request: &Request, state: &Mutex<State>) -> Response {
    let state = || state.lock().unwrap_or_else(PoisonError::into_inner);
    let found = match request.path.as_str() {
        "/" => return Response::new("200 OK", "text/html", served()),
        "/index" => state().index(request.field("since")).map(|index| match index {
            Some(index) => Response::json(index),
            None => Response::text("204 No Content", ""),
        }),
        "/file" => state().file(request).map(|text| Response::text("200 OK", text)),
        "/gold" => state().gold(request.field("id")).map(Response::json),
        "/search" => {
            // Others are answered meanwhile.
            let search = state().search();
            search.and_then(|search| search.find(request.field("q"))).map(Response::json)
        }
        _ => return Response::text("404 Not Found", "there is nothing of this name"),
    };
    found.unwrap_or_else(|err| Response::text("500 Internal Server Error", format!("{err:#}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_page_itself_may_ask() {
        let asks = |headers: &str| {
            let request = Request::parse(&format!("GET / HTTP/1.1\r\n{headers}\r\n")).unwrap();
            refused(&request, 80).is_none()
        };
        assert!(asks("Host: localhost:80\r\n"));
        assert!(asks("Host: localhost\r\nOrigin: http://localhost\r\n") && asks("Host: [::1]\r\n"));
        assert!(asks("Host: 127.0.0.1:80\r\nOrigin: http://127.0.0.1:80\r\nSec-Fetch-Site: same-origin\r\n"));
        for headers in [
            "",
            "Host: evil.example:80\r\n",
            "Host: localhost:81\r\n",
            "Host: evil.example\r\n",
            "Host: localhost:\r\n",
            "Host: localhost:80\r\nOrigin: http://evil.example\r\n",
            "Host: localhost:80\r\nOrigin: null\r\n",
            "Host: localhost:80\r\nSec-Fetch-Site: cross-site\r\n",
        ] {
            assert!(!asks(headers), "{headers}");
        }
    }
}
