//! The framing of records: checksum, number, and the chain of hashes.

use super::JournalError;
use jiff::Timestamp;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use sha2::{Digest, Sha256};
use std::fmt::Write as _;

/// One record, as it was read.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry<T> {
    pub number: u64,
    pub at: Timestamp,
    pub fact: T,
}

/// A whole journal, as it was read.
#[derive(Debug)]
pub struct Reading<T> {
    pub entries: Vec<Entry<T>>,
    /// The length in bytes of what is whole; what follows is a torn last line.
    pub whole: usize,
    pub is_torn: bool,
    pub(super) chain: Chain,
}

/// Where the chain of records stands.
#[derive(Clone, Debug)]
pub(super) struct Chain {
    next: u64,
    previous: String,
}

impl Default for Chain {
    fn default() -> Self {
        Self { next: 1, previous: "0".repeat(HASH_DIGITS) }
    }
}

const HASH_DIGITS: usize = 32;

/// The order of the fields is the order in the file; the checksum covers every byte that follows it.
#[derive(Serialize)]
struct Out<'a, T> {
    n: u64,
    prev: &'a str,
    at: Timestamp,
    fact: &'a T,
}

#[derive(Deserialize)]
struct In<T> {
    crc: String,
    n: u64,
    prev: String,
    at: Timestamp,
    fact: T,
}

impl Chain {
    pub(super) fn next(&self) -> u64 {
        self.next
    }

    pub(super) fn write<T: Serialize>(
        &mut self,
        at: Timestamp,
        fact: &T,
        out: &mut String,
    ) -> Result<(), serde_json::Error> {
        let body = serde_json::to_string(&Out { n: self.next, prev: &self.previous, at, fact })?;
        let covered = &body[1..];
        let line = format!("{{\"crc\":\"{}\",{covered}", checksum(covered));
        self.next += 1;
        self.previous = hash(&line);
        out.push_str(&line);
        out.push('\n');
        Ok(())
    }

    fn accept<T>(&mut self, line: &str, record: In<T>) -> Result<Entry<T>, String> {
        if record.n != self.next {
            return Err(format!("it is record {}, and {} was expected", record.n, self.next));
        }
        if record.prev != self.previous {
            return Err("it does not follow from the line before".to_owned());
        }
        self.next += 1;
        self.previous = hash(line);
        Ok(Entry { number: record.n, at: record.at, fact: record.fact })
    }
}

fn checksum(covered: &str) -> String {
    format!("{:08x}", crc32fast::hash(covered.as_bytes()))
}

