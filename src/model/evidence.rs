//! What an observation read, in names and values that people and references can read.

use super::span;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::{fmt, time::Duration};

/// The name under which an observation says how much would be lost, in seconds: what objectives and `--accept-loss`
/// are compared with.
pub const DATA_LOSS: &str = "data_loss";

/// The name under which an observation says by what means writers are kept away from what was the primary.
pub const MEANS: &str = "means";

/// One value that was read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Datum {
    Text(String),
    Flag(bool),
    Count(i64),
    Bytes(u64),
    Seconds(f64),
    Instant(Timestamp),
    /// A keyed hash of something secret: tells whether it changed, and nothing else.
    Hash(String),
}

impl fmt::Display for Datum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::Flag(flag) => f.write_str(if *flag { "yes" } else { "no" }),
            Self::Count(count) => write!(f, "{count}"),
            Self::Bytes(bytes) => f.write_str(&show_bytes(*bytes)),
            Self::Seconds(seconds) => f.write_str(&span::show(length(*seconds))),
            Self::Instant(at) => f.write_str(&span::clock_time(*at)),
            Self::Hash(_) => f.write_str("(secret)"),
        }
    }
}

fn length(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds.max(0.0)).unwrap_or_default()
}

fn show_bytes(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["kB", "MB", "GB", "TB"];
    if bytes < 1_000 {
        return format!("{bytes} B");
    }
    #[expect(clippy::cast_precision_loss, reason = "a size for people to read, to two digits")]
    let mut size = bytes as f64 / 1_000.0;
    let mut unit = 0;
    while size >= 1_000.0 && unit + 1 < UNITS.len() {
        size /= 1_000.0;
        unit += 1;
    }
    let digits = usize::from(size < 10.0);
    format!("{size:.digits$} {}", UNITS[unit])
}

/// What was read, in the order in which people should read it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Evidence(Vec<(String, Datum)>);

impl Evidence {
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a value, or replaces the one of that name.
    pub fn set(&mut self, name: &str, datum: Datum) {
        match self.0.iter_mut().find(|(known, _)| known == name) {
            Some((_, old)) => *old = datum,
            None => self.0.push((name.to_owned(), datum)),
        }
    }

    /// Takes in what was read later; what was not read again stays.
    pub fn take_in(&mut self, later: &Self) {
        for (name, datum) in later.iter() {
            self.set(name, datum.clone());
        }
    }

    #[must_use]
    pub fn with(mut self, name: &str, datum: Datum) -> Self {
        self.set(name, datum);
        self
    }

    #[must_use]
    pub fn text(self, name: &str, text: impl Into<String>) -> Self {
        self.with(name, Datum::Text(text.into()))
    }

    pub fn get(&self, name: &str) -> Option<&Datum> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, datum)| datum)
    }

    pub fn iter(&self) -> impl Iterator<Item = (&str, &Datum)> {
        self.0.iter().map(|(name, datum)| (name.as_str(), datum))
    }

    /// How much would be lost, if the observation says so.
    pub fn data_loss(&self) -> Option<Duration> {
        loss(self.get(DATA_LOSS)?)
    }

    /// What stands for a loss that nobody knows, where one should stand: of the step itself, or of one of a group.
    pub fn unknown_loss(&self) -> Option<&Datum> {
        let is_loss = |name: &str| name.rsplit(": ").next() == Some(DATA_LOSS);
        let unknown = self.iter().find(|(name, datum)| is_loss(name) && loss(datum).is_none());
        unknown.map(|(_, datum)| datum)
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

fn loss(datum: &Datum) -> Option<Duration> {
    match datum {
        Datum::Seconds(seconds) => Duration::try_from_secs_f64(*seconds).ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_shown_to_the_digits_that_matter() {
        let shown = [7, 1_240, 312_000, 4_200_000_000].map(|b| Datum::Bytes(b).to_string());
        assert_eq!(shown, ["7 B", "1.2 kB", "312 kB", "4.2 GB"]);
    }

    #[test]
    fn a_length_of_time_is_shown_as_everywhere_else() {
        assert_eq!(Datum::Seconds(338.4).to_string(), "5 min 38 s");
        assert_eq!(Datum::Seconds(-1.0).to_string(), "0 s");
    }

    #[test]
    fn a_loss_that_nobody_knows_is_found_in_a_group_too() {
        let known = Evidence::new().with("promote: data_loss", Datum::Seconds(0.0));
        assert_eq!(known.unknown_loss(), None);
        for name in [DATA_LOSS, "promote: data_loss"] {
            let unknown = Datum::Text("not known".to_owned());
            let evidence = known.clone().with(name, unknown.clone());
            assert_eq!(evidence.unknown_loss(), Some(&unknown), "{name}");
        }
    }

    #[test]
    fn a_secret_is_never_shown() {
        assert_eq!(Datum::Hash("9f3c".into()).to_string(), "(secret)");
    }
}
