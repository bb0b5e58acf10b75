//! Which statements of SQL change nothing. Only what stands in the list below is one of them.

/// The functions that a read may call: they tell, and do nothing (PostgreSQL documentation, 9.27 "System Administration
/// Functions" and 9.26 "System Information Functions").
const TELL: [&str; 20] = [
    "current_setting",
    "has_function_privilege",
    "has_parameter_privilege",
    "now",
    "pg_backend_pid",
    "pg_conf_load_time",
    "pg_control_checkpoint",
    "pg_control_system",
    "pg_current_wal_lsn",
    "pg_get_wal_replay_pause_state",
    "pg_has_role",
    "pg_is_in_recovery",
    "pg_last_wal_receive_lsn",
    "pg_last_wal_replay_lsn",
    "pg_last_xact_replay_timestamp",
    "pg_postmaster_start_time",
    "pg_read_file",
    "pg_stat_file",
    "pg_walfile_name",
    "upper",
];

/// What makes a `select` more than a question.
const DO: [&str; 4] = ["into", "for", "with", "lock"];

/// Whether a statement can change nothing.
pub(super) fn is_read(sql: &str) -> bool {
    let bare = without_literals(&sql.to_ascii_lowercase());
    let mut words = words(&bare).peekable();
    if words.peek().map(|(word, _)| *word) != Some("select") || bare.contains(';') {
        return false;
    }
    words.all(|(word, is_called)| !DO.contains(&word) && (!is_called || TELL.contains(&word)))
}

/// The text without what stands in quotes. One that is never closed ends the text.
fn without_literals(sql: &str) -> String {
    let is_outside = |(at, piece): (usize, &str)| (at % 2 == 0).then(|| piece.to_owned());
    sql.split('\'').enumerate().filter_map(is_outside).collect::<Vec<_>>().join("''")
}

/// Every word, and whether it is called.
fn words(sql: &str) -> impl Iterator<Item = (&str, bool)> {
    let is_letter = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let mut rest = sql;
    std::iter::from_fn(move || {
        rest = &rest[rest.find(is_letter)?..];
        let end = rest.find(|c| !is_letter(c)).unwrap_or(rest.len());
        let (word, after) = rest.split_at(end);
        rest = after;
        Some((word, after.trim_start().starts_with('(')))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_question_that_calls_nothing_but_what_tells_is_a_read() {
        let table = [
            ("select pg_is_in_recovery() as in_recovery", true),
            ("select slot_name from pg_replication_slots where active = 'f'", true),
            ("SELECT pg_walfile_name(pg_current_wal_lsn())", true),
            ("select current_setting('pg_promote()')", true),
            ("select pg_promote(true, 60)", false),
            ("select PG_PROMOTE (true)", false),
            ("select pg_terminate_backend(pid) from pg_stat_activity", false),
            ("select 'a'; drop table users", false),
            ("select '''; ' || pg_reload_conf()", false),
            ("select 1 into loot", false),
            ("select 1 for update", false),
            ("with gone as (delete from users returning 1) select 1", false),
            ("alter system set work_mem = '4MB'", false),
            ("checkpoint", false),
            ("copy (select 1) to '/etc/passwd'", false),
            ("", false),
        ];
        for (sql, expected) in table {
            assert_eq!(is_read(sql), expected, "{sql}");
        }
    }
}
