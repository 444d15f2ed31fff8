//! The page on loopback.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;

use serde_json::Value;
use viewer::live::{bind, serve};
use viewer::{Gold, Settings};

use crate::written::{self, PATCH, episode, open, records};

/// Serves the run that was written, on a thread that ends with the test.
fn served(folder: &Path) -> SocketAddr {
    let (sources, (told, hears)) = (open(folder), std::sync::mpsc::channel());
    let gold = [("x__y-1".to_owned(), Gold { patch: PATCH.to_owned(), ..Gold::default() })].into();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        runtime.block_on(async move {
            let bound = bind(0).await.unwrap();
            told.send(bound.local()).unwrap();
            serve(bound, sources, Settings { gold, ..Settings::default() }).await.unwrap();
        });
    });
    hears.recv().unwrap()
}

/// Asks, and returns the status with the body.
fn ask(address: SocketAddr, target: &str, host: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "GET {target} HTTP/1.1\r\nHost: {host}\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
}

fn get(address: SocketAddr, target: &str) -> (u16, String) {
    ask(address, target, &address.to_string())
}

fn index(address: SocketAddr, since: &str) -> Option<Value> {
    // What was read a moment ago is taken to be as it is.
    std::thread::sleep(std::time::Duration::from_millis(600));
    let (status, body) = get(address, &format!("/index?since={since}"));
    (status == 200).then(|| serde_json::from_str(&body).unwrap())
}

#[test]
fn the_page_follows_a_run_also_one_that_is_begun_again() {
    let folder = tempfile::tempdir().unwrap();
    let one = |id| episode(id, 0, true, &records("x__y-1", &[("ls", "shown \"quoted\""), ("pytest", "passed")]));
    written::write(folder.path(), &[one("x__y-1")]);
    let address = served(folder.path());
    let (status, page) = get(address, "/");
    assert!(status == 200 && page.contains("data-kind=\"live\"") && page.contains("id=\"modules\""));
    let first = index(address, "").unwrap();
    assert_eq!((first["rows"].as_array().unwrap().len(), &first["rows"][0]["ending"]), (1, &"solved".into()));
    assert!(index(address, first["at"].as_str().unwrap()).is_none(), "nothing has changed");
    // A score that came later, and a report that was written anew in the same place.
    let scored = r#"{"cell": "cell", "instance_id": "x__y-1", "sample": 0, "scorer": "s", "score": 0.5}"#;
    std::fs::write(folder.path().join("run/scores.s.jsonl"), format!("{scored}\n")).unwrap();
    let scored = index(address, first["at"].as_str().unwrap()).expect("the score is not seen");
    assert_eq!(scored["rows"][0]["scores"]["s"], 0.5);
    std::fs::write(folder.path().join("run/cell/x__y-1/report.json"), "{}").unwrap();
    let first = index(address, scored["at"].as_str().unwrap()).expect("the report is not seen");
    assert_ne!(first["rows"][0]["stamp"], scored["rows"][0]["stamp"]);
    written::write(folder.path(), &[one("x__y-2")]);
    let second = index(address, first["at"].as_str().unwrap()).unwrap();
    assert_eq!(second["rows"].as_array().unwrap().len(), 2);
    // The run is taken away and begun again.
    std::fs::remove_dir_all(folder.path().join("run")).unwrap();
    written::write(folder.path(), &[episode("x__y-3", 0, false, &records("x__y-3", &[]))]);
    let third = index(address, second["at"].as_str().unwrap()).unwrap();
    assert_eq!((third["rows"].as_array().unwrap().len(), &third["rows"][0]["id"]), (1, &"x__y-3".into()), "{third}");
}

#[test]
fn files_gold_and_search_are_answered_and_only_to_the_page() {
    let folder = tempfile::tempdir().unwrap();
    let written = episode("x__y-1", 0, true, &records("x__y-1", &[("ls", "shown \"quoted\" text")]));
    let record = written.record.clone();
    written::write(folder.path(), &[written]);
    let address = served(folder.path());
    index(address, "").unwrap();
    let file = "/file?run=0&cell=cell&id=x__y-1&sample=0&name=";
    assert_eq!(get(address, &format!("{file}trajectory.jsonl")), (200, record));
    assert_eq!(get(address, &format!("{file}patch.diff")), (200, PATCH.to_owned()));
    assert_eq!(get(address, &format!("{file}..%2F..%2Fjournal")).0, 500);
    assert_eq!(get(address, "/file?run=7&cell=cell&id=x&sample=0&name=patch.diff").0, 500);
    let gold: Value = serde_json::from_str(&get(address, "/gold?id=x__y-1").1).unwrap();
    assert_eq!(gold["patch"], PATCH);
    let hits: Value = serde_json::from_str(&get(address, "/search?q=SHOWN+%22quoted%22").1).unwrap();
    assert_eq!((&hits[0][0], &hits[0][1], &hits[0][2]), (&0.into(), &"trajectory.jsonl".into(), &1.into()), "{hits}");
    for host in ["evil.example", "localhost:1", ""] {
        assert_eq!(ask(address, "/index", host).0, 403, "{host}");
    }
    assert_eq!(get(address, "/other").0, 404);
}
