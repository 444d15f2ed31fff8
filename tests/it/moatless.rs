//! Episodes of the Moatless agent: every arrow of its table, every refusal, every way in which a state gives in.

use std::collections::BTreeSet;

use agent_core::{ExitStatus, Limit, Record, Trajectory};
use moatless::{Config, FlowKind, Moatless, TRANSITIONS};
use serde_json::{Value, json};

use crate::case::Ran;
use crate::scripted::{call, say};

type Case = crate::case::Case<Moatless>;

/// What `Cache.get` of the instance becomes.
const GET: &str = "    def get(self, key, default=None):\n        return self._entries.get(key, default)\n";

fn search(request: Value) -> Value {
    call("search", json!({ "search_requests": [request] }))
}

fn enough() -> Value {
    call("search", json!({ "complete": true }))
}

fn identify(spans: &[&str]) -> Value {
    call("identify", json!({ "identified_spans": [{ "file_path": "lru/cache.py", "span_ids": spans }] }))
}

fn decide(relevant: bool, complete: bool) -> Value {
    call("decide", json!({ "relevant": relevant, "complete": complete, "search_suggestions": "look at the keys" }))
}

fn plan(action: &str) -> Value {
    call("plan", json!({ "action": action, "reject": if action == "reject" { "no way" } else { "" } }))
}

fn modify(span: &str) -> Value {
    let arguments =
        json!({ "action": "modify", "file_path": "lru/cache.py", "span_id": span, "instructions": "mend it" });
    call("plan", arguments)
}

fn lines(start: usize, end: usize) -> Value {
    call("select_lines", json!({ "start_line": start, "end_line": end, "scratch_pad": "these" }))
}

fn replace(code: &str) -> Value {
    call("replace_code", json!({ "replace": code }))
}

fn reject_code() -> Value {
    call("replace_code", json!({ "reject": "not here" }))
}

/// Returns the answers that lead to `PlanToCode` with these spans in the file context, and then `more`.
fn planned(spans: &[&str], more: Vec<Value>) -> Vec<Value> {
    let mut turns = vec![search(json!({ "class_names": ["Cache"] })), identify(spans), decide(true, true)];
    turns.extend(more);
    turns
}

/// Returns the states that were entered.
fn states(ran: &Ran) -> Vec<&str> {
    let names = ran.records.iter().filter_map(|record| match record {
        Record::Conversation { name, .. } => Some(name.as_str()),
        _ => None,
    });
    names.collect()
}

/// Returns the states by their initials, and how the episode ended.
fn path(ran: &Ran) -> String {
    let initials: String = states(ran).iter().filter_map(|name| name.chars().next()).collect();
    format!("{initials} {:?}", ran.outcome.exit_status)
}

/// Returns what the model was told of the calls that were refused.
fn refusals(ran: &Ran) -> Vec<String> {
    let refused = ran.records.iter().filter_map(|record| match record {
        Record::Observation { observation, .. } if observation.is_error => Some(observation.text.clone()),
        _ => None,
    });
    refused.collect()
}

async fn run(turns: Vec<Value>) -> Ran {
    Case::of(turns).run().await
}

async fn run_with(config: Config, turns: Vec<Value>) -> Ran {
    Case { turns, config, ..Case::default() }.run().await
}

/// A small limit on the lines of an edit, so that the instance's methods are long.
fn short_edits() -> Config {
    Config { edit_tokens: 40, ..Config::default() }
}

