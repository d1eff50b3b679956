//! What we build from: licences, sources, what is banned; known holes; a list of it all.

use crate::run::{Failure, Result, because, cargo, finish, root, step, target};
use std::{path::PathBuf, process::Command};

/// Checks `deny.toml`.
const DENY: (&str, &str) = ("cargo-deny", "0.20.2");
/// Writes the bill of materials.
const CYCLONEDX: (&str, &str) = ("cargo-cyclonedx", "0.5.9");

/// A tool of ours, installed into the target directory where it is missing.
fn tool((name, version): (&str, &str)) -> Result<PathBuf> {
    let folder = target().join("tools");
    let program = folder.join("bin").join(name);
    // `cargo-x x --version` and `cargo-x --version` are both in use.
    let says =
        |args: &[&str]| Command::new(&program).args(args).output().is_ok_and(|o| String::from_utf8_lossy(&o.stdout).contains(version));
    if says(&["--version"]) || says(&[name.trim_start_matches("cargo-"), "--version"]) {
        return Ok(program);
    }
    step(&format!("installing {name} {version} (once, some minutes)"));
    let folder = folder.display().to_string();
    cargo(&["install", name, "--version", version, "--root", &folder, "--target-dir", &format!("{folder}/build")])?;
    // Its intermediate files are a gigabyte that nobody needs again.
    std::fs::remove_dir_all(format!("{folder}/build")).map_err(because("target/tools/build"))?;
    Ok(program)
}

fn deny(args: &[&str]) -> Result {
    finish(Command::new(tool(DENY)?).args(args).current_dir(root()))
}

/// Licences, sources and bans: needs nothing but the registry that was built from.
pub(crate) fn offline() -> Result {
    step("licences, sources, bans");
    // What only other machines would build is looked at as well.
    cargo(&["fetch", "--locked", "--quiet"])?;
    deny(&["--offline", "check", "bans", "licenses", "sources"])
}

/// All of it, known holes too.
pub(crate) fn audit() -> Result {
    offline()?;
    step("known holes");
    deny(&["fetch", "db"]).map_err(|_| {
        Failure(
            "the database of advisories cannot be had from https://github.com/rustsec/advisory-db, so known holes were NOT looked for; \
             run it where that can be reached"
                .to_owned(),
        )
    })?;
    deny(&["check", "advisories"])
}

/// The bill of materials, as CycloneDX.
pub(crate) fn sbom() -> Result {
    let program = tool(CYCLONEDX)?;
    step("bill of materials");
    let file = "patchboard.cdx";
    finish(
        Command::new(program).args(["cyclonedx", "--format", "json", "--override-filename", file, "--target", "all"]).current_dir(root()),
    )?;
    // One is written beside every manifest; that of the binary holds everything.
    let name = format!("{file}.json");
    let to = target().join(&name);
    std::fs::rename(root().join(&name), &to).map_err(because(&name))?;
    let beside = std::fs::read_dir(root().join("crates")).into_iter().flatten().flatten().map(|entry| entry.path());
    for path in beside.chain([root().join("xtask")]).map(|dir| dir.join(&name)).filter(|path| path.exists()) {
        std::fs::remove_file(&path).map_err(because(path.display()))?;
    }
    println!("wrote {}", to.display());
    Ok(())
}
