//! Browser tests and screenshots, in Chromium by Playwright.

use crate::{
    run::{Result, binary, finish, root, step},
    tools,
};
use std::process::Command;

fn playwright(args: &[&str]) -> Result {
    let chromium = tools::chromium()?;
    tools::node_packages("end2end")?;
    let program = root().join("end2end/node_modules/.bin/playwright");
    finish(
        Command::new(program).args(args).env("CHROMIUM", chromium).env("PATCHBOARD_BINARY", binary()).current_dir(root().join("end2end")),
    )
}

/// Every spec, hydrated and with JavaScript off.
pub(crate) fn test() -> Result {
    step("browser tests");
    playwright(&["test"])
}

/// Pictures of every page for people to look at.
pub(crate) fn shots() -> Result {
    step("screenshots into target/shots");
    playwright(&["test", "--config", "shots.config.ts"])
}