#[tokio::test]
async fn every_arrow_of_the_table_is_taken() {
    let all = |turns| run_with(Config { run_tests: Some(true), ..short_edits() }, turns);
    let tests = call("choose_tests", json!({ "test_files": ["tests/test_cache.py"] }));
    let mut taken = BTreeSet::new();
    for turns in [
        vec![
            search(json!({ "class_names": ["Cache"] })),
            call("identify", json!({ "scratch_pad": "nothing of it" })),
            search(json!({ "query": "entries" })),
            identify(&["Cache.get"]),
            decide(false, false),
            enough(),
            modify("Cache.get"),
            call("select_lines", json!({ "reject": true, "scratch_pad": "no such lines" })),
            modify("Cache.get"),
            lines(28, 29),
            reject_code(),
            plan("run_tests"),
            tests,
            plan("reject"),
        ],
        planned(
            &["Cache.__len__"],
            vec![
                modify("Cache.__len__"),
                replace("    def __len__(self):\n        return sum(1 for _ in self._entries)\n"),
                plan("finish"),
            ],
        ),
    ] {
        let count = turns.len();
        let ran = all(turns).await;
        assert_eq!(ran.requests.len(), count, "{}: {:?}", path(&ran), refusals(&ran));
        taken.extend(ran.records.iter().filter_map(|record| match record {
            Record::Observation { observation, .. } => Some(observation.text.clone()),
            _ => None,
        }));
    }
    // Both triggers from `EditCode` lead to `PlanToCode`; the second one is that of the rejected edit.
    let table: BTreeSet<String> = TRANSITIONS.iter().map(|(from, _, to)| format!("{from} -> {to}")).collect();
    assert_eq!(taken, table);
}

#[tokio::test]
async fn a_submission_carries_the_patch_and_each_state_begins_anew() {
    let turns = planned(&["Cache.get"], vec![modify("Cache.get"), replace(GET), plan("review")]);
    let ran = run(turns).await;
    assert_eq!(path(&ran), "SIDPEP Submitted");
    let patch = ran.outcome.patch.as_ref().unwrap().0.as_str();
    assert!(patch.contains("+        return self._entries.get(key, default)\n"), "{patch}");
    for request in &ran.requests {
        assert_eq!(request.messages.len(), 2, "{:?}", request.messages);
        assert_eq!(request.tools.len(), 1, "{:?}", request.tools);
    }
    let asked = |at: usize| ran.requests[at].messages[1].content.as_str();
    assert!(asked(0).contains("span `Cache.get`"), "the issue's words are searched for first: {}", asked(0));
    assert!(asked(1).contains("`Cache.__init__`, "), "the methods of a class are named: {}", asked(1));
    assert!(asked(2).contains("span `Cache.__init__`"), "the constructor comes with a method: {}", asked(2));
    assert!(asked(5).contains("-        value = self._entries.get(key)\n"), "the change is shown: {}", asked(5));
    assert!(asked(5).contains("1. `lru/cache.py`, lines 26-33: mend it"), "{}", asked(5));
}

#[tokio::test]
async fn relevant_twice_is_enough_and_irrelevant_goes_on_searching() {
    let other = || search(json!({ "query": "memoize" }));
    let again = |decision: Value| vec![search(json!({ "class_names": ["Cache"] })), identify(&["Cache"]), decision];
    let second = |decision: Value| [again(decision), vec![other(), identify(&["Cache.put"])]].concat();
    let ran = run([second(decide(true, false)), vec![decide(true, false), plan("reject")]].concat()).await;
    assert_eq!(path(&ran), "SIDSIDP GaveUp(\"no way\")");
    assert!(ran.requests[3].messages[1].content.contains("look at the keys"), "the suggestions come back");
    let ran = run([second(decide(false, false)), vec![decide(true, false), enough(), plan("reject")]].concat()).await;
    assert_eq!(path(&ran), "SIDSIDSP GaveUp(\"no way\")");
    // Complete alone says nothing of code that is not relevant.
    let ran = run([again(decide(false, true)), vec![enough(), plan("reject")]].concat()).await;
    assert_eq!(path(&ran), "SIDSP GaveUp(\"no way\")");
}

