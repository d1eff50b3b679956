//! Deserialisers for a server that is not uniform.

use serde::{Deserialize, Deserializer, de::DeserializeOwned};
use serde_json::Value;

/// Text, number or boolean as text; anything else is nothing.
///
/// # Errors
/// Only when the input is not JSON at all.
pub fn text<'de, D: Deserializer<'de>>(d: D) -> Result<Option<String>, D::Error> {
    Ok(match Value::deserialize(d)? {
        Value::String(t) => Some(t),
        Value::Number(n) => Some(n.to_string()),
        Value::Bool(b) => Some(b.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    })
}

/// A number, also when it is written as text.
///
/// # Errors
/// Only when the input is not JSON at all.
pub fn number<'de, D: Deserializer<'de>>(d: D) -> Result<Option<i64>, D::Error> {
    Ok(match Value::deserialize(d)? {
        Value::Number(n) => n.as_i64(),
        Value::String(t) => t.trim().parse().ok(),
        _ => None,
    })
}

/// A truth value, also when it is written as text.
///
/// # Errors
/// Only when the input is not JSON at all.
pub fn boolean<'de, D: Deserializer<'de>>(d: D) -> Result<Option<bool>, D::Error> {
    Ok(match Value::deserialize(d)? {
        Value::Bool(b) => Some(b),
        Value::String(t) => t.trim().to_ascii_lowercase().parse().ok(),
        _ => None,
    })
}

/// A list. Null is an empty list, a single value (the published schema types some lists as one object) a list of one;
/// an element that cannot be read is left out rather than losing its neighbours.
///
/// # Errors
/// Only when the input is not JSON at all.
pub fn list<'de, D: Deserializer<'de>, T: DeserializeOwned>(d: D) -> Result<Vec<T>, D::Error> {
    let values = match Value::deserialize(d)? {
        Value::Array(values) => values,
        Value::Null => Vec::new(),
        one => vec![one],
    };
    Ok(values.into_iter().filter_map(|v| serde_json::from_value(v).ok()).collect())
}

/// An object, or nothing when something else stands there.
///
/// # Errors
/// Only when the input is not JSON at all.
pub fn object<'de, D: Deserializer<'de>, T: DeserializeOwned>(d: D) -> Result<Option<T>, D::Error> {
    Ok(serde_json::from_value(Value::deserialize(d)?).ok())
}
