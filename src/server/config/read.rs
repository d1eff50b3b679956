//! Reading settings: which keys there are, of which type, and where each was set.

use super::{ConfigError, DEFAULTS, origin::Origins, raw::Raw};
use std::{collections::BTreeMap, fmt::Display, path::Path};
use toml::{Table, Value};

/// What every variable of a setting begins with.
const PREFIX: &str = "PATCHBOARD__";

/// Defaults, then a file, then the environment.
///
/// # Errors
/// A sentence that names the key, where it is set, and what it takes.
pub(super) fn read(file: Option<&Path>, env: &BTreeMap<String, String>) -> Result<(Raw, Origins), ConfigError> {
    let mut table: Table =
        DEFAULTS.parse().map_err(|e: toml::de::Error| ConfigError(format!("the defaults cannot be read: {}", e.message())))?;
    let known = table.clone();
    let mut origins = Origins::default();
    if let Some(path) = file {
        let text = std::fs::read_to_string(path).map_err(|e| ConfigError(format!("{} cannot be read: {e}", path.display())))?;
        let own;
        (own, origins) = Origins::of_file(path, &text)?;
        merge(&mut table, own, &known, &origins)?;
    }
    for (variable, value) in env {
        if let Some(name) = variable.strip_prefix(PREFIX) {
            let (section, key, value) = from_environment(variable, name, value, &known)?;
            origins.set_by(&format!("{section}.{key}"), variable);
            if let Some(Value::Table(target)) = table.get_mut(&section) {
                target.insert(key, value);
            }
        }
    }
    let raw = serde_path_to_error::deserialize(table).map_err(|e| origins.wrong_type(&e.path().to_string(), e.inner().message()))?;
    Ok((raw, origins))
}

fn merge(table: &mut Table, own: Table, known: &Table, origins: &Origins) -> Result<(), ConfigError> {
    for (section, value) in own {
        if section == "freeze" {
            table.insert(section, value);
            continue;
        }
        if section == "clouds" {
            table.insert(section, named_clouds(value, known, origins)?);
            continue;
        }
        let Some(Value::Table(keys)) = known.get(&section) else {
            return Err(origins.wrong(&section, unknown(&section, known.keys().map(String::as_str))));
        };
        let Value::Table(value) = value else { return Err(origins.wrong(&section, format!("[{section}] is a section, not a value"))) };
        for (key, value) in value {
            if !keys.contains_key(&key) {
                let given = format!("{section}.{key}");
                return Err(origins.wrong(&given, unknown(&given, keys.keys().map(String::as_str))));
            }
            if let Some(Value::Table(target)) = table.get_mut(&section) {
                target.insert(key, value);
            }
        }
    }
    Ok(())
}

/// `[clouds.NAME]`: each has the keys of `[cloud]`, with the same defaults.
fn named_clouds(value: Value, known: &Table, origins: &Origins) -> Result<Value, ConfigError> {
    let Some(Value::Table(defaults)) = known.get("cloud") else { return Ok(value) };
    let Value::Table(named) = value else {
        return Err(origins.wrong("clouds", "write [clouds.NAME], one section for each connection"));
    };
    let mut out = Table::new();
    for (name, keys) in named {
        let section = format!("clouds.{name}");
        let Value::Table(keys) = keys else { return Err(origins.wrong(&section, format!("[{section}] is a section, not a value"))) };
        let mut cloud = defaults.clone();
        for (key, value) in keys {
            let given = format!("{section}.{key}");
            if key == "name" {
                return Err(origins.wrong(&given, format!("[{section}] has its name already: take {given} out")));
            }
            if !defaults.contains_key(&key) {
                return Err(origins.wrong(&given, unknown(&given, defaults.keys().map(String::as_str))));
            }
            cloud.insert(key, value);
        }
        cloud.insert("name".to_owned(), Value::String(name.clone()));
        out.insert(name, Value::Table(cloud));
    }
    Ok(Value::Table(out))
}

/// Section, key and typed value of a variable. `name` is the part behind the prefix.
fn from_environment(variable: &str, name: &str, value: &str, known: &Table) -> Result<(String, String, Value), ConfigError> {
    let wrong = |text: &dyn Display| ConfigError(format!("{variable}: {text}"));
    let lower = name.to_lowercase();
    let (section, key) = lower.split_once("__").ok_or_else(|| wrong(&format!("it names no key: write {PREFIX}SECTION__KEY")))?;
    let Some(Value::Table(keys)) = known.get(section) else {
        return Err(wrong(&unknown(section, known.keys().map(String::as_str))));
    };
    let given = format!("{section}.{key}");
    let typed = match keys.get(key) {
        None => return Err(wrong(&unknown(&given, keys.keys().map(String::as_str)))),
        Some(Value::Integer(_)) => {
            Value::Integer(value.trim().parse().map_err(|_| wrong(&format!("{given} takes a whole number, not {value:?}")))?)
        }
        Some(Value::Boolean(_)) => {
            Value::Boolean(value.trim().parse().map_err(|_| wrong(&format!("{given} takes true or false, not {value:?}")))?)
        }
        Some(Value::Array(_)) => return Err(wrong(&format!("{given} is a list: write it into the settings file"))),
        Some(_) => Value::String(value.to_owned()),
    };
    Ok((section.to_owned(), key.to_owned(), typed))
}

fn unknown<'a>(given: &str, known: impl Iterator<Item = &'a str>) -> String {
    let last = given.rsplit('.').next().unwrap_or(given);
    let nearest = known.max_by(|a, b| strsim::jaro_winkler(a, last).total_cmp(&strsim::jaro_winkler(b, last))).unwrap_or_default();
    format!("there is no setting {given:?}; did you mean {nearest:?}? `patchboard config` lists all")
}