#[tokio::test]
async fn each_answer_of_no_use_is_refused_with_what_to_do() {
    let cache = json!({ "class_names": ["Cache"] });
    let spans = |path: &str, ids: &[&str]| {
        call("identify", json!({ "identified_spans": [{ "file_path": path, "span_ids": ids }] }))
    };
    let searched = |answer: Value| vec![search(cache.clone()), answer];
    let in_plan = |arguments: Value| planned(&["Cache.get"], vec![call("plan", arguments)]);
    let in_edit = |code: &str| planned(&["Cache.get"], vec![modify("Cache.get"), replace(code)]);
    let change =
        |path: &str, span: &str| json!({ "action": "modify", "file_path": path, "span_id": span, "instructions": "x" });
    let long = |code: &str| format!("    def get(self, key, default=None):\n{code}\n        return 1\n");
    for (turns, said) in [
        (vec![call("search", json!({}))], "at least one of `search_requests`"),
        (vec![search(json!({}))], "at least one of query"),
        (vec![search(json!({ "class_names": ["Cach"] }))], "Did you mean `Cache`"),
        (vec![search(json!({ "file_pattern": "[" }))], "is not a file pattern"),
        (vec![enough()], "no code was identified yet"),
        (vec![call("plan", json!({}))], "`plan` is not available now"),
        (vec![call("bash", json!({}))], "unknown tool `bash`"),
        (vec![call("search", json!({ "complete": "perhaps" }))], "the arguments of `search` are not valid"),
        (searched(spans("lru/cash.py", &["Cache"])), "did you mean `lru/cache.py`?"),
        (searched(spans("/etc/passwd", &["x"])), "leads out of the repository"),
        (searched(spans("lru/cache.py", &["Cache.got"])), "did you mean `Cache.get`?"),
        (searched(spans("lru/cache.py", &[])), "name the `span_ids`"),
        (in_plan(json!({})), "give an `action`"),
        (in_plan(json!({ "action": "modify" })), "give the `file_path`"),
        (in_plan(json!({ "action": "modify", "file_path": "lru/cache.py" })), "give `instructions`"),
        (in_plan(change("lru/memo.py", "memoize")), "`lru/memo.py` is not in the file context, which has"),
        (
            in_plan(change("lru/cache.py", "Cache.keys")),
            "the span `Cache.keys` of `lru/cache.py` is not in the file context",
        ),
        (
            in_plan(json!({ "action": "modify", "file_path": "lru/cache.py", "instructions": "x" })),
            "give the `span_id`",
        ),
        (in_plan(json!({ "action": "review" })), "nothing was changed yet"),
        (in_plan(json!({ "action": "run_tests" })), "tests cannot be run here"),
        (
            in_plan(json!({ "action": "create", "file_path": "a.py", "instructions": "x" })),
            "files cannot be created here",
        ),
        (in_edit("    def get(self, key, default=None):\n        return ("), "no longer parse"),
        (in_edit(&long("        # ... rest of the code")), "stands for code that was left out"),
        (
            in_edit(&format!("{GET}\n    def put(self, key, value):\n        pass\n")),
            "`Cache.put` would be defined twice",
        ),
        (planned(&["Cache.get"], vec![modify("Cache.get"), call("replace_code", json!({}))]), "give `replace`"),
    ] {
        let ran = run(turns).await;
        assert!(refusals(&ran).last().is_some_and(|why| why.contains(said)), "{said}: {:?}", refusals(&ran));
        let last = &ran.requests.last().unwrap().messages;
        assert!(last.iter().any(|message| message.content.contains(said)), "the model is told: {last:?}");
    }
}

#[tokio::test]
async fn lines_of_no_use_are_refused() {
    let in_clarify = |answer: Value| planned(&["Cache.get"], vec![modify("Cache.get"), answer]);
    for (answer, said) in [
        (lines(26, 33), "are all of the code"),
        (lines(26, 26), "only the signature of `Cache.get`"),
        (lines(30, 28), "end before they begin"),
        (lines(20, 28), "are not within the code shown"),
        (lines(26, 32), "can be changed at once"),
        (call("select_lines", json!({ "start_line": 28 })), "give `start_line` and `end_line`"),
    ] {
        let ran = run_with(short_edits(), in_clarify(answer)).await;
        assert!(refusals(&ran).last().is_some_and(|why| why.contains(said)), "{said}: {:?}", refusals(&ran));
    }
}

