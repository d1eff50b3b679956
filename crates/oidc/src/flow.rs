//! What binds an answer to the browser that asked.

use sha2::{Digest, Sha256};

/// One sign-in on its way. All of it follows from a random token that only the browser keeps, in a cookie: nothing is stored here
/// meanwhile, and whoever reads an address learns the state alone.
pub struct Flow {
    /// Travels to the provider and back: an answer without it was not asked for by this browser.
    pub state: String,
    /// Stands in the signed ID token: a token that was made for another sign-in does not fit.
    pub(crate) nonce: String,
    /// Shown to the provider with the code: a code that somebody else got hold of is useless to them.
    pub(crate) verifier: String,
}

impl Flow {
    /// The flow of a browser's token. The token must be random, of 128 bits or more.
    pub fn of(token: &str) -> Self {
        let part = |name: &str| hex::encode(Sha256::digest(format!("patchboard single sign-on {name}\n{token}").as_bytes()));
        Self { state: part("state"), nonce: part("nonce"), verifier: part("verifier") }
    }
}

#[cfg(test)]
mod tests {
    use super::Flow;

    #[test]
    fn nothing_of_a_flow_tells_the_rest_of_it() {
        let (one, two) = (Flow::of("a"), Flow::of("b"));
        let parts = [&one.state, &one.nonce, &one.verifier, &two.state, &two.nonce, &two.verifier];
        for (n, part) in parts.iter().enumerate() {
            // RFC 7636 4.1: 43 to 128 unreserved characters.
            assert_eq!(part.len(), 64);
            assert!(!parts[..n].contains(part), "no two are the same");
        }
        assert_eq!(Flow::of("a").state, one.state);
    }
}
