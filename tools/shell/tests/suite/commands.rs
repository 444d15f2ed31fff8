//! What commands see and show.

use std::time::Duration;

use shell::Bash;
use tool_core::{Command, ExecEnd, Sandbox, SandboxError, Toolbox};

use super::fixture::{Fixture, by_themselves, exits, ok, run, with_a_sandbox, within};

with_a_sandbox! {
    state_lasts
    standard_input_is_empty
    syntax_errors_run_nothing
    nul_bytes
    large_and_odd_commands
    output_is_clean
    output_is_cut_in_the_middle
    three_hundred_commands
    the_repository_may_go
    fresh_shells_are_not_bent
    commands_take_turns
    a_stopped_sandbox_says_so
    the_bash_tool
}

by_themselves! { a_gigabyte_costs_little_memory }

async fn state_lasts(sandbox: &dyn Sandbox) {
    ok(sandbox, "mkdir -p 'a b' && cd 'a b' && x=1 && export y=2 && f() { echo f $1; } && alias l='echo alias'").await;
    ok(sandbox, "arr=(1 '2 3'); sleep 1000 & shopt -s extglob; set -- p q").await;
    let seen = ok(sandbox, "echo $x $y ${arr[1]} $#; f z; l; bash -c 'echo $y'; jobs -r | wc -l; echo !(none)").await;
    assert_eq!(seen, "1 2 2 3 2\nf z\nalias\n2\n1\n!(none)\n");
    let output = run(sandbox, "false").await;
    assert_eq!(output.end, ExecEnd::Exited(1));
    assert!(output.cwd.ends_with("/testbed/a b"), "{}", output.cwd);
    assert_eq!(ok(sandbox, "echo $?").await, "1\n");
    assert_eq!(ok(sandbox, "kill %1; wait; basename \"$PWD\"").await, "a b\n");
}

async fn standard_input_is_empty(sandbox: &dyn Sandbox) {
    assert_eq!(ok(sandbox, "cat; echo end").await, "end\n");
    assert_eq!(ok(sandbox, "read -r line || echo nothing").await, "nothing\n");
    assert_eq!(ok(sandbox, "python3 -c 'import sys; print(repr(sys.stdin.read()))'").await, "''\n");
    assert_eq!(ok(sandbox, "(cat <&0; bash; sh) | cat; echo end").await, "end\n");
}

async fn syntax_errors_run_nothing(sandbox: &dyn Sandbox) {
    let wrong = [
        "touch ran; echo \"unbalanced",
        "touch ran; echo 'unbalanced",
        "touch ran; )",
        "touch ran\nif true; then echo",
        "touch ran\necho 'a\nb",
        "touch ran; cat <<EOF\nunfinished",
        "touch ran; cat <<EOF",
        "touch ran; echo $(echo",
        "touch ran; for x in 1 2; do",
        "touch ran\ncase x in\n",
        "&& touch ran",
        "; touch ran",
    ];
    for script in wrong {
        let output = run(sandbox, script).await;
        assert_eq!(output.end, ExecEnd::SyntaxError, "{script}: {output:?}");
        assert!(output.output.starts_with("bash: ") && !output.restarted, "{script}: {output:?}");
        assert!(!output.output.contains("spotter"), "{script}: {output:?}");
    }
    exits(sandbox, "test -e ran", 1).await;
    let right = [
        ("cat <<EOF\nfinished\nEOF", "finished\n"),
        ("cat <<'EOF'\n'\"$(`\nEOF\n", "'\"$(`\n"),
        ("cat <<<\"here '\"", "here '\n"),
        ("echo a\\\nb # '", "ab\n"),
        ("shopt -s extglob\necho @(x|y)", "@(x|y)\n"),
        ("# only a comment", ""),
        ("", ""),
        ("\n\n", ""),
        ("echo $((1 <<\n2))", "4\n"),
        ("  echo x;", "x\n"),
        ("echo x &\nwait", "x\n"),
    ];
    for (script, expected) in right {
        assert_eq!(ok(sandbox, script).await, expected, "{script}");
    }
    assert_eq!(exits(sandbox, "\n\nnosuch_thing", 127).await, "bash: line 3: nosuch_thing: command not found\n");
}

