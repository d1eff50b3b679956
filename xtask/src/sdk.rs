//! The official Python SDK, unmodified, against the simulator.

use crate::run::{Failure, Result, binary, finish, has, root, step, target};
use std::{path::PathBuf, process::Command};

/// Runs `tests/sdk/journey.py`.
pub(crate) fn test() -> Result {
    let python = python()?;
    step("the official Python SDK against the simulator");
    finish(Command::new(python).arg("tests/sdk/journey.py").arg(binary()).current_dir(root()))
}

/// The Python of a virtual environment of ours with the pinned SDK, installed once.
pub(crate) fn python() -> Result<PathBuf> {
    let venv = target().join("sdk-venv");
    let python = venv.join("bin").join("python");
    let wanted = std::fs::read_to_string(root().join("tests/sdk/requirements.txt")).unwrap_or_default();
    let stamp = venv.join("requirements.installed");
    if !std::fs::read_to_string(&stamp).is_ok_and(|s| s == wanted) {
        if !has("python3") {
            return Err(Failure("python3 is missing; the official SDK needs Python 3.8 or newer".to_owned()));
        }
        step("installing the official Python SDK (once)");
        finish(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&venv))?;
        finish(
            Command::new(&python)
                .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", "tests/sdk/requirements.txt"])
                .current_dir(root()),
        )?;
        std::fs::write(&stamp, wanted).map_err(crate::run::because("virtual environment"))?;
    }
    Ok(python)
}
