//! Engine versions (three parts) and hot-patch versions (four parts).
//!
//! The cloud spells them with and without a `V2.0-` prefix; they are compared numerically, part by part, without it.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use std::{fmt, str::FromStr};

/// Why a text is not a version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotAVersion {
    /// The text as it was given.
    pub text: String,
    /// How many numeric parts were wanted.
    pub parts: usize,
}

impl fmt::Display for NotAVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} is not a version of {} numbers", self.text, self.parts)
    }
}

impl std::error::Error for NotAVersion {}

fn parts<const N: usize>(text: &str) -> Result<[u32; N], NotAVersion> {
    let refuse = || NotAVersion { text: text.to_owned(), parts: N };
    let bare = text.trim();
    // `V2.0-8.100.0` and `8.100.0` are the same version; any `V<digits.>-` prefix is dropped.
    let bare = match bare.split_once('-') {
        Some((prefix, rest)) if prefix.starts_with(['V', 'v']) => rest,
        _ => bare,
    };
    let mut out = [0; N];
    let mut fields = bare.split('.');
    for slot in &mut out {
        let field = fields.next().ok_or_else(refuse)?;
        if field.is_empty() || !field.bytes().all(|b| b.is_ascii_digit()) {
            return Err(refuse());
        }
        *slot = field.parse().map_err(|_| refuse())?;
    }
    if fields.next().is_some() {
        return Err(refuse());
    }
    Ok(out)
}

macro_rules! version {
    ($(#[$doc:meta])* $name:ident, $n:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name([u32; $n]);

        impl FromStr for $name {
            type Err = NotAVersion;
            fn from_str(text: &str) -> Result<Self, NotAVersion> {
                parts(text).map(Self)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                for (i, part) in self.0.iter().enumerate() {
                    if i > 0 {
                        f.write_str(".")?;
                    }
                    write!(f, "{part}")?;
                }
                Ok(())
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
                s.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                String::deserialize(d)?.parse().map_err(D::Error::custom)
            }
        }
    };
}

version!(
    /// What the cloud calls `complete_version`: `3.208.0`.
    EngineVersion,
    3
);
version!(
    /// One hot patch: `3.208.0.6`. It belongs to the engine version of its first three parts.
    PatchVersion,
    4
);

impl PatchVersion {
    /// The engine version this patch can be installed on.
    pub fn engine(self) -> EngineVersion {
        let [a, b, c, _] = self.0;
        EngineVersion([a, b, c])
    }
}

/// Reads a list as the cloud writes it (`"2.7.2.1, 2.7.2.2"`): ascending, without doubles; what is no patch version is
/// returned beside it rather than dropped.
pub fn patch_list(text: &str) -> (Vec<PatchVersion>, Vec<String>) {
    let mut good = Vec::new();
    let mut odd = Vec::new();
    for field in text.split(',').map(str::trim).filter(|f| !f.is_empty()) {
        match field.parse() {
            Ok(version) => good.push(version),
            Err(_) => odd.push(field.to_owned()),
        }
    }
    good.sort_unstable();
    good.dedup();
    (good, odd)
}

/// `3.208.0.6,3.208.0.7`: the spelling of `target_version`, ascending, without space.
pub fn join(patches: &[PatchVersion]) -> String {
    let mut sorted = patches.to_vec();
    sorted.sort_unstable();
    sorted.dedup();
    sorted.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn patch(text: &str) -> PatchVersion {
        text.parse().unwrap()
    }

    #[test]
    fn both_spellings_are_one_version() {
        assert_eq!("V2.0-8.100.0".parse::<EngineVersion>(), "8.100.0".parse());
        assert_eq!(patch("V2.0-2.7.2.1").to_string(), "2.7.2.1");
        assert_eq!(patch("3.208.0.6").engine().to_string(), "3.208.0");
    }

    #[test]
    fn order_is_numeric_not_alphabetic() {
        assert!(patch("3.208.0.10") > patch("3.208.0.9"));
        assert_eq!(join(&[patch("3.208.0.10"), patch("3.208.0.9"), patch("3.208.0.9")]), "3.208.0.9,3.208.0.10");
    }

    #[test]
    fn lists_take_both_separators_and_keep_what_they_cannot_read() {
        let (good, odd) = patch_list("2.7.2.2, 2.7.2.1,,V2.0-2.7.2.1, 2.7.2");
        assert_eq!(good, [patch("2.7.2.1"), patch("2.7.2.2")]);
        assert_eq!(odd, ["2.7.2"]);
    }

    #[test]
    fn wrong_texts_are_refused() {
        for text in ["", "3.208", "3.208.0", "3.208.0.6.1", "3.208.0.", "3.208.0.x", "3.208.0.+6", "3.208.0.99999999999", "V2.0-"] {
            assert!(text.parse::<PatchVersion>().is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn parsing_never_panics(text in ".{0,40}") {
            let _ = text.parse::<PatchVersion>();
            let _ = patch_list(&text);
        }

        #[test]
        fn display_and_parse_agree(a: u32, b: u32, c: u32, d: u32) {
            let version = PatchVersion([a, b, c, d]);
            prop_assert_eq!(version.to_string().parse(), Ok(version));
            let prefixed: PatchVersion = format!("V2.0-{version}").parse().unwrap();
            prop_assert_eq!(prefixed, version);
        }
    }
}