#[tokio::test]
async fn the_same_search_twice_and_unchanged_code_are_refused() {
    let cache = || search(json!({ "class_names": ["Cache"] }));
    let nothing = call("identify", json!({}));
    let ran = run(vec![cache(), nothing, cache()]).await;
    assert!(refusals(&ran)[0].contains("searched for before"), "{:?}", refusals(&ran));
    let same = "    def __len__(self):\n        return len(self._entries)\n";
    let ran = run(planned(&["Cache.__len__"], vec![modify("Cache.__len__"), replace(same)])).await;
    assert!(refusals(&ran)[0].contains("nothing changed"), "{:?}", refusals(&ran));
}

#[tokio::test]
async fn a_refused_answer_can_be_mended_in_the_same_conversation() {
    let broken = "    def get(self, key, default=None):\nreturn 1\n";
    let turns = planned(&["Cache.get"], vec![modify("Cache.get"), replace(broken), replace(GET), plan("finish")]);
    let ran = run(turns).await;
    assert_eq!(path(&ran), "SIDPEP Submitted");
    assert_eq!(ran.requests[5].messages.len(), 4, "the refused answer and the refusal are shown");
}

#[tokio::test]
async fn each_state_gives_in_where_the_table_lets_it() {
    let none = || search(json!({ "class_names": ["Nowhere"] }));
    let no_use = |count: usize, answer: Value| vec![answer; count];
    let word = || say("Let me think about that.");
    let searched = || search(json!({ "class_names": ["Cache"] }));
    let known = |more: Vec<Value>| [vec![searched(), identify(&["Cache.get"]), decide(false, false)], more].concat();
    for (turns, ended) in [
        // Without any code there is nothing to continue with.
        (no_use(4, none()), "S Limit(Idle)"),
        (known([no_use(4, none()), vec![plan("reject")]].concat()), "SIDSP GaveUp(\"no way\")"),
        ([vec![searched()], no_use(3, word()), vec![]].concat(), "IS ModelFailed"),
        ([vec![searched(), identify(&["Cache.get"])], no_use(3, word()), vec![plan("reject")]].concat(), "SIDP GaveUp"),
        (
            planned(&["Cache.get"], no_use(3, plan("review"))),
            "SIDP GaveUp(\"No usable answer was given in PlanToCode: nothing was changed yet",
        ),
        (
            planned(
                &["Cache.get"],
                [vec![modify("Cache.get")], no_use(3, replace("x = (")), vec![plan("reject")]].concat(),
            ),
            "SIDPEP GaveUp(\"no way\")",
        ),
    ] {
        let ran = run_with(Config::default(), turns).await;
        assert!(path(&ran).contains(ended), "expected {ended}, got {}", path(&ran));
    }
    let turns = [vec![modify("Cache.get")], no_use(3, lines(1, 2)), vec![plan("reject")]].concat();
    let ran = run_with(short_edits(), planned(&["Cache.get"], turns)).await;
    assert_eq!(path(&ran), "SIDPCP GaveUp(\"no way\")");
    assert!(ran.last()[1].content.contains("not within the code shown"), "the plan is told why: {:?}", ran.last());
    let turns = [vec![plan("run_tests")], no_use(3, word()), vec![plan("reject")]].concat();
    let config = Config { run_tests: Some(true), ..Config::default() };
    assert_eq!(path(&run_with(config, planned(&["Cache.get"], turns)).await), "SIDPRP GaveUp(\"no way\")");
}

