//! A release binary holds the site, so it is built again when the site was.

#[expect(clippy::disallowed_methods, reason = "a build script talks to cargo that way")]
fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    if std::env::var("PROFILE").is_ok_and(|p| p == "release") {
        println!("cargo::rerun-if-changed=target/site");
    }
}
