//! The query of the page that is being made.

use crate::viewer::Viewer;

/// Pairs of name and value, decoded once. (The router's own map decodes values twice: an address inside of an address, or a text
/// with a percent sign, would come out as another one.)
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query(Vec<(String, String)>);

impl Query {
    /// That of the page.
    pub fn current() -> Self {
        Self::of(&Viewer::current().here)
    }

    /// That of a path.
    fn of(path: &str) -> Self {
        let raw = path.split_once('?').map_or("", |(_, query)| query);
        Self(serde_urlencoded::from_str(raw).unwrap_or_default())
    }

    /// The last value of a name.
    pub fn get(&self, name: &str) -> Option<String> {
        self.0.iter().rev().find(|(n, _)| n == name).map(|(_, value)| value.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::Query;

    #[test]
    fn an_address_inside_of_an_address_stays_one() {
        let query = Query::of("/sign-in?next=%2Finstances%3Fq%3D%25E8%25AE%25A2%2B100%2525&a=1&a=2&odd=%FF");
        assert_eq!(query.get("next").as_deref(), Some("/instances?q=%E8%AE%A2+100%25"));
        assert_eq!(query.get("a").as_deref(), Some("2"));
        assert_eq!(query.get("b"), None);
        assert_eq!(Query::of("/").get("a"), None);
    }
}
