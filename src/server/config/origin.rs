//! Where each setting was set: an error names the line of the file, or the variable.

use super::ConfigError;
use std::{collections::BTreeMap, fmt::Display, path::Path};
use toml::{
    Table,
    de::{DeTable, DeValue},
};

/// Keys with the place where they are set. Those that have their default are not in it.
#[derive(Debug, Default)]
pub(super) struct Origins(BTreeMap<String, String>);

impl Origins {
    /// Reads a settings file and where its keys stand.
    ///
    /// # Errors
    /// That it is not TOML, with its line.
    pub(super) fn of_file(path: &Path, text: &str) -> Result<(Table, Self), ConfigError> {
        let line = |at: usize| format!("{} line {}", path.display(), line_of(text, at));
        let mut origins = Self::default();
        let failed = |error: &toml::de::Error, origins: &Self| {
            let place = line(error.span().map_or(0, |span| span.start));
            let key = origins.0.iter().rfind(|(_, p)| **p == place).map_or_else(String::new, |(key, _)| format!(" in {key}"));
            ConfigError(format!("{place}: this is not TOML{key}: {}", error.message()))
        };
        let parsed = DeTable::parse(text).map_err(|e| failed(&e, &origins))?;
        origins.note_table("", parsed.get_ref(), &line);
        let table = text.parse::<Table>().map_err(|e| failed(&e, &origins))?;
        Ok((table, origins))
    }

    fn note_table(&mut self, prefix: &str, table: &DeTable<'_>, line: &dyn Fn(usize) -> String) {
        for (key, value) in table.iter() {
            let name = if prefix.is_empty() { key.get_ref().clone().into_owned() } else { format!("{prefix}.{}", key.get_ref()) };
            self.note_value(name, key.span().start, value.get_ref(), line);
        }
    }

    fn note_value(&mut self, name: String, at: usize, value: &DeValue<'_>, line: &dyn Fn(usize) -> String) {
        match value {
            DeValue::Table(table) => self.note_table(&name, table, line),
            DeValue::Array(items) => {
                for (n, item) in items.iter().enumerate() {
                    self.note_value(format!("{name}[{n}]"), item.span().start, item.get_ref(), line);
                }
            }
            _ => {}
        }
        self.0.insert(name, line(at));
    }

    /// From now on this variable sets the key.
    pub(super) fn set_by(&mut self, key: &str, variable: &str) {
        self.0.insert(key.to_owned(), variable.to_owned());
    }

    /// The longest part of a key that somebody has set; the key itself where nobody has set any of it.
    fn nearest<'k>(&self, key: &'k str) -> &'k str {
        let mut part = key;
        while !self.0.contains_key(part) {
            match part.rfind(['.', '[']) {
                Some(end) => part = &part[..end],
                None => return key,
            }
        }
        part
    }

    /// What is wrong with a key, and where it stands.
    pub(super) fn wrong(&self, key: &str, text: impl Display) -> ConfigError {
        match self.0.get(self.nearest(key)) {
            Some(place) => ConfigError(format!("{place}: {text}")),
            None => ConfigError(text.to_string()),
        }
    }

    /// What serde says of a value, with what the key takes.
    pub(super) fn wrong_type(&self, path: &str, message: &str) -> ConfigError {
        let key = self.nearest(path);
        let found = ["invalid type: ", "invalid value: ", "unknown variant "].iter().find_map(|start| message.strip_prefix(start));
        match found.and_then(|rest| rest.split_once(", expected ")) {
            // Of an enumeration serde does not say what was found.
            Some((_, "string only")) => self.wrong(key, format!("{key} takes text in quotes")),
            Some((found, expected)) => self.wrong(key, format!("{key} takes {}, not {found}", takes(expected))),
            None => self.wrong(key, format!("{key}: {message}")),
        }
    }

    /// Refuses a number outside 1 to `most`.
    pub(super) fn within(&self, key: &str, n: i64, most: i64) -> Result<(), ConfigError> {
        if (1..=most).contains(&n) {
            return Ok(());
        }
        Err(self.wrong(key, format!("{key} must be at least 1 and at most {most}, not {n}")))
    }

    /// The secret in the file that a key names.
    pub(super) fn secret_file(&self, key: &str, path: &str) -> Result<Option<String>, ConfigError> {
        super::secret_file(path).map_err(|e| self.wrong(key, format!("{key}: {e}")))
    }
}

/// What serde expects, in words for who writes settings.
fn takes(expected: &str) -> &str {
    match expected {
        "i64" => "a whole number",
        "u64" | "u32" | "usize" => "a whole number, 0 or more",
        "a boolean" => "true or false",
        "a string" => "text in quotes",
        "a sequence" => "a list in square brackets",
        "a map" => "a section",
        section if section.starts_with("struct ") => "a section",
        other => other,
    }
}

fn line_of(text: &str, at: usize) -> usize {
    1 + text.bytes().take(at).filter(|b| *b == b'\n').count()
}
