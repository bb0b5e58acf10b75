//! A fence in `pg_hba.conf`: lines before all others that turn every role away but one. Taking them out leaves the file
//! as it was.
//!
//! Connections for replication are of no database, so that `all` does not mean them (documentation, 21.1): standbys
//! still get what there is.

const BEGIN: &str = "# failover: fence. All roles but the one that put it here are turned away until these lines are taken";
const MORE: &str =
    "# out and the configuration is loaded again: `postgres.fence` with `fenced: false` does both.";
const END: &str = "# failover: end of the fence";

/// The file with a fence around it that lets nobody in of these roles.
pub(super) fn fenced(text: &str, roles: &[String]) -> String {
    let name = |role: &String| format!("\"{}\"", role.replace('"', "\"\""));
    let names = roles.iter().map(name).collect::<Vec<_>>().join(",");
    let lines = format!("local all {names} reject\nhost all {names} all reject");
    format!("{BEGIN}\n{MORE}\n{lines}\n{END}\n{}", opened(text))
}

/// The file without the fence.
pub(super) fn opened(text: &str) -> &str {
    let inside = text.strip_prefix(BEGIN).and_then(|rest| rest.split_once(END));
    inside.map_or(text, |(_, rest)| rest.strip_prefix('\n').unwrap_or(rest))
}

pub(super) fn is_fenced(text: &str) -> bool {
    opened(text).len() != text.len()
}

/// One of the roles that the fence turns away.
pub(super) fn turned_away(text: &str) -> Option<String> {
    let fence = text.strip_suffix(opened(text))?;
    let line = fence.lines().find_map(|line| line.strip_prefix("host all \""))?;
    let end = line.find("\" all reject").or_else(|| line.find("\",\""))?;
    let first = line[..end].split("\",\"").next()?;
    Some(first.replace("\"\"", "\""))
}

/// The statement that writes a file on the server, or why it cannot hold this text. `COPY` writes each row as a line;
/// signs that no such file holds stand for its own.
pub(super) fn write(path: &str, text: &str) -> Result<String, String> {
    if let Some(sign) = text.chars().find(|c| matches!(c, '\r' | '\u{1}' | '\u{2}' | '\0')) {
        return Err(format!("{path} holds the sign {sign:?}, which cannot be written"));
    }
    let lines = super::server::literal(text.strip_suffix('\n').unwrap_or(text));
    Ok(format!(
        "copy (select nullif(line, '') from unnest(string_to_array({lines}, E'\\n')) with ordinality as file(line, number) order by number) to {} (format csv, delimiter E'\\x01', quote E'\\x02', escape E'\\x02')",
        super::server::literal(path)
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "# ours\nlocal all all peer\n\nhost all all all scram-sha-256\n";

    #[test]
    fn a_fence_is_put_before_everything_and_taken_out_again() {
        let roles = ["app".to_owned(), "o\"dd".to_owned()];
        let fence = fenced(FILE, &roles);
        assert!(fence.ends_with(FILE));
        assert!(fence.contains("\nhost all \"app\",\"o\"\"dd\" all reject\n"), "{fence}");
        assert!(is_fenced(&fence) && !is_fenced(FILE));
        assert_eq!(opened(&fence), FILE);
        assert_eq!(fenced(&fence, &roles), fence, "there is one fence");
        assert_eq!(turned_away(&fence).as_deref(), Some("app"));
        assert_eq!(turned_away(&fenced(FILE, &["o\"dd".to_owned()])).as_deref(), Some("o\"dd"));
        assert_eq!(turned_away(FILE), None);
    }

    #[test]
    fn a_file_is_written_as_one_statement() {
        let statement = write("/etc/it's", FILE).unwrap();
        assert!(statement.contains("to '/etc/it''s' (format csv"), "{statement}");
        assert!(write("/etc/x", "host\r\n").unwrap_err().contains("'\\r'"));
    }
}
