//! Episodes that do what the gold patch does.

use std::time::Instant;

use crate::cases;

#[test]
#[ignore = "needs registry images"]
fn an_episode_that_makes_the_change_is_resolved() {
    let program = cases::program_of_registry();
    let mut wrong = Vec::new();
    for (_, case) in cases::of_registry() {
        let script = cases::registry().join(format!("scripts/{}.yaml", case.id));
        let settings = ["model.provider=script".to_owned(), format!("model.path={}", script.display())];
        let begun = Instant::now();
        let ran = case.run(&program, &program.free_run(), &["solve"], &settings);
        println!("{:<36} solved in {:.1?}", case.id, begun.elapsed());
        wrong.extend(case.check_solved(&ran).err());
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}
