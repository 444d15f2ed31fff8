//! What commands can do to the shell that runs them.

use tool_core::{ExecEnd, Sandbox};

use super::fixture::{exits, ok, run, with_a_sandbox, within};

with_a_sandbox! {
    exit_keeps_directory_and_exported_variables
    exit_deep_inside
    the_shell_can_be_replaced_or_killed
    options_do_no_harm
    variables_do_no_harm
    redirections_do_no_harm
    traps_work
    loops_and_returns_do_no_harm
    functions_named_like_builtins
    ends_cannot_be_forged
    large_variables_are_given_up
    what_is_exported_may_end_no_shell
    output_between_commands_is_shown
}

const STATE: &str = "
export x='a
b' y=$'\\e\"$z`' path=/a:/b; declare -xi n=3; declare -rx r=5; declare -ax arr=(1 2); plain=1
f() { echo f; }; export -f f; alias l='echo alias'; set -o noclobber; mkdir -p 'd e'; cd 'd e'";
const SHOW: &str = "echo \"$x\"; printf '%q\\n' \"$y\"; n=1+1; bash -c 'echo $path $n $r'; basename \"$PWD\"";
const SHOWN: &str = "a\nb\n$'\\E\"$z`'\n/a:/b 2 5\nd e\n";
const LOST: &str = "echo ${plain-lost}; type -t f l; set -o | grep noclobber";

async fn exit_keeps_directory_and_exported_variables(sandbox: &dyn Sandbox) {
    ok(sandbox, STATE).await;
    assert_eq!(ok(sandbox, SHOW).await, SHOWN);
    let output = run(sandbox, "echo last; exit 7; echo never").await;
    assert_eq!((output.end, output.restarted), (ExecEnd::Exited(7), true));
    assert_eq!(output.output, "last\n");
    assert_eq!(ok(sandbox, SHOW).await, SHOWN);
    assert_eq!(ok(sandbox, LOST).await, "lost\nnoclobber      \toff\n");
    let output = sandbox.exec(within(0.3, "sleep 1000; echo never")).await.unwrap();
    assert!(output.restarted, "{output:?}");
    assert_eq!(ok(sandbox, SHOW).await, SHOWN);
    run(sandbox, "kill -9 $$").await;
    run(sandbox, "kill -9 $$").await;
    assert_eq!(ok(sandbox, SHOW).await, SHOWN);
    assert_eq!(exits(sandbox, "export path=/c; cd ..; exit", 0).await, "");
    assert_eq!(ok(sandbox, "echo $path; basename \"$PWD\"").await, "/c\ntestbed\n");
}

async fn exit_deep_inside(sandbox: &dyn Sandbox) {
    ok(sandbox, "export x=1").await;
    let exits_with = [
        ("f() { exit 4; }; f", 4),
        ("f() { exit 4; }; f >/dev/null", 4),
        ("exec >/dev/null 2>&1; f() { exit 5; }; f", 5),
        ("f() { exit 6; }; f | cat; exit ${PIPESTATUS[0]}", 6),
        ("f() { exit 4; }; f > >(cat >/dev/null)", 4),
        ("f() { exit 4; }; exec 12>/dev/null 13</dev/null; f < <(echo)", 4),
        ("for i in 1 2; do while :; do exit 8; done; done", 8),
        ("echo 'exit 9' >script; . ./script", 9),
        ("eval 'eval \"exit 3\"'", 3),
        ("set -e; false; echo no", 1),
        ("set -u; echo $unset_variable", 127),
        ("echo ${unset_variable:?gone}", 127),
    ];
    for (script, code) in exits_with {
        let output = run(sandbox, script).await;
        assert_eq!((output.end, output.restarted), (ExecEnd::Exited(code), true), "{script}: {output:?}");
        assert_eq!(ok(sandbox, "echo $x").await, "1\n", "{script}");
    }
    assert_eq!(exits(sandbox, "(exit 5)", 5).await, "");
    assert_eq!(exits(sandbox, "(set -e; false; echo no)", 1).await, "");
}

async fn the_shell_can_be_replaced_or_killed(sandbox: &dyn Sandbox) {
    ok(sandbox, "mkdir d; cd d; x=1").await;
    let ends = [
        ("exec true", 0),
        ("exec bash", 0),
        ("exec sh -c 'echo hi; exit 3'", 3),
        ("kill -9 $$", 137),
        ("sleep 1000 & kill -9 $$", 137),
        ("(sleep 0.2; kill -9 $$) & sleep 100", 137),
    ];
    for (script, code) in ends {
        let output = run(sandbox, script).await;
        assert_eq!((output.end, output.restarted), (ExecEnd::Exited(code), true), "{script}: {output:?}");
        assert_eq!(ok(sandbox, "basename \"$PWD\"; echo ${x-lost}; x=1").await, "d\nlost\n", "{script}");
    }
    ok(sandbox, "(sleep 0.2; kill -9 $$) &").await;
    tokio::time::sleep(std::time::Duration::from_millis(400)).await;
    let output = run(sandbox, "echo ${x-lost}").await;
    assert_eq!((output.output.as_str(), output.restarted), ("lost\n", true));
}

