//! Everything a person reads, in English and Simplified Chinese.
//!
//! Every message is a method of `Lang` with both texts side by side, so a missing translation does not compile.

mod common;
mod doubt;
mod fleet;
mod moves;
mod people;
mod plan;
mod reason;
mod review;
mod task;

use serde::{Deserialize, Serialize};

/// A language of the pages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Lang {
    /// English.
    #[default]
    En,
    /// Simplified Chinese.
    Zh,
}

impl Lang {
    /// For `<html lang>` and the cookie.
    pub fn tag(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::Zh => "zh-CN",
        }
    }

    /// The language a cookie or an `Accept-Language` header prefers.
    pub fn from_header(text: &str) -> Option<Self> {
        text.split(',').map(|part| part.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()).find_map(|tag| {
            if tag.starts_with("zh") {
                Some(Self::Zh)
            } else if tag.starts_with("en") {
                Some(Self::En)
            } else {
                None
            }
        })
    }

    /// `1 instance`, `2 instances`; Chinese has one form.
    pub(crate) fn count(self, n: impl Into<i64>, one: &str, many: &str, zh: &str) -> String {
        let n: i64 = n.into();
        match self {
            Self::En => format!("{n} {}", if n == 1 { one } else { many }),
            Self::Zh => format!("{n} {zh}"),
        }
    }
}

/// Declares messages: `name { "English", "中文" }` or `name(arg: Type) { "… {arg}", "… {arg}" }`.
macro_rules! messages {
    ($($name:ident $(($($arg:ident : $ty:ty),+))? { $en:literal, $zh:literal })*) => {
        impl crate::i18n::Lang { $(messages!(@one $name $(($($arg : $ty),+))? { $en, $zh });)* }
    };
    (@one $name:ident { $en:literal, $zh:literal }) => {
        #[doc = $en]
        pub fn $name(self) -> &'static str {
            match self { Self::En => $en, Self::Zh => $zh }
        }
    };
    (@one $name:ident ($($arg:ident : $ty:ty),+) { $en:literal, $zh:literal }) => {
        #[doc = $en]
        pub fn $name(self, $($arg: $ty),+) -> String {
            match self { Self::En => format!($en), Self::Zh => format!($zh) }
        }
    };
}
pub(crate) use messages;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_decides_by_its_first_known_tag() {
        assert_eq!(Lang::from_header("zh-CN,zh;q=0.9,en;q=0.8"), Some(Lang::Zh));
        assert_eq!(Lang::from_header("de-DE, en-US;q=0.5"), Some(Lang::En));
        assert_eq!(Lang::from_header("de"), None);
    }

    #[test]
    fn english_counts_have_two_forms() {
        assert_eq!(Lang::En.count(1, "instance", "instances", "个实例"), "1 instance");
        assert_eq!(Lang::En.count(2, "instance", "instances", "个实例"), "2 instances");
        assert_eq!(Lang::Zh.count(1, "instance", "instances", "个实例"), "1 个实例");
    }
}
