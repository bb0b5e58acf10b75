//! How something went wrong, in the one shape in which people are told.

use std::fmt;

/// The process's exit codes: public, and never given another meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    Done = 0,
    /// A mistake in `failover` itself.
    Bug = 1,
    CommandLine = 2,
    Runbook = 3,
    /// Preflight found a reason not to begin.
    Preflight = 4,
    /// The operator said no.
    Declined = 5,
    /// A step failed; the run can be resumed.
    Failed = 6,
    /// Another run holds the lock.
    Locked = 7,
    /// The journal cannot be read or written.
    Journal = 8,
    /// Done, but later, or with more loss, than promised.
    Objective = 9,
    /// Done, but something is owed.
    Owing = 10,
    /// Interrupted; the run can be resumed.
    Interrupted = 130,
}

impl Exit {
    pub fn code(self) -> u8 {
        self as u8
    }
}

/// What to do next: a sentence, and where there is one, a command to paste.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hint {
    pub says: String,
    pub command: Option<String>,
}

impl Hint {
    pub fn says(text: impl Into<String>) -> Self {
        Self { says: text.into(), command: None }
    }

    pub fn run(text: impl Into<String>, command: impl Into<String>) -> Self {
        Self { says: text.into(), command: Some(command.into()) }
    }
}

/// A word of a command to paste, as a POSIX shell takes it.
pub fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || "-_./:@%+=,~".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

/// What failed, why, where things stand and what to do next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    pub exit: Exit,
    pub what: String,
    pub causes: Vec<String>,
    /// What is true now: given whenever a run exists.
    pub state: Vec<String>,
    pub hints: Vec<Hint>,
}

impl Failure {
    pub fn new(exit: Exit, what: impl Into<String>) -> Self {
        Self { exit, what: what.into(), causes: Vec::new(), state: Vec::new(), hints: Vec::new() }
    }

    #[must_use]
    pub fn because(mut self, cause: impl fmt::Display) -> Self {
        self.causes.push(cause.to_string());
        self
    }

    #[must_use]
    pub fn standing(mut self, state: impl Into<String>) -> Self {
        self.state.push(state.into());
        self
    }

    #[must_use]
    pub fn hint(mut self, hint: Hint) -> Self {
        self.hints.push(hint);
        self
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)
    }
}

impl std::error::Error for Failure {}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn a_word_is_quoted_only_where_a_shell_would_take_it_apart() {
        let all = ["eastus", "east us", "it's", "", "~/state", "$(rm)"].map(quoted);
        assert_eq!(all, ["eastus", "'east us'", r"'it'\''s'", "''", "~/state", "'$(rm)'"]);
    }
}
