//! Parses the command line and runs the command.

#[cfg(feature = "ssr")]
#[tokio::main]
async fn main() -> std::process::ExitCode {
    use clap::Parser;
    patchboard::server::cli::main(patchboard::server::cli::Cli::parse()).await
}

/// Without the server there is nothing to run: the browser's entry is `crates/client`.
#[cfg(not(feature = "ssr"))]
fn main() {}
