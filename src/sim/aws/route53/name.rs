//! Names as Route 53 writes them.
//!
//! Source: "DNS domain name format", Amazon Route 53 developer guide.

use std::fmt::Write;

/// In lower case, with the dot at the end, and with escape codes for all but letters, digits, `-` and `_`.
pub(in crate::sim) fn canonical(name: &str) -> String {
    let mut canonical = String::with_capacity(name.len() + 1);
    for byte in name.bytes() {
        match byte {
            // What is escaped stays so: three octal digits follow.
            b'.' | b'-' | b'_' | b'\\' => canonical.push(char::from(byte)),
            _ if byte.is_ascii_alphanumeric() => {
                canonical.push(char::from(byte.to_ascii_lowercase()));
            }
            _ => {
                let _ = write!(canonical, "\\{byte:03o}");
            }
        }
    }
    if !canonical.ends_with('.') {
        canonical.push('.');
    }
    canonical
}

/// A host's name, which has no dot at its end, from a canonical one.
pub(in crate::sim) fn host(name: &str) -> &str {
    name.trim_end_matches('.')
}

/// What names are sorted by: their labels from the last to the first.
pub(super) fn order(name: &str) -> Vec<&str> {
    host(name).rsplit('.').collect()
}

/// Whether a name is another one or lies below it; both are canonical.
pub(in crate::sim) fn is_within(name: &str, zone: &str) -> bool {
    name.strip_suffix(zone).is_some_and(|before| before.is_empty() || before.ends_with('.'))
}

/// The name above, which is canonical too.
pub(in crate::sim) fn parent(name: &str) -> Option<&str> {
    name.split_once('.').map(|(_, parent)| parent).filter(|parent| !parent.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_written_in_one_way() {
        for (said, canonical_name) in [
            ("WWW.Example.com", "www.example.com."),
            ("www.example.com.", "www.example.com."),
            ("*.example.com", "\\052.example.com."),
            ("\\052.example.com.", "\\052.example.com."),
            ("_a-b.example.com", "_a-b.example.com."),
        ] {
            assert_eq!(canonical(said), canonical_name, "{said}");
        }
    }

    #[test]
    fn a_name_lies_in_a_zone_by_whole_labels() {
        assert!(is_within("www.example.com.", "example.com."));
        assert!(is_within("example.com.", "example.com."));
        assert!(!is_within("badexample.com.", "example.com."));
        assert!(order("a.z.com.") < order("b.z.com.") && order("z.a.com.") < order("a.z.com."));
    }
}