fn hash(line: &str) -> String {
    let digest = Sha256::digest(line.as_bytes());
    digest.iter().take(HASH_DIGITS / 2).fold(String::new(), |mut hex, byte| {
        // Writing to a String cannot fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

/// Reads a whole journal. A torn last line is left out and reported; any other damage is an error that names the line.
///
/// Torn is what has no end: an interrupted write leaves the beginning of what was written, and a power cut may fill the
/// rest with NUL bytes. A line with an end was written whole, and something may have been done in its name.
pub fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<Reading<T>, JournalError> {
    let mut reading =
        Reading { entries: Vec::new(), whole: 0, is_torn: false, chain: Chain::default() };
    for (index, line) in bytes.split_inclusive(|byte| *byte == b'\n').enumerate() {
        match read_line(line, &mut reading.chain) {
            Ok(entry) => {
                reading.entries.push(entry);
                reading.whole += line.len();
            }
            // Only the last line can have no end.
            Err(Damage::Torn) => reading.is_torn = true,
            Err(Damage::Wrong(why)) => {
                return Err(JournalError::Damaged { line: index + 1, why });
            }
        }
    }
    Ok(reading)
}

enum Damage {
    /// What an interrupted write leaves behind.
    Torn,
    /// Whole, and yet not what belongs here.
    Wrong(String),
}

fn read_line<T: DeserializeOwned>(line: &[u8], chain: &mut Chain) -> Result<Entry<T>, Damage> {
    let wrong = |why: &str| Damage::Wrong(why.to_owned());
    let Some((b'\n', line)) = line.split_last() else { return Err(Damage::Torn) };
    let line = std::str::from_utf8(line).map_err(|_| wrong("it is not UTF-8"))?;
    let body = line
        .strip_prefix("{\"crc\":\"")
        .and_then(|rest| rest.split_at_checked(8))
        .and_then(|(crc, rest)| Some((crc, rest.strip_prefix("\",")?)));
    let Some((crc, covered)) = body else { return Err(wrong("it does not begin with a checksum")) };
    if checksum(covered) != crc {
        return Err(wrong("its checksum is wrong"));
    }
    let record: In<T> = serde_json::from_str(line).map_err(|error| {
        Damage::Wrong(format!("this version of failover cannot read it ({error})"))
    })?;
    debug_assert_eq!(record.crc, crc);
    chain.accept(line, record).map_err(Damage::Wrong)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn written(facts: &[String]) -> String {
        let mut chain = Chain::default();
        let mut text = String::new();
        for fact in facts {
            chain.write(Timestamp::UNIX_EPOCH, fact, &mut text).unwrap();
        }
        text
    }

    fn facts(reading: &Reading<String>) -> Vec<String> {
        reading.entries.iter().map(|entry| entry.fact.clone()).collect()
    }

    proptest! {
        #[test]
        fn what_was_written_is_read(texts: Vec<String>) {
            let reading = read::<String>(written(&texts).as_bytes()).unwrap();
            prop_assert_eq!(facts(&reading), texts);
            prop_assert!(!reading.is_torn);
        }

        #[test]
        fn a_cut_anywhere_loses_at_most_the_torn_line(texts in prop::collection::vec(".*", 1..6), cut: prop::sample::Index) {
            let whole = written(&texts);
            let cut = cut.index(whole.len() + 1);
            let reading = read::<String>(&whole.as_bytes()[..cut]).unwrap();
            let kept = whole[..whole.floor_char_boundary(cut)].matches('\n').count();
            prop_assert_eq!(facts(&reading), texts[..kept].to_vec());
            prop_assert_eq!(reading.is_torn, reading.whole != cut);
        }

        #[test]
        fn a_changed_byte_is_noticed(texts in prop::collection::vec("[a-z]{0,9}", 2..5), at: prop::sample::Index) {
            let mut bytes = written(&texts).into_bytes();
            let at = at.index(bytes.len());
            bytes[at] ^= 1;
            let is_the_end = at + 1 == bytes.len();
            match read::<String>(&bytes) {
                Err(JournalError::Damaged { .. }) => prop_assert!(!is_the_end),
                Ok(reading) => prop_assert!(reading.is_torn && is_the_end),
                Err(error) => prop_assert!(false, "{error}"),
            }
        }

        #[test]
        fn what_a_power_cut_fills_with_nul_bytes_is_torn(texts in prop::collection::vec(".*", 1..6), cut: prop::sample::Index, nuls in 1_usize..9000) {
            let mut bytes = written(&texts).into_bytes();
            bytes.truncate(cut.index(bytes.len() + 1));
            let kept = bytes.split(|byte| *byte == b'\n').count() - 1;
            bytes.resize(bytes.len() + nuls, 0);
            let reading = read::<String>(&bytes).unwrap();
            prop_assert_eq!(facts(&reading), texts[..kept].to_vec());
            prop_assert!(reading.is_torn);
        }
    }

    #[test]
    fn a_line_left_out_is_noticed_and_named() {
        let text = written(&["a".into(), "b".into(), "c".into()]);
        let without: String = text
            .split_inclusive('\n')
            .enumerate()
            .filter(|(i, _)| *i != 1)
            .map(|(_, l)| l)
            .collect();
        let error = read::<String>(without.as_bytes()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "line 2 of the journal is damaged: it is record 3, and 2 was expected"
        );
    }

    #[test]
    fn a_last_line_with_an_end_is_damaged_and_not_torn() {
        let text = written(&["a".into(), "b".into()]).replacen("\"b\"", "\"B\"", 1);
        let error = read::<String>(text.as_bytes()).unwrap_err();
        assert_eq!(error.to_string(), "line 2 of the journal is damaged: its checksum is wrong");
    }

    #[test]
    fn damage_before_the_last_line_is_refused() {
        let text = written(&["a".into(), "b".into()]).replacen("\"a\"", "\"A\"", 1);
        let error = read::<String>(text.as_bytes()).unwrap_err();
        assert_eq!(error.to_string(), "line 1 of the journal is damaged: its checksum is wrong");
    }
}
