//! Ids that a cloud makes up.

use super::ledger::hex;
use sha2::{Digest, Sha256};

/// Digits that look like an id and are the same for the same text.
pub(super) fn digits(text: &str, count: usize) -> String {
    let mut digits = hex(&Sha256::digest(text));
    digits.truncate(count);
    digits
}
