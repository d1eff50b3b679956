//! Running other programs, with errors that say which and how.

use std::{
    ffi::OsStr,
    fmt,
    path::{Path, PathBuf},
    process::Command,
};

/// A sentence that says what is missing or what failed.
#[derive(Debug)]
pub(crate) struct Failure(pub(crate) String);

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

pub(crate) type Result<T = ()> = std::result::Result<T, Failure>;

/// A failure with what was being done.
pub(crate) fn because<E: fmt::Display>(doing: impl fmt::Display) -> impl FnOnce(E) -> Failure {
    move |error| Failure(format!("{doing}: {error}"))
}

/// Says what comes now.
pub(crate) fn step(text: &str) {
    println!("== {text}");
}

/// The root of the workspace.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().map(Path::to_owned).unwrap_or_default()
}

/// The target directory.
pub(crate) fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from)
}

/// The debug binary.
pub(crate) fn binary() -> PathBuf {
    target().join("debug").join("patchboard")
}

/// Runs a program in the root of the workspace.
pub(crate) fn run(program: impl AsRef<OsStr>, args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Result {
    finish(Command::new(program.as_ref()).args(args).current_dir(root()))
}

/// Runs a prepared command.
pub(crate) fn finish(command: &mut Command) -> Result {
    let name = format!(
        "{} {}",
        command.get_program().to_string_lossy(),
        command.get_args().map(OsStr::to_string_lossy).collect::<Vec<_>>().join(" ")
    );
    let status = command.status().map_err(because(format!("cannot run `{name}`")))?;
    if status.success() { Ok(()) } else { Err(Failure(format!("`{name}` failed ({status})"))) }
}

/// Runs cargo.
pub(crate) fn cargo(args: &[&str]) -> Result {
    cargo_with(args, &[])
}

/// Runs cargo with some environment.
pub(crate) fn cargo_with(args: &[&str], env: &[(&str, &str)]) -> Result {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    forget_ourselves(&mut command);
    finish(command.args(args).envs(env.iter().copied()).current_dir(root()))
}

/// What cargo has told us about ourselves is not for what we build: a build script that looks at it (of `ring`) would run again each time
/// somebody changes between `cargo` and `cargo xtask`, and everything that needs it be compiled anew.
pub(crate) fn forget_ourselves(command: &mut Command) {
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(|name| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_")) {
            command.env_remove(name);
        }
    }
}

/// Whether a program answers to `--version`.
pub(crate) fn has(program: &str) -> bool {
    Command::new(program).arg("--version").output().is_ok_and(|o| o.status.success())
}