#[tokio::test]
async fn the_limits_of_the_machine_hold() {
    let round = |number: usize| {
        vec![search(json!({ "query": format!("entries {number}") })), identify(&["Cache.get"]), decide(false, false)]
    };
    let rounds: Vec<Value> = (0..10).flat_map(round).collect();
    let ran = run_with(Config { max_transitions: 7, ..Config::default() }, rounds).await;
    assert_eq!(path(&ran), "SIDSIDS Limit(Transitions)");

    let rejected = || vec![modify("Cache.get"), reject_code()];
    let turns = planned(&["Cache.get"], [rejected(), rejected(), rejected(), rejected()].concat());
    let ran = run_with(Config::default(), turns.clone()).await;
    assert_eq!(path(&ran), "SIDPEPEPE GaveUp(\"3 edits were rejected\")");
    let ran = run_with(Config { max_rejections: 3, ..Config::default() }, turns).await;
    assert_eq!(path(&ran), "SIDPEPEPEPE GaveUp(\"4 edits were rejected\")");

    let edit = |number: usize| {
        vec![modify("Cache.__len__"), replace(&format!("    def __len__(self):\n        return {number}\n"))]
    };
    let turns = planned(&["Cache.__len__"], (0..9).flat_map(edit).collect());
    let ran = run_with(Config { max_visits: 2, ..Config::default() }, turns.clone()).await;
    assert_eq!(path(&ran), "SIDPEPE Limit(Visits)");
    assert!(ran.outcome.patch.unwrap().0.contains("+        return 1\n"), "the work is kept");
    let ran = run_with(Config { max_transitions: 100, ..Config::default() }, turns).await;
    assert_eq!(states(&ran).iter().filter(|name| **name == "PlanToCode").count(), 8);
}

#[tokio::test]
async fn an_answer_without_a_call_is_told_what_is_expected() {
    let ran = run(vec![say("I would look for the cache."), enough()]).await;
    let told = &ran.requests[1].messages;
    assert!(told.last().unwrap().content.contains("here `search` is expected"), "{told:?}");
}

#[tokio::test]
async fn several_calls_in_one_answer_take_one_step() {
    let two = json!({ "calls": [
        { "name": "search", "raw": json!({ "search_requests": [{ "class_names": ["Cache"] }] }).to_string() },
        { "name": "identify", "raw": json!({ "identified_spans": [] }).to_string() },
    ] });
    let ran = run(vec![two, identify(&["Cache.get"]), decide(true, true), plan("reject")]).await;
    assert_eq!(path(&ran), "SIDP GaveUp(\"no way\")");
}

#[tokio::test]
async fn new_errors_of_an_edit_are_told() {
    let code = "    def get(self, key, default=None):\n        return self._entries.get(keys, default)\n";
    let turns = planned(&["Cache.get"], vec![modify("Cache.get"), replace(code), plan("reject")]);
    let ran = run(turns.clone()).await;
    assert!(ran.last()[1].content.contains("line 27: Undefined variable 'keys'"), "{:?}", ran.last());
    let ran = run_with(Config { lint: false, ..Config::default() }, turns).await;
    assert!(!ran.last()[1].content.contains("Undefined variable"), "{:?}", ran.last());
}

#[tokio::test]
async fn what_was_set_and_had_no_effect_elsewhere_has_one() {
    let first = |config: Config| async { run_with(config, vec![]).await.requests[0].messages[1].content.clone() };
    let initial = |change: fn(&mut moatless::Initial)| {
        let mut config = Config::default();
        change(&mut config.initial);
        config
    };
    assert!(first(Config::default()).await.contains("<search_results>"));
    assert!(!first(initial(|initial| initial.tokens = 0)).await.contains("<search_results>"));
    let few = first(initial(|initial| initial.results = 1)).await;
    assert_eq!(few.matches("  span `").count(), 1, "{few}");
    let one = first(initial(|initial| initial.spans_per_file = 1)).await;
    assert_eq!(one.matches("  span `Cache").count(), 1, "{one}");
    let tight = first(initial(|initial| initial.tokens = 60)).await;
    assert!(tight.matches("  span `").count() < 3, "{tight}");

    let plan_of =
        |config: Config| async { run_with(config, planned(&["Cache.put"], vec![])).await.last()[1].content.clone() };
    assert!(plan_of(Config::default()).await.contains("span `Cache.__init__`"));
    assert!(!plan_of(Config { expand_context: false, ..Config::default() }).await.contains("span `Cache.__init__`"));
    let cut = plan_of(Config { context_tokens: 60, context_least: 10, ..Config::default() }).await;
    assert!(cut.contains("omitted for lack of space"), "{cut}");

    let edit_of = |config: Config| async {
        run_with(config, planned(&["Cache.put"], vec![modify("Cache.put")])).await.last().to_vec()
    };
    let shown = edit_of(Config { edit_context: true, edit_thoughts: true, ..Config::default() }).await;
    assert!(shown[0].content.contains("Think first") && shown[1].content.contains("<file_context>"), "{shown:?}");
    let plain = edit_of(Config::default()).await;
    assert!(!plain[0].content.contains("Think first") && !plain[1].content.contains("<file_context>"), "{plain:?}");
}

