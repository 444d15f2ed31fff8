//! What holds for commands with either provider.

use sandbox::Kind;

use crate::place::*;

#[tokio::test]
async fn smoke() {
    for kind in [Kind::Local, Kind::Docker] {
        let Some(place) = Place::of(kind).await else { continue };
        let t = std::time::Instant::now();
        let sandbox = place.start().await;
        eprintln!("start {:?}", t.elapsed());
        let sandbox = &*sandbox;
        for script in [
            "pwd; id -un; env",
            "cd /; x=5; false",
            "pwd; echo $x; cat; echo 'abc",
            "if\nthen",
            "sleep 100",
            "echo $x; pwd",
            "exit 7",
            "echo $x",
            "kill -9 $$",
            "pwd",
            "exec true",
        ] {
            eprintln!("--- {script}\n{:?}", sandbox.exec(within(0.5, script)).await);
        }
        let t = std::time::Instant::now();
        sandbox.write_file("a b", b"contents", None).await.unwrap();
        eprintln!("write {:?}", t.elapsed());
        let t = std::time::Instant::now();
        sandbox.write_file("a b", b"contents", Some(0o755)).await.unwrap();
        eprintln!("write {:?}", t.elapsed());
        let t = std::time::Instant::now();
        eprintln!("{:?}", sandbox.read_file("a b").await);
        eprintln!("read {:?}", t.elapsed());
        eprintln!("{:?}", sandbox.read_file("a bc").await);
        eprintln!("{:?}", run(sandbox, "ls -la").await);
        eprintln!("{:?}", sandbox.archive("a b").await.map(|a| a.len()));
        eprintln!("{:?}", sandbox.exec(tool_core::Command::fresh("pwd; env; sleep 1")).await);
        let t = std::time::Instant::now();
        sandbox.stop().await.unwrap();
        eprintln!("stop {:?}", t.elapsed());
    }
}
