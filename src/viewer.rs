//! Who looks: language, zone, theme, and the time their page was made.

use crate::i18n::Lang;
use chrono::{DateTime, Utc};
use leptos::prelude::*;
use patchboard_domain::account::Actor;

/// Colour theme.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Theme {
    /// What the browser prefers.
    #[default]
    System,
    /// Light.
    Light,
    /// Dark.
    Dark,
}

impl Theme {
    /// The value of the cookie and of `data-theme`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }

    /// Reads the cookie; anything else is the system's.
    pub fn from_word(word: &str) -> Self {
        [Self::Light, Self::Dark].into_iter().find(|t| t.as_str() == word).unwrap_or_default()
    }
}

/// Who looks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Viewer {
    /// Language of the page.
    pub lang: Lang,
    /// IANA name of the zone that times are shown in.
    pub zone: String,
    /// Theme.
    pub theme: Theme,
    /// Path and query of the page.
    pub here: String,
    /// When the page was made.
    pub now: DateTime<Utc>,
    /// It is a demo.
    pub demo: bool,
    /// Who is signed in.
    pub who: Option<Actor>,
    /// The team works without review, and every page says so.
    pub without_review: bool,
    /// What the provider of single sign-on is called, where there is one.
    pub sso: Option<String>,
}

impl Viewer {
    /// The viewer of the page that is being made. In the browser, where no page is made, an English one in UTC.
    pub fn current() -> Self {
        use_context().unwrap_or_else(|| Self {
            lang: Lang::En,
            zone: "UTC".to_owned(),
            theme: Theme::System,
            here: "/".to_owned(),
            now: DateTime::UNIX_EPOCH,
            demo: false,
            who: None,
            without_review: false,
            sso: None,
        })
    }
}
