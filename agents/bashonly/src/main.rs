//! The command line of the bash-only agent.

fn main() -> std::process::ExitCode {
    runner::main(&[runner::plug::<bashonly::BashOnly>("")])
}