async fn nul_bytes(sandbox: &dyn Sandbox) {
    assert_eq!(ok(sandbox, "printf 'a\\0b\\0\\0c\\n'; head -c 1000 /dev/zero; echo d").await, "abc\nd\n");
    let output = run(sandbox, "echo a\0echo b").await;
    assert_eq!(output.end, ExecEnd::SyntaxError);
    assert_eq!(output.output, "bash: NUL byte at offset 6: a command cannot hold one\n");
}

async fn large_and_odd_commands(sandbox: &dyn Sandbox) {
    let long = "x".repeat(200_000);
    assert_eq!(ok(sandbox, &format!("y='{long}'; echo ${{#y}}")).await, "200000\n");
    assert_eq!(ok(sandbox, &format!("y=$(cat <<'E'\n{long}\nE\n); echo ${{#y}}")).await, "200000\n");
    assert_eq!(ok(sandbox, "echo 'grün €\t😀' \"$(printf '\\n')\" \\\\ %s $'a\\'b'").await, "grün €\t😀  \\ %s a'b\n");
    assert_eq!(ok(sandbox, "printf '%s\\n' 'a\u{1}\u{7f}b' | od -An -c | tr -d ' '").await, "a001177b\\n\n");
}

async fn output_is_clean(sandbox: &dyn Sandbox) {
    let script = r"printf '\033[31mred\033[0m \377\n'; printf '10%%\r50%%\r100%%\nab\bc\n'; echo err >&2; echo out";
    assert_eq!(ok(sandbox, script).await, "red \u{fffd}\n100%\nac\nerr\nout\n");
}

async fn output_is_cut_in_the_middle(sandbox: &dyn Sandbox) {
    let output = sandbox.exec(within(20.0, "seq 1 100000").max_output(40)).await.unwrap();
    let expected = "1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n[... 588855 bytes omitted ...]\n8\n99999\n100000\n";
    assert!(output.output.starts_with("1\n2\n3\n") && output.output.ends_with("\n99999\n100000\n"), "{output:?}");
    assert_eq!(output.omitted, 588_895 - 40, "{expected}");
    assert!(output.output.contains("\n[... 588855 bytes omitted ...]\n"), "{output:?}");
}

/// Set where this binary runs one test by itself, since the memory of others would be counted.
const ALONE: &str = "SPOTTER_TEST_ALONE";

async fn a_gigabyte_costs_little_memory() {
    if std::env::var_os(ALONE).is_some() {
        let fixture = Fixture::new().await;
        let sandbox = fixture.start().await;
        check_the_memory_of_a_gigabyte(&*sandbox).await;
        sandbox.stop().await.unwrap();
    } else {
        let mut command = std::process::Command::new(std::env::current_exe().unwrap());
        command.args(["a_gigabyte_costs_little_memory", "--nocapture", "--test-threads=1", "--include-ignored"]);
        assert!(command.env(ALONE, "1").status().unwrap().success());
    }
}

async fn check_the_memory_of_a_gigabyte(sandbox: &dyn Sandbox) {
    let before = peak_memory();
    let begun = std::time::Instant::now();
    let output =
        sandbox.exec(within(120.0, "head -c 1073741824 /dev/zero | tr '\\0' x; echo; echo end")).await.unwrap();
    let extra = peak_memory().saturating_sub(before);
    let (provider, mb) = (sandbox.info().provider, extra as f64 / 1e6);
    eprintln!("1 GB of output with {provider}: {mb:.1} MB of extra memory, {:?}", begun.elapsed());
    assert!(output.success() && output.output.ends_with("x\nend\n"));
    assert_eq!(output.omitted, (1 << 30) + 5 - (1 << 20));
    assert!(extra < 64 << 20, "{mb} MB");
}

/// Returns the peak of this process's resident memory, in bytes.
fn peak_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
}

async fn three_hundred_commands(sandbox: &dyn Sandbox) {
    for round in 0..300 {
        assert_eq!(ok(sandbox, &format!("n=$((n + 1)); echo {round} $n")).await, format!("{round} {}\n", round + 1));
    }
}

