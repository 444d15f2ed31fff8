//! The command line that knows every agent.

/// Exports and imports are made of small pieces that one thread makes and another frees, at which it is quicker.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    cli::main(
        cli::standard()
            .agent::<codeact::CodeAct>(codeact::CONFIG)
            .agent::<moatless::Moatless>(moatless::CONFIG)
            .agent::<bashonly::BashOnly>(""),
    )
}
