//! Installing what a fresh machine lacks.

use crate::run::{Failure, Result, because, cargo, finish, forget_ourselves, has, root, run, step, target};
use std::{path::PathBuf, process::Command};

const WASM: &str = "wasm32-unknown-unknown";

/// The standard library for the browser: by rustup, or from Debian's sources where rustup's server cannot be reached.
pub(crate) fn wasm_target() -> Result {
    if installed_for_wasm("rustc") || debian_client().is_some() {
        return Ok(());
    }
    step("installing the wasm target (once)");
    if has("rustup") && run("rustup", ["target", "add", WASM]).is_ok() {
        return Ok(());
    }
    step("rustup could not; building the standard library from Debian's packages instead");
    run("bash", ["scripts/wasm-target-debian.sh"]).map_err(|e| {
        Failure(format!("{e}\nThe wasm target is missing. Run `rustup target add {WASM}` where rustup's server can be reached."))
    })
}

fn installed_for_wasm(rustc: &str) -> bool {
    let output = Command::new(rustc).args(["--print", "target-libdir", "--target", WASM]).output();
    output.is_ok_and(|o| {
        let dir = PathBuf::from(String::from_utf8_lossy(&o.stdout).trim());
        std::fs::read_dir(dir).is_ok_and(|mut files| files.any(|f| f.is_ok_and(|f| f.file_name().to_string_lossy().starts_with("libstd-"))))
    })
}

/// Debian's compiler, when it is the one that has the target.
fn debian_client() -> Option<&'static str> {
    (!installed_for_wasm("rustc") && installed_for_wasm("/usr/bin/rustc")).then_some("/usr/bin/rustc")
}

/// The directory that the client is built in. Two compilers in one directory would build everything again each time.
pub(crate) fn client_target() -> PathBuf {
    if debian_client().is_some() { target().join("client") } else { target() }
}

/// Runs cargo for the client, with the compiler that has the target.
pub(crate) fn client_cargo(args: &[&str]) -> Result {
    match debian_client() {
        None => cargo(args),
        Some(rustc) => {
            // By its own path: cargo would take the clippy that stands first on PATH, which is of the other compiler.
            let program = if args.first() == Some(&"clippy") { "/usr/bin/cargo-clippy" } else { "/usr/bin/cargo" };
            let mut command = Command::new(program);
            forget_ourselves(&mut command);
            command.args(args).env("CARGO", "/usr/bin/cargo").env("RUSTC", rustc).env("CARGO_TARGET_DIR", client_target());
            finish(command.current_dir(root()))
        }
    }
}

/// Chromium and fonts for Chinese, from Debian's packages.
pub(crate) fn chromium() -> Result<String> {
    const KNOWN: [&str; 3] = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];
    let found = || std::env::var("CHROMIUM").ok().into_iter().chain(KNOWN.map(str::to_owned)).find(|p| std::path::Path::new(p).exists());
    let fonts = Command::new("fc-list").arg(":lang=zh-cn").output().is_ok_and(|o| !o.stdout.is_empty());
    if let Some(path) = found().filter(|_| fonts) {
        return Ok(path);
    }
    step("installing Chromium and Chinese fonts for the browser tests (once)");
    if !has("apt-get") {
        return Err(Failure(
            "Chromium or a Chinese font is missing and there is no apt-get; install both and set CHROMIUM to its path".to_owned(),
        ));
    }
    apt_install(&["chromium", "fonts-noto-cjk", "fontconfig"])?;
    found().ok_or_else(|| Failure("Chromium was installed but is not where it should be; set CHROMIUM to its path".to_owned()))
}

/// Installs packages of Debian.
pub(crate) fn apt_install(packages: &[&str]) -> Result {
    run("apt-get", ["update", "-q"])?;
    run("apt-get", ["install", "-y", "-q", "--no-install-recommends"].iter().chain(packages))
}

/// Node packages of a folder, as locked. Quick when nothing changed.
pub(crate) fn node_packages(folder: &str) -> Result {
    let dir = root().join(folder);
    let lock = std::fs::read(dir.join("package-lock.json")).map_err(because(format!("{folder}/package-lock.json")))?;
    let stamp = dir.join("node_modules").join(".patchboard-lock");
    if std::fs::read(&stamp).is_ok_and(|s| s == lock) {
        return Ok(());
    }
    if !has("npm") {
        return Err(Failure("npm is missing; the browser tests need Node 20 or newer".to_owned()));
    }
    step(&format!("installing node packages of {folder} (once)"));
    finish(
        Command::new("npm")
            .args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"])
            .env("PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD", "1")
            .current_dir(&dir),
    )?;
    std::fs::write(stamp, lock).map_err(because("node_modules"))
}
