//! `dev`: build and run again whenever a source changes; open pages reload by themselves.

use crate::{
    build,
    run::{Result, because, binary, root, step},
};
use std::{
    path::Path,
    process::{Child, Command},
    time::{Duration, SystemTime},
};

/// How often sources are looked at.
const EVERY: Duration = Duration::from_millis(700);

pub(crate) fn dev(args: &[String]) -> Result {
    let mut running: Option<Child> = None;
    let mut seen = None;
    loop {
        let newest = newest(&root());
        if newest != seen {
            seen = newest;
            if let Some(mut child) = running.take() {
                // It may have ended by itself.
                let _ = child.kill();
                let _ = child.wait();
            }
            match build(false) {
                Ok(()) => {
                    let child =
                        Command::new(binary()).args(["demo", "--reload", "--keep", "target/dev"]).args(args).current_dir(root()).spawn();
                    running = Some(child.map_err(because("cannot start the demo"))?);
                }
                Err(error) => eprintln!("{error}\nwaiting for a change"),
            }
            step("watching; an open page comes again by itself");
        }
        std::thread::sleep(EVERY);
    }
}

/// When the last source was changed.
fn newest(dir: &Path) -> Option<SystemTime> {
    let mut last = None;
    for entry in std::fs::read_dir(dir).ok()?.flatten() {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.starts_with('.') || matches!(name.as_ref(), "target" | "node_modules" | "docs" | "data") {
            continue;
        }
        let path = entry.path();
        let time = if path.is_dir() { newest(&path) } else { entry.metadata().and_then(|m| m.modified()).ok() };
        last = last.max(time);
    }
    last
}