#[tokio::test]
async fn a_reason_to_reject_beside_empty_code_removes_nothing() {
    let both = |code: &str| call("replace_code", json!({ "replace": code, "reject": "There is no such call." }));
    let ran = run(planned(&["Cache.get"], vec![modify("Cache.get"), both(""), plan("reject")])).await;
    assert_eq!(path(&ran), "SIDPEP GaveUp(\"no way\")");
    assert!(ran.outcome.patch.unwrap().0.is_empty());
    let ran = run(planned(&["Cache.get"], vec![modify("Cache.get"), both(GET)])).await;
    assert!(refusals(&ran)[0].contains("not both"), "{:?}", refusals(&ran));
}

#[tokio::test]
async fn parts_of_a_class_can_be_changed_on_their_own_and_are_followed() {
    let attribute = "    def keys(self):\n        return list(self._entries)\n\n    size = 1\n";
    let turns = vec![
        modify("Cache.keys"),
        replace(attribute),
        modify("Cache:2"),
        replace("    size = 2\n"),
        modify("Cache.keys"),
        replace("    size = 3\n\n    def keys(self):\n        return list(self._entries)\n"),
        plan("finish"),
    ];
    let ran = run(planned(&["Cache.keys"], turns)).await;
    assert_eq!(path(&ran), "SIDPEPEPEP Submitted", "{:?}", refusals(&ran));
    let patch = ran.outcome.patch.as_ref().unwrap().0.clone();
    assert!(patch.contains("+    size = 2\n") && patch.contains("+    size = 3\n"), "{patch}");
    // What was the second part of the class is the third now, and is still shown.
    let shown = &ran.last()[1].content;
    assert!(shown.contains("span `Cache:3`") && shown.contains("size = 2"), "{shown}");
}

#[tokio::test]
async fn a_tool_of_another_state_is_refused_with_what_is_expected() {
    let ran = run(vec![plan("finish"), enough()]).await;
    let told: Vec<&str> = ran.requests[1].messages.iter().map(|message| message.content.as_str()).collect();
    assert!(told[3].contains("`plan` is not available now"), "{told:?}");
    assert!(told[4].contains("here `search` is expected"), "{told:?}");
}

#[tokio::test]
async fn right_spans_count_beside_a_wrong_one() {
    let ran = run(vec![search(json!({ "class_names": ["Cache"] })), identify(&["Cache.get", "Cache.nothing"])]).await;
    assert_eq!(path(&ran).split(' ').next(), Some("SID"));
    assert!(ran.last()[1].content.contains("span `Cache.get`"), "{:?}", ran.last());
}

#[tokio::test]
async fn a_file_found_by_its_name_alone_shows_what_can_be_named() {
    let ran = run(vec![search(json!({ "file_pattern": "lru/cache.py" }))]).await;
    assert!(ran.last()[1].content.contains("- `lru/cache.py`: `docstring`"), "{:?}", ran.last());
}

