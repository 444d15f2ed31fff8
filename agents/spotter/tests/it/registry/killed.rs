//! `solve`, killed at any instant.

use std::fs;
use std::time::{Duration, Instant};

use agent_core::Trajectory;

use super::containers;
use crate::cases;
use crate::killing::{instants, kill_after};

const KILLS: u32 = 20;

#[test]
#[ignore = "needs SPOTTER_LONG"]
fn an_episode_that_is_killed_reads_is_finished_and_leaves_no_container() {
    let program = cases::program_of_registry();
    let cases = cases::of_registry();
    let case = cases.iter().map(|(_, case)| case).find(|case| case.id == "pallets__flask-5014");
    let case = case.unwrap_or_else(|| panic!("needs registry images: pallets__flask-5014 is not among them"));
    let script = cases::registry().join(format!("scripts/{}.yaml", case.id));
    let settings = ["model.provider=script".to_owned(), format!("model.path={}", script.display())];
    let (whole, killed) = (program.free_run(), program.free_run());
    let begun = Instant::now();
    case.check_solved(&case.run(&program, &whole, &["solve"], &settings)).unwrap_or_else(|wrong| panic!("{wrong}"));
    let life = begun.elapsed();
    let mut left = 0;
    for instant in instants(KILLS, life * 19 / 20) {
        kill_after(program.command(&case.arguments(&killed, &["solve"], &settings)), instant);
        let folder = program.path(&format!(".runs/{killed}/codeact/{}", case.id));
        for name in ["trajectory.jsonl", "trajectory.resumed.jsonl"] {
            let Ok(text) = fs::read(folder.join(name)) else { continue };
            let read = Trajectory::parse(&String::from_utf8_lossy(&text));
            assert!(read.is_ok(), "{name}, killed after {instant:?}: {:?}", read.err());
        }
        std::thread::sleep(Duration::from_millis(500));
        left += containers(&killed).len();
    }
    println!("a whole run takes {life:.1?}; containers half a second after each of {KILLS} kills: {left}");
    let clean = program.run(&["clean"]);
    assert_eq!((clean.code, containers(&killed)), (Some(0), Vec::new()), "{clean:?}");
    let ran = case.run(&program, &killed, &["solve"], &settings);
    case.check_solved(&ran).unwrap_or_else(|wrong| panic!("{wrong}"));
}