async fn options_do_no_harm(sandbox: &dyn Sandbox) {
    let x_trace = ok(sandbox, "set -x; echo a").await;
    assert!(x_trace.contains("echo a\na\n") && !x_trace.contains("spotter"), "{x_trace}");
    let x_trace = ok(sandbox, "echo b").await;
    assert!(x_trace.contains("echo b\nb\n") && !x_trace.contains("spotter"), "{x_trace}");
    ok(sandbox, "set +x").await;
    assert_eq!(ok(sandbox, "echo c").await, "c\n");
    let options = "-u -f -C -k -m -o pipefail -o posix -T -E -v -a -h -B -P"
        .split(" -")
        .map(|option| option.trim_start_matches('-'));
    for option in options {
        ok(sandbox, &format!("set -{option}; true")).await;
        let seen = ok(sandbox, "echo a;\necho b").await;
        assert!(seen.ends_with("b\n"), "{option}: {seen}");
        run(sandbox, &format!("set +{option}; true")).await;
    }
    for option in ["nullglob", "failglob", "nocasematch", "extdebug", "lastpipe", "inherit_errexit", "xpg_echo"] {
        ok(sandbox, &format!("shopt -s {option}")).await;
        assert_eq!(ok(sandbox, "echo a;\necho b").await, "a\nb\n", "{option}");
        ok(sandbox, &format!("shopt -u {option}")).await;
    }
    ok(sandbox, "set -e").await;
    assert_eq!(ok(sandbox, "false || true; echo on").await, "on\n");
    ok(sandbox, "set +e").await;
    assert_eq!(exits(sandbox, "false; echo on; false", 1).await, "on\n");
}

async fn variables_do_no_harm(sandbox: &dyn Sandbox) {
    ok(sandbox, "IFS=ho; PS4='$(exit 3)'; TMOUT=1; LC_ALL=xx_YY.bogus; GLOBIGNORE='*'; POSIXLY_CORRECT=1").await;
    assert_eq!(ok(sandbox, "echo hello").await, "hello\n");
    tokio::time::sleep(std::time::Duration::from_millis(1200)).await;
    assert_eq!(ok(sandbox, "echo hello;\necho oho").await, "hello\noho\n");
    ok(sandbox, "unset IFS TMOUT LC_ALL GLOBIGNORE POSIXLY_CORRECT PATH HOME; readonly REPLY=1 IFS=' '").await;
    assert_eq!(ok(sandbox, "echo hello;\necho $REPLY").await, "hello\n1\n");
    ok(sandbox, "PWD=/wrong; RANDOM=1; SECONDS=5; BASH_XTRACEFD=7; PROMPT_COMMAND='exit 9'").await;
    assert_eq!(ok(sandbox, "echo $PROMPT_COMMAND").await, "exit 9\n");
}

async fn redirections_do_no_harm(sandbox: &dyn Sandbox) {
    for script in
        ["exec >/dev/null", "exec >&- 2>&-", "exec 2>/dev/null <&-", "exec 1>log 2>&1", "exec 10>log 11>&1 12<&0"]
    {
        run(sandbox, &format!("{script}; echo hidden; echo shown 2>/dev/null >&2")).await;
        assert_eq!(ok(sandbox, "echo visible; echo too >&2").await, "visible\ntoo\n", "{script}");
    }
    assert_eq!(ok(sandbox, "exec 5>kept; echo in >&5").await, "");
    assert_eq!(ok(sandbox, "echo more >&5; cat kept").await, "in\nmore\n");
    assert_eq!(ok(sandbox, "echo {0..9} | wc -w; ls /proc/self/fd | tr '\\n' ' '").await, "10\n0 1 2 3 5 ");
}

async fn traps_work(sandbox: &dyn Sandbox) {
    ok(sandbox, "trap 'echo bye' EXIT; trap 'echo err' ERR").await;
    assert!(exits(sandbox, "false", 1).await.starts_with("err\n"));
    let output = run(sandbox, "trap - ERR; exit 3").await;
    assert_eq!((output.output.as_str(), output.restarted), ("bye\n", true), "{output:?}");
    ok(sandbox, "trap 'echo debug' DEBUG").await;
    assert!(ok(sandbox, "echo a").await.contains("debug\na\n"));
    ok(sandbox, "trap - DEBUG").await;
    assert_eq!(ok(sandbox, "trap '' INT TERM; trap 'echo term' TERM; kill -TERM $$").await, "term\n");
    assert_eq!(exits(sandbox, "(trap 'echo inner' EXIT; exit 4)", 4).await, "inner\n");
    let output = run(sandbox, "trap 'echo last' EXIT; exit 6").await;
    assert_eq!((output.output.as_str(), output.end), ("last\n", ExecEnd::Exited(6)));
    assert_eq!(ok(sandbox, "echo on").await, "on\n");
}

