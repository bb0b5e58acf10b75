//! Who may come in: `pg_hba.conf` (PostgreSQL documentation, 21.1).

/// As the server is installed, and open to the network.
pub(super) const WITHOUT_A_FENCE: &str = "\
local   all             all                     peer
host    all             all             all     scram-sha-256
host    replication     all             all     scram-sha-256
";

/// Whether the first line that fits a role's connection to a database over the network turns it away. No line that fits
/// turns it away as well.
pub(super) fn rejects(hba: &str, role: &str) -> bool {
    let fields = |line: &'_ str| -> Vec<String> {
        let line = line.split('#').next().unwrap_or_default();
        line.split_whitespace().map(ToOwned::to_owned).collect()
    };
    let fits = |line: &&Vec<String>| match line.as_slice() {
        [kind, databases, users, ..] => {
            kind.starts_with("host") && databases == "all" && names(users, role)
        }
        _ => false,
    };
    let lines: Vec<_> = hba.lines().map(fields).collect();
    let method = lines.iter().find(fits).and_then(|line| line.get(4)).map(String::as_str);
    method.is_none_or(|method| method == "reject")
}

fn names(users: &str, role: &str) -> bool {
    users == "all" || users.split(',').any(|user| user.trim_matches('"') == role)
}

/// How many lines cannot be read.
pub(super) fn errors(hba: &str) -> usize {
    let kinds = ["local", "host", "hostssl", "hostnossl", "hostgssenc", "hostnogssenc"];
    let words = hba.lines().filter_map(|line| line.split('#').next()?.split_whitespace().next());
    words.filter(|word| !kinds.contains(word)).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_that_fits_decides() {
        let usual = "local all all peer\nhost all all all scram-sha-256\n";
        let fence = format!("host all \"app\",\"postgres\" all reject\n{usual}");
        assert!(!rejects(usual, "app"));
        assert!(rejects(&fence, "app") && !rejects(&fence, "ops"));
        assert!(rejects("host replication all all trust\n", "app"), "no line fits");
        assert_eq!((errors(usual), errors("hots all all all trust\n")), (0, 1));
    }
}