async fn the_repository_may_go(sandbox: &dyn Sandbox) {
    ok(sandbox, "git init -q . && git add -A && rm -rf .git").await;
    exits(sandbox, "git status", 128).await;
    let output = run(sandbox, "mkdir -p deep/er && cd deep/er && rm -rf ../../deep").await;
    assert!(output.success() && output.cwd.ends_with("/deep/er"), "{output:?}");
    exits(sandbox, "ls ../er", 2).await;
    assert_eq!(ok(sandbox, "echo still here").await, "still here\n");
    let root = &sandbox.info().root;
    ok(sandbox, &format!("rm -rf {root}")).await;
    assert_eq!(ok(sandbox, "echo still here").await, "still here\n");
    for end in ["kill -9 $$", "exit 3"] {
        run(sandbox, end).await;
        assert_eq!(ok(sandbox, "echo back").await, "back\n");
    }
    let fresh = sandbox.exec(Command::fresh("pwd")).await.unwrap();
    assert_eq!((fresh.output.as_str(), fresh.end), ("/\n", ExecEnd::Exited(0)));
    sandbox.write_file("new/file", b"new", None).await.unwrap();
    assert_eq!(ok(sandbox, &format!("cat {root}/new/file")).await, "new");
}

async fn fresh_shells_are_not_bent(sandbox: &dyn Sandbox) {
    let bent = "export PATH=/nowhere BASH_ENV=/testbed/evil LD_DEBUG=all; cd /; alias ls=false; git() { echo bent; }; \
                export -f git; umask 777; set -e; ulimit -n 20; trap 'echo trapped' EXIT DEBUG";
    sandbox.exec(within(20.0, bent)).await.unwrap();
    let script = "pwd; ls -d /; git --version | cut -c 1-11; umask; echo ${BASH_ENV-none} $-; false; echo on";
    let output = sandbox.exec(Command::fresh(script)).await.unwrap();
    let root = &sandbox.info().root;
    assert_eq!(output.output, format!("{root}\n/\ngit version\n0022\nnone hBc\non\n"), "{output:?}");
    assert_eq!(output.end, ExecEnd::Exited(0));
    let fresh = async |script: &str| {
        let command = Command::fresh(script).timeout(Duration::from_secs(1));
        sandbox.exec(command).await.unwrap()
    };
    assert_eq!(fresh("x=1; exit 3").await.end, ExecEnd::Exited(3));
    assert_eq!(fresh("echo ${x-unset}").await.output, "unset\n");
    assert_eq!(fresh("echo '").await.end, ExecEnd::SyntaxError);
    assert_eq!(fresh("echo a; sleep 100").await.end, ExecEnd::TimedOut(Duration::from_secs(1)));
    assert_eq!(fresh("echo a; kill -9 $$").await.end, ExecEnd::Exited(137));
}

async fn commands_take_turns(sandbox: &dyn Sandbox) {
    let (one, two) =
        tokio::join!(run(sandbox, "echo a >>log; sleep 0.3; echo b >>log"), run(sandbox, "echo c >>log; cat log"));
    assert!(one.success());
    assert_eq!(two.output, "a\nb\nc\n");
}

async fn a_stopped_sandbox_says_so(sandbox: &dyn Sandbox) {
    let (output, ()) = tokio::join!(sandbox.exec(within(60.0, "sleep 1000")), async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        sandbox.stop().await.unwrap();
    });
    assert!(matches!(output, Err(SandboxError::Lost(_))), "{output:?}");
    assert!(matches!(sandbox.exec(within(1.0, "true")).await, Err(SandboxError::Lost(_))));
    assert!(sandbox.read_file("README").await.is_err());
    sandbox.stop().await.unwrap();
}

async fn the_bash_tool(sandbox: &dyn Sandbox) {
    let tools = Toolbox::default().with_named("execute_bash", Bash);
    let prompts = prompts::Prompts::new(std::collections::BTreeMap::new()).unwrap();
    let texts = |name: &str, values: serde_json::Value| prompts.render(name, values).unwrap();
    let call = async |arguments: &str| tools.call("execute_bash", arguments, sandbox, &texts).await.unwrap();
    let shown = call(r#"{"command": "echo hi; exit 3"}"#).await;
    assert_eq!((shown.exit_code, shown.is_error), (Some(3), false));
    assert!(shown.text.starts_with("hi\n[exit code 3]\n[the shell was restarted in /"), "{}", shown.text);
    assert!(call(r#"{"command": "C-c"}"#).await.is_error);
    assert!(call(r#"{"command": " "}"#).await.is_error);
    assert_eq!(call(r#"{"command": "true"}"#).await.text, "[no output]");
}
