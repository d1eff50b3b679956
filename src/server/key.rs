//! The key that seals what must be read again: in a file that only its owner reads, apart from the database.

use super::config::{ConfigError, secret_file};
use patchboard_backend::Seal;
use std::{
    io::Write,
    path::{Path, PathBuf},
};

/// The file where nothing else is set: beside the database.
///
/// # Errors
/// That there is no such place, and what to set.
pub(super) fn beside(store_url: &str) -> Result<PathBuf, ConfigError> {
    let Some(path) = store_url.strip_prefix("sqlite:") else {
        return Err(ConfigError(
            "server.key_file is missing: replicas that share a database server need the same key file. Name one; the first start makes \
             it, and you copy it to the other replicas"
                .to_owned(),
        ));
    };
    Ok(PathBuf::from(format!("{}.key", path.trim_start_matches("//"))))
}

/// The seal of a key file. It is made where there is none, and nothing is sealed yet: another key would open nothing.
///
/// # Errors
/// A sentence that says what to do.
pub(super) fn seal(file: &Path, may_make: bool) -> Result<Seal, ConfigError> {
    if !file.exists() {
        if !may_make {
            return Err(ConfigError(format!(
                "the key file {} is missing, and the database holds second factors that only it opens: restore it from its copy, or set server.key_file. If it is lost, take the factors away with `patchboard user drop-factor NAME`",
                file.display()
            )));
        }
        make(file).map_err(|e| ConfigError(format!("the key file {} cannot be made: {e}", file.display())))?;
    }
    let text = secret_file(&file.display().to_string())?.unwrap_or_default();
    let key: Option<[u8; 32]> = hex::decode(text.trim()).ok().and_then(|bytes| bytes.try_into().ok());
    key.map(|key| Seal::new(&key)).ok_or_else(|| {
        ConfigError(format!("{} is no key file: it must hold 64 hexadecimal digits; restore it from its copy", file.display()))
    })
}

fn make(file: &Path) -> std::io::Result<()> {
    if let Some(parent) = file.parent() {
        std::fs::create_dir_all(parent)?;
    }
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut made = options.open(file)?;
    made.write_all(format!("{}\n", hex::encode(Seal::new_key())).as_bytes())?;
    made.sync_all()
}