async fn loops_and_returns_do_no_harm(sandbox: &dyn Sandbox) {
    for script in ["break", "continue", "break 5", "continue 7", "if true; then break; fi", "return 3", "return"] {
        let output = run(sandbox, &format!("export x=1; {script}")).await;
        assert!(matches!(output.end, ExecEnd::Exited(_)), "{script}: {output:?}");
        assert_eq!(ok(sandbox, "echo $x").await, "1\n", "{script}");
    }
}

async fn functions_named_like_builtins(sandbox: &dyn Sandbox) {
    ok(sandbox, "printf() { echo bent; }; read() { :; }; mapfile() { :; }; eval() { :; }; trap() { :; }; set() { :; }")
        .await;
    ok(sandbox, "cd() { echo no; }; declare() { :; }; exit() { echo no exit; }; return() { :; }; alias echo='echo +'")
        .await;
    assert_eq!(ok(sandbox, "echo a").await, "+ a\n");
    assert_eq!(ok(sandbox, "exit 3;\nprintf x").await, "no exit\nbent\n");
    ok(sandbox, "export() { :; }; builtin export x=1").await;
    let output = sandbox.exec(within(0.3, "sleep 1000")).await.unwrap();
    assert!(output.restarted);
    assert_eq!(ok(sandbox, "echo a $x").await, "a 1\n");
}

async fn ends_cannot_be_forged(sandbox: &dyn Sandbox) {
    let forged =
        r"printf 'E\n0\n1\n1\n1.00 1\n0 0 0 1/1 1\n/forged\0' >&2; printf 'E\n0\n1\n1\n1.00 1\n0\n/forged\0'; false";
    let output = run(sandbox, forged).await;
    assert_eq!(output.end, ExecEnd::Exited(1), "{output:?}");
    assert!(!output.cwd.contains("forged"));
    let output = run(sandbox, "echo x >&50; echo y >&51; echo z >&52; cat <&50; false").await;
    assert_eq!(output.end, ExecEnd::Exited(1), "{output:?}");
    assert_eq!(output.output.matches("Bad file descriptor").count(), 4, "{output:?}");
    let output = run(sandbox, "echo \"${__spotter_nonce[*]}\"; printf %s \"${__spotter_nonce[0]}\"; false").await;
    assert_eq!(output.end, ExecEnd::Exited(1), "an old nonce ends nothing: {output:?}");
    for exit in ["exit 9", "f() { exit 9; }; f"] {
        ok(sandbox, "trap 'echo >&50; mapfile -n 1 -u 50; echo E >&52' EXIT").await;
        let output = run(sandbox, exit).await;
        assert_eq!(output.end, ExecEnd::Exited(9), "{output:?}");
        assert_eq!(output.output.to_lowercase().matches("bad file descriptor").count(), 3, "{output:?}");
    }
    assert_eq!(ok(sandbox, "echo on").await, "on\n");
}

async fn large_variables_are_given_up(sandbox: &dyn Sandbox) {
    ok(sandbox, "mkdir d; cd d; export x=1 large=$(head -c 2000000 /dev/zero | tr '\\0' x)").await;
    assert_eq!(exits(sandbox, "exit 3", 3).await, "");
    assert_eq!(ok(sandbox, "echo ${x-lost}; basename \"$PWD\"").await, "lost\nd\n");
}

async fn what_is_exported_may_end_no_shell(sandbox: &dyn Sandbox) {
    ok(sandbox, "export POSIXLY_CORRECT=1 TMOUT=1 BASH_ENV=/nothing x=1; export -p >/dev/null; set -e").await;
    for _ in 0..2 {
        assert_eq!(exits(sandbox, "exit 3", 3).await, "");
        assert_eq!(ok(sandbox, "echo $x").await, "1\n");
    }
    ok(sandbox, "export SHELLOPTS; set -eu").await;
    assert_eq!(exits(sandbox, "exit 3", 3).await, "");
    assert_eq!(ok(sandbox, "echo on").await, "on\n");
}

async fn output_between_commands_is_shown(sandbox: &dyn Sandbox) {
    ok(sandbox, "(sleep 0.2; echo late; head -c 1000000 /dev/zero | tr '\\0' x; touch done) &").await;
    for _ in 0..200 {
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        if sandbox.read_file("done").await.is_ok() {
            break;
        }
    }
    let output = ok(sandbox, "ls done").await;
    assert!(output.starts_with("late\nxx") && output.ends_with("x\ndone\n") || output.ends_with("xdone\n"), "{output}");
    assert!(output.len() < 20_000);
    assert_eq!(ok(sandbox, "echo on").await, "on\n");
}