#[tokio::test]
async fn what_was_edited_is_still_told_after_tests() {
    let config = Config { run_tests: Some(true), ..Config::default() };
    let tests = call("choose_tests", json!({ "test_files": ["tests/test_cache.py"] }));
    let turns = planned(&["Cache.get"], vec![modify("Cache.get"), replace(GET), plan("run_tests"), tests]);
    let told = run_with(config, turns).await.last()[1].content.clone();
    assert!(told.contains("<diff>") && told.contains("<test_output>"), "{told}");
}

#[tokio::test]
async fn a_review_goes_on_where_it_is_not_the_end() {
    let turns = planned(&["Cache.get"], vec![modify("Cache.get"), replace(GET), plan("review"), plan("finish")]);
    let ran = run_with(Config { finish_on_review: false, ..Config::default() }, turns).await;
    assert_eq!(path(&ran), "SIDPEP Submitted");
    assert_eq!(refusals(&ran).len(), 1);
}

#[tokio::test]
async fn files_are_created_where_that_is_allowed() {
    let create =
        |path: &str| call("plan", json!({ "action": "create", "file_path": path, "instructions": "a helper" }));
    let config = || Config { create_files: true, ..Config::default() };
    let turns = planned(&["Cache.get"], vec![create("lru/new.py"), replace("X = 1\n"), plan("finish")]);
    let ran = run_with(config(), turns).await;
    assert_eq!(path(&ran), "SIDPEP Submitted");
    assert!(ran.outcome.patch.as_ref().unwrap().0.contains("+++ b/lru/new.py"), "{:?}", ran.outcome.patch);
    assert!(ran.last()[1].content.contains("lru/new.py"), "it is in the file context: {:?}", ran.last());
    let notebook = "{\n \"cells\": [\n  {\n   \"cell_type\": \"code\",\n   \"source\": [\n    \"def plot(x):\\n\",\n    \"    pass\"\n   ]\n  }\n ]\n}\n";
    let change = json!({ "action": "modify", "file_path": "n.ipynb", "span_id": "plot", "instructions": "x" });
    let turns = vec![create("n.ipynb"), replace(notebook), call("plan", change), plan("finish")];
    let ran = run_with(config(), planned(&["Cache.get"], turns)).await;
    let asked = ran.requests[5].messages[1].content.as_str();
    assert!(asked.contains("     6  def plot(x):\n") && asked.contains("they cannot be changed here"), "{asked}");
    assert!(refusals(&ran)[0].contains("`n.ipynb` is a notebook"), "{:?}", refusals(&ran));
    assert_eq!(path(&ran), "SIDPEP Submitted");
    let ran = run_with(config(), planned(&["Cache.get"], vec![create("lru/memo.py")])).await;
    assert!(refusals(&ran)[0].contains("is there already"), "{:?}", refusals(&ran));
}

#[tokio::test]
async fn tests_are_proposed_run_and_shown() {
    let config = || Config {
        run_tests: Some(true),
        tests: moatless::TestsConfig { command: Some("python3 -m unittest {files}".to_owned()), ..Default::default() },
        ..Config::default()
    };
    let choose = |files: &[&str]| call("choose_tests", json!({ "test_files": files }));
    let turns = planned(&["Cache.get"], vec![plan("run_tests"), choose(&["tests/test_cache.py"]), plan("reject")]);
    let ran = run_with(config(), turns).await;
    assert_eq!(path(&ran), "SIDPRP GaveUp(\"no way\")");
    assert!(ran.requests[4].messages[1].content.contains("- `tests/test_cache.py`"), "{:?}", ran.requests[4]);
    assert!(ran.last()[1].content.contains("Ran "), "{:?}", ran.last());
    assert!(ran.last()[1].content.contains("[exit code 0]"), "{:?}", ran.last());
    let ran = run_with(config(), planned(&["Cache.get"], vec![plan("run_tests"), choose(&["tests/none.py"])])).await;
    assert!(refusals(&ran)[0].contains("there is no `tests/none.py`"), "{:?}", refusals(&ran));
}

fn actions() -> Config {
    Config { flow: FlowKind::Actions, ..Config::default() }
}

