//! Tells whether a secret changed, and nothing else.

use sha2::{Digest, Sha256};
use std::{fmt, fmt::Write as _};
use uuid::Uuid;

/// How many bytes a key has.
const KEY: usize = 32;

/// Hashes secrets under a key of the run. The key stands beside the journal and in no report, so that nobody who is
/// handed one can try values until one fits.
#[derive(Clone, PartialEq, Eq)]
pub struct Seal([u8; KEY]);

impl Seal {
    /// A key that nobody knows.
    pub fn random() -> Self {
        let mut key = [0; KEY];
        for half in key.chunks_exact_mut(KEY / 2) {
            half.copy_from_slice(Uuid::new_v4().as_bytes());
        }
        Self(key)
    }

    /// Reads a key as it was kept; `None` when it is none.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The hash of a secret, named by all parts before it, in 16 hexadecimal digits.
    pub fn hash(&self, parts: &[&str]) -> String {
        let mut hasher = Sha256::new_with_prefix(self.0);
        for part in parts {
            hasher.update((part.len() as u64).to_le_bytes());
            hasher.update(part);
        }
        let mut text = String::with_capacity(16);
        for byte in &hasher.finalize()[..8] {
            // Writing to a String cannot fail.
            let _ = write!(text, "{byte:02x}");
        }
        text
    }
}

impl fmt::Debug for Seal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Seal(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_belongs_to_its_key_its_name_and_its_value() {
        let (one, other) = (Seal::random(), Seal::random());
        let again = Seal::from_bytes(one.as_bytes()).unwrap();
        assert_eq!(one.hash(&["app", "DB", "x"]), again.hash(&["app", "DB", "x"]));
        assert_ne!(one.hash(&["app", "DB", "x"]), one.hash(&["app", "DBx", ""]));
        assert_ne!(one.hash(&["app", "DB", "x"]), one.hash(&["app", "DB", "y"]));
        assert_ne!(one.hash(&["app", "DB", "x"]), other.hash(&["app", "DB", "x"]));
        assert_eq!(Seal::from_bytes(b"short"), None);
    }
}
