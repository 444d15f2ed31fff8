//! Sweep files that are wrong.

use expect_test::{Expect, expect};

use super::*;

fn check(text: &str, expected: &Expect) {
    let parsed = File::parse(Path::new("s.yaml"), text.to_owned());
    expected.assert_eq(&parsed.map_or_else(|err| err.to_string(), |file| format!("{:?}", file.spec.samples)));
}

#[test]
fn a_wrong_file_is_refused_with_place_and_hint() {
    check(
        "matrx: {}\n",
        &expect![[r#"
        s.yaml:1:1: unknown key `matrx`
        hint: did you mean `matrix`?"#]],
    );
    check(
        "instances:\n  dataset: demo\n  ids: [a]\n  slise: ':1'\n",
        &expect![[r#"
        s.yaml:4:3: unknown key `instances.slise`
        hint: did you mean `instances.slice`?"#]],
    );
    check(
        "temperature: 1\n",
        &expect![[r#"
        s.yaml:1:1: unknown key `temperature`
        hint: the keys are `name`, `agent`, `base`, `matrix`, `include`, `exclude`, `instances`, `samples`, `workers`, `budget`, `stop`, `retries`, `order`, `engine`; settings of the agent and its model go below `base`"#]],
    );
    check(
        "base: config.yaml\n",
        &expect![[r#"
        s.yaml:1:1: `base` takes keys, not the value `config.yaml`
        hint: write the settings of that file here, or add it with `-c FILE`"#]],
    );
    check(
        "matrix: []\n",
        &expect![[r#"
        s.yaml:1:1: `matrix` takes keys, not the value `[]`
        hint: write key paths with lists of values, such as `model.temperature: [0, 0.5]`"#]],
    );
    check(
        "matrix: {}\n",
        &expect![[r#"
        s.yaml:1:1: `matrix` is empty
        hint: leave it out for a single cell"#]],
    );
}

#[test]
fn a_wrong_value_is_refused_with_what_it_must_be() {
    check(
        "workers: many\n",
        &expect![[r#"s.yaml:1:1: `workers`: invalid type: string "many", expected a whole number"#]],
    );
    check("workers: 0\n", &expect!["s.yaml:1:1: `workers` must be from 1 to 10000"]);
    check("samples: {count: 0}\n", &expect!["s.yaml:1:11: `samples.count` must be from 1 to 100000"]);
    check(
        "samples: -1\n",
        &expect!["s.yaml:1:1: `samples`: it takes a whole number, or the keys `count`, `overrides`"],
    );
    check(
        "budget:\n  cost: 0\n",
        &expect![[r#"
        s.yaml:2:3: `budget.cost` must be a number above 0
        hint: leave it out for no limit"#]],
    );
    check(
        "budget: {hours: .inf}\n",
        &expect![[r#"
        s.yaml:1:10: `budget.hours` must be a number above 0
        hint: leave it out for no limit"#]],
    );
    check(
        "instances: {ids: demo}\n",
        &expect![[r#"s.yaml:1:13: `instances.ids`: invalid type: string "demo", expected a list"#]],
    );
    check(
        "order: random\n",
        &expect!["s.yaml:1:1: `order`: unknown variant `random`, expected `instances` or `samples`"],
    );
    check(
        "",
        &expect![[r#"
        s.yaml: the file is empty
        hint: `instances` says what is run"#]],
    );
    check("- a\n", &expect!["s.yaml: the file must hold keys with values, such as `instances`"]);
    check(
        "samples: {count: 3, overrides: {0: {model.temperature: 0}}}\n",
        &expect![[r#"Samples { count: Some(3), overrides: Mapping {0: Mapping {"model.temperature": Number(0)}} }"#]],
    );
}

#[test]
fn a_wrong_engine_is_refused_with_place_and_hint() {
    check(
        "engine: {kind: slurmd}\n",
        &expect![
            "s.yaml:1:10: `engine.kind`: unknown variant `slurmd`, expected one of `local`, `slurm`, `ray`, `hyperqueue`, `kubernetes`"
        ],
    );
    check("engine: {pilots: 0}\n", &expect!["s.yaml:1:10: `engine.pilots` must be from 1 to 10000"]);
    check(
        "engine: {kind: slurm, time: 4h}\n",
        &expect![[r#"
            s.yaml:1:23: `engine.time` must be a time in Slurm's format, at least a minute
            hint: write "4:00:00" for four hours, "30" for 30 minutes, "2-12" for two and a half days"#]],
    );
    check(
        "engine: {kind: slurm, pilot: 4}\n",
        &expect![[r#"
            s.yaml:1:23: unknown key `engine.pilot`
            hint: did you mean `engine.pilots`?"#]],
    );
    check(
        "engine: {options: [gres=gpu]}\n",
        &expect![[r#"
            s.yaml:1:10: `engine.options` must be options of `sbatch` or `hq submit`, one in each text
            hint: as in `["--gres=gpu:1"]`"#]],
    );
    check(
        "engine: slurmd\n",
        &expect![[r#"
        s.yaml:1:1: `engine`: there is no engine `slurmd`
        hint: did you mean `slurm`?"#]],
    );
    check("engine: slurm\n", &expect!["Samples { count: None, overrides: Mapping {} }"]);
}

#[test]
fn a_wrong_engine_of_several_is_refused_with_place_and_hint() {
    check(
        "engine: cloud\n",
        &expect![[r#"
        s.yaml:1:1: `engine`: there is no engine `cloud`
        hint: it takes `local`, `slurm`, `ray`, `hyperqueue`, `kubernetes`, or keys"#]],
    );
    check(
        "engine:\n  kind: ray\n  ray: {adress: 'http://head:8265'}\n",
        &expect![[r#"
        s.yaml:3:9: unknown key `engine.ray.adress`
        hint: did you mean `engine.ray.address`?"#]],
    );
    check(
        "engine:\n  kind: ray\n  ray: {address: 'head:6379'}\n",
        &expect![[r#"
        s.yaml:3:9: `engine.ray.address` must be the address of the cluster's dashboard
        hint: as in `http://127.0.0.1:8265`"#]],
    );
    check(
        "engine: {kind: ray, ray: {address: [a]}}\n",
        &expect!["s.yaml:1:27: `engine.ray.address`: invalid type: sequence, expected a string"],
    );
    check(
        "engine: {kind: kubernetes, kubernetes: {image: 'spotter:1'}}\n",
        &expect![[r#"
        s.yaml:1:28: `engine.kubernetes.claim` is missing
        hint: name the claim of a persistent volume that holds the working folder and the run"#]],
    );
    check(
        "engine: {kind: kubernetes, kubernetes: {image: 'a b', claim: c}}\n",
        &expect!["s.yaml:1:41: `engine.kubernetes.image` must be a name without spaces"],
    );
    check(
        "engine: {kubernetes: {mont: /x}}\n",
        &expect![[r#"
        s.yaml:1:23: unknown key `engine.kubernetes.mont`
        hint: did you mean `engine.kubernetes.mount`?"#]],
    );
    check(
        "engine: {memory: 8GB}\n",
        &expect![[r#"
        s.yaml:1:10: `engine.memory` must be a size in Slurm's format
        hint: as in `8G`; without a letter it is megabytes"#]],
    );
}