#[tokio::test]
async fn the_second_flow_offers_every_action_in_one_conversation() {
    let turns = vec![
        call("find_class", json!({ "class_name": "Cache" })),
        call("find_function", json!({ "function_name": "get", "class_name": "Cache" })),
        call("find_code_snippet", json!({ "code_snippet": "self.hits += 1" })),
        call("search_code", json!({ "query": "capacity" })),
        call("view_code", json!({ "path": "lru/cache.py", "span_ids": ["Cache.put"] })),
        call(
            "string_replace",
            json!({ "path": "lru/cache.py", "old_str": "self.hits = 0", "new_str": "self.hits = 00" }),
        ),
        call(
            "string_replace",
            json!({ "path": "lru/cache.py", "old_str": "self.hits = 00", "new_str": "self.hits = (" }),
        ),
        call("string_replace", json!({ "path": "lru/cache.py", "old_str": "no such text", "new_str": "" })),
        call("create_file", json!({ "path": "lru/new.py", "file_text": "print(undefined_name)\n" })),
        call("create_file", json!({ "path": "lru/memo.py", "file_text": "" })),
        call("find_function", json!({ "function_name": "memoise" })),
        call("run_tests", json!({ "test_files": ["tests/test_memo.py"] })),
        call("finish", json!({})),
    ];
    let ran = run_with(actions(), turns).await;
    assert_eq!(ran.outcome.exit_status, ExitStatus::Submitted);
    let shown: Vec<String> = ran.told().into_iter().skip(2).collect();
    for (at, said) in [
        (0, "span `Cache`, lines 6-10"),
        (1, "span `Cache.get`, lines 26-33"),
        (2, "self.hits += 1"),
        (3, "lru/cache.py"),
        (4, "def put(self, key, value)"),
        (5, "+        self.hits = 00"),
        (6, "would no longer parse"),
        (7, "old_str is not in the file"),
        (8, "Undefined variable 'undefined_name'"),
        (9, "is there already"),
        (10, "Did you mean"),
        (11, "[exit code 0]"),
    ] {
        assert!(shown[at].contains(said), "{at}: expected {said}, got {}", shown[at]);
    }
    let patch = ran.outcome.patch.unwrap().0;
    assert!(patch.contains("self.hits = 00") && patch.contains("lru/new.py"), "{patch}");
}

#[tokio::test]
async fn the_second_flow_ends_after_answers_without_a_call() {
    let ran = run_with(Config { max_idle: 2, ..actions() }, vec![say("Hm."), say("Well.")]).await;
    assert_eq!(ran.outcome.exit_status, ExitStatus::Limit(Limit::Idle));
    let ran =
        run_with(Config { run_tests: Some(false), ..actions() }, vec![call("run_tests", json!({ "test_files": [] }))])
            .await;
    assert!(refusals(&ran)[0].contains("unknown tool `run_tests`"), "{:?}", refusals(&ran));
}

#[tokio::test]
async fn a_killed_episode_asks_for_no_answer_again() {
    let turns = || planned(&["Cache.get"], vec![modify("Cache.get"), replace(GET), plan("finish")]);
    let whole = run(turns()).await;
    let patch = |ran: &Ran| ran.outcome.patch.as_ref().unwrap().0.clone();
    let completions: Vec<usize> =
        (0..whole.records.len()).filter(|at| matches!(whole.records[*at], Record::Completion { .. })).collect();
    for (paid, at) in completions.iter().enumerate().step_by(2) {
        let records = whole.records[..=*at].to_vec();
        let earlier = Some(Trajectory { records, torn: false });
        let rest = turns().split_off(paid + 1);
        let asked = rest.len();
        let resumed = Case { turns: rest, earlier, ..Case::default() }.run().await;
        assert_eq!(resumed.requests.len(), asked, "killed after {} answers: {}", paid + 1, path(&resumed));
        assert_eq!((path(&resumed), patch(&resumed)), (path(&whole), patch(&whole)));
    }
}
