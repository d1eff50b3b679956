//! Random tokens and codes, from the operating system. Only their hashes are ever kept.

use sha2::{Digest, Sha256};

/// A token for a cookie: 256 bits, in hexadecimal.
pub(crate) fn token() -> String {
    hex::encode(random::<32>())
}

/// A code that a person types: 100 bits, in letters and digits that cannot be mistaken for each other (Crockford's base 32).
pub(crate) fn code() -> String {
    const LETTERS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    let letters: Vec<char> = random::<20>().iter().map(|byte| char::from(LETTERS[usize::from(byte % 32)])).collect();
    letters.chunks(5).map(|group| group.iter().collect::<String>()).collect::<Vec<_>>().join("-")
}

/// What is kept of a token.
pub(crate) fn hash(token: &str) -> String {
    hex::encode(Sha256::digest(token.as_bytes()))
}

/// What is kept of a code, however it was typed.
pub(crate) fn code_hash(typed: &str) -> String {
    let plain: String = typed.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_uppercase()).collect();
    hash(&plain.replace('O', "0").replace(['I', 'L'], "1"))
}

pub(crate) fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    // Without randomness nothing secret can be made, and nothing may go on as if it could.
    getrandom::fill(&mut bytes).unwrap_or_else(|error| panic!("the operating system gives no random bytes: {error}"));
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_read_as_people_type_them() {
        let made = code();
        assert_eq!(made.len(), 23);
        assert_eq!(code_hash(&made), code_hash(&format!(" {} ", made.to_lowercase().replace('-', " "))));
        assert_eq!(code_hash("0O1IL"), code_hash("00111"));
        assert_ne!(code(), code());
        assert_ne!(token(), token());
    }
}
