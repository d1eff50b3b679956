#!/usr/bin/env bash
# The standard library for wasm32-unknown-unknown from Debian's packages, for networks that reach a Debian mirror but not
# rustup's server. Debian ships the library's sources; it is compiled once, with bitcode, because the client is built with
# link-time optimisation.
set -euo pipefail
target=wasm32-unknown-unknown

apt-get update -q
# rust-web-llvm names lld-22 as the linker `rust-lld`.
apt-get install -y -q --no-install-recommends rustc-web cargo-web rust-web-src rust-web-llvm rust-web-clippy lld-22

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/src"
cat > "$work/Cargo.toml" <<'TOML'
[package]
name = "empty"
version = "0.0.0"
edition = "2021"

[lib]

[profile.release]
opt-level = "z"
TOML
: > "$work/src/lib.rs"
(cd "$work" && RUSTC=/usr/bin/rustc RUSTC_BOOTSTRAP=1 RUSTFLAGS=-Cembed-bitcode=yes \
    /usr/bin/cargo build --release --target "$target" -Zbuild-std=std,panic_abort)

lib="$(/usr/bin/rustc --print sysroot)/lib/rustlib/$target/lib"
mkdir -p "$lib"
find "$work/target/$target/release/deps" \( -name '*.rlib' -o -name '*.rmeta' \) ! -name 'libempty*' -exec cp {} "$lib/" \;
echo "the standard library for $target is in place"
