//! A text that must never be shown, and where one is kept.

use serde::{Deserialize, Serialize};
use std::{cmp::Reverse, fmt};

/// Where a secret is kept. Says nothing of what it is, so that a plan may hold it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SecretSource {
    /// In this environment variable.
    Env(String),
    /// In this file, but for a line's end after it.
    File(String),
    /// What this program prints, but for a line's end after it.
    Command(Vec<String>),
}

impl fmt::Display for SecretSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Env(name) => write!(f, "the environment variable {name}"),
            Self::File(path) => write!(f, "the file {path}"),
            Self::Command(argv) => write!(f, "`{}`", argv.join(" ")),
        }
    }
}

/// Holds a secret. It has no `Display` and no `Serialize`, and its `Debug` says nothing.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The secret itself, for the one place that sends it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

/// A line of a secret that is shorter than this is no secret by itself.
const SHORTEST: usize = 8;

/// A text with other words in place of secrets, and of each of their lines: whoever prints one may do so line by line.
pub fn wipe<'a>(text: &str, secrets: impl IntoIterator<Item = (&'a Secret, String)>) -> String {
    let mut parts = Vec::new();
    for (Secret(whole), instead) in secrets {
        let lines = whole.lines().map(str::trim).filter(|line| line.len() >= SHORTEST);
        let own = lines.chain([whole.as_str()]).filter(|part| !part.is_empty());
        parts.extend(own.map(|part| (part, instead.clone())));
    }
    // One may be a part of another, and would leave the rest of it.
    parts.sort_by_key(|(part, _)| Reverse(part.len()));
    parts.iter().fold(text.to_owned(), |text, (part, instead)| text.replace(part, instead))
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_part_of_a_secret_is_left() {
        let (key, longer) =
            (Secret::new("first-line\nsecond-line\nend"), Secret::new("first-line-of-all"));
        let wiped = |text: &str| wipe(text, [(&key, "K".to_owned()), (&longer, "L".to_owned())]);
        assert_eq!(wiped("first-line\nsecond-line\nend"), "K");
        assert_eq!(wiped("  second-line, first-line-of-all; first-line"), "  K, L; K");
        assert_eq!(wiped("the end"), "the end", "as good as any other word");
        assert_eq!(wipe("as it was", [(&Secret::new(""), "E".to_owned())]), "as it was");
    }
}
