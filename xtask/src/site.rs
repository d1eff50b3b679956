//! From the client crate and the style to the site: bindings, one style sheet, compressed, in a directory named by its hash.

use crate::{
    run::{Failure, Result, because, finish, root, step, target},
    tools,
};
use sha2::{Digest, Sha256};
use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
    process::Command,
};
use wasm_bindgen_cli_support::Bindgen;

/// Parts of the style in cascade order.
const STYLE: [&str; 6] = ["tokens.css", "base.css", "layout.css", "controls.css", "tables.css", "plan.css"];

fn site() -> PathBuf {
    root().join("target").join("site")
}

/// Builds the site. `release` also shrinks the module with wasm-opt.
pub(crate) fn build(release: bool) -> Result {
    tools::wasm_target()?;
    step("building the islands (WebAssembly)");
    tools::client_cargo(&["build", "-p", "patchboard-client", "--target", "wasm32-unknown-unknown", "--profile", "wasm-release"])?;
    let wasm = tools::client_target().join("wasm32-unknown-unknown/wasm-release/patchboard_client.wasm");
    let inputs = inputs(&wasm, release)?;
    let stamp = target().join("site.stamp");
    if site().is_dir() && fs::read_to_string(&stamp).is_ok_and(|s| s == inputs) {
        return Ok(());
    }
    step("building the site");
    let work = target().join("site-work");
    empty(&work)?;
    let mut bindgen = Bindgen::new();
    bindgen
        .input_path(&wasm)
        .out_name("patchboard")
        .web(true)
        .and_then(|b| b.typescript(false).remove_name_section(release).remove_producers_section(true).generate(&work))
        .map_err(|e| Failure(format!("wasm-bindgen: {e:#}")))?;
    if release {
        shrink(&work.join("patchboard_bg.wasm"))?;
    }
    let mut style = String::new();
    for part in STYLE {
        style.push_str(&fs::read_to_string(root().join("style").join(part)).map_err(because(format!("style/{part}")))?);
    }
    fs::write(work.join("patchboard.css"), style).map_err(because("style"))?;
    publish(&work)?;
    fs::write(stamp, inputs).map_err(because("site.stamp"))
}

/// A hash of everything that the site is made of.
fn inputs(wasm: &Path, release: bool) -> Result<String> {
    let mut hash = Sha256::new();
    hash.update([u8::from(release)]);
    hash.update(fs::read(wasm).map_err(because(wasm.display()))?);
    for dir in ["style", "public"] {
        for file in files(&root().join(dir))? {
            hash.update(file.to_string_lossy().as_bytes());
            hash.update(fs::read(&file).map_err(because(file.display()))?);
        }
    }
    Ok(hex::encode(hash.finalize()))
}

fn files(dir: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(dir).map_err(because(dir.display()))?;
    let mut files: Vec<_> = entries.filter_map(|e| e.ok().map(|e| e.path())).filter(|p| p.is_file()).collect();
    files.sort();
    Ok(files)
}

fn empty(dir: &Path) -> Result {
    if dir.exists() {
        fs::remove_dir_all(dir).map_err(because(dir.display()))?;
    }
    fs::create_dir_all(dir).map_err(because(dir.display()))
}

/// Puts the files under `pkg/HASH`, with compressed copies beside them.
fn publish(work: &Path) -> Result {
    let mut hash = Sha256::new();
    let package = files(work)?;
    for file in &package {
        hash.update(fs::read(file).map_err(because(file.display()))?);
    }
    let name = &hex::encode(hash.finalize())[..16];
    empty(&site())?;
    let dir = site().join("pkg").join(name);
    fs::create_dir_all(&dir).map_err(because(dir.display()))?;
    for file in &package {
        put(file, &dir)?;
    }
    for file in files(&root().join("public"))? {
        put(&file, &site())?;
    }
    Ok(())
}

fn put(file: &Path, dir: &Path) -> Result {
    let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let bytes = fs::read(file).map_err(because(file.display()))?;
    let write = |name: String, bytes: &[u8]| fs::write(dir.join(&name), bytes).map_err(because(name));
    let mut brotli = Vec::new();
    brotli::BrotliCompress(&mut bytes.as_slice(), &mut brotli, &brotli::enc::BrotliEncoderParams { quality: 11, ..Default::default() })
        .map_err(because("brotli"))?;
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    gzip.write_all(&bytes).map_err(because("gzip"))?;
    write(format!("{name}.br"), &brotli)?;
    write(format!("{name}.gz"), &gzip.finish().map_err(because("gzip"))?)?;
    write(name, &bytes)
}

/// wasm-opt of the npm package binaryen; older ones refuse what today's compiler emits.
fn shrink(wasm: &Path) -> Result {
    tools::node_packages("xtask/node")?;
    step("shrinking the module (wasm-opt)");
    let tool = root().join("xtask/node/node_modules/.bin/wasm-opt");
    let features = [
        "--enable-bulk-memory",
        "--enable-bulk-memory-opt",
        "--enable-reference-types",
        "--enable-sign-ext",
        "--enable-nontrapping-float-to-int",
        "--enable-mutable-globals",
        "--enable-multivalue",
    ];
    finish(Command::new(tool).arg("-Oz").args(features).arg(wasm).arg("-o").arg(wasm))
}

/// Prints what the first page weighs, compressed with brotli.
pub(crate) fn size() -> Result {
    build(true)?;
    let package = fs::read_dir(site().join("pkg")).map_err(because("target/site/pkg"))?.filter_map(|e| e.ok().map(|e| e.path())).next();
    let dir = package.ok_or_else(|| Failure("the site is empty".to_owned()))?;
    let mut total = 0;
    for name in ["patchboard.js", "patchboard_bg.wasm", "patchboard.css"] {
        let bytes = fs::metadata(dir.join(format!("{name}.br"))).map_err(because(name))?.len();
        total += bytes;
        println!("{bytes:>8}  {name}");
    }
    println!("{total:>8}  in all, bytes after brotli");
    Ok(())
}
