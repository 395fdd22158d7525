//! What the codes of databases mean, in words for operators.
//!
//! SQLite has numbers of at most four digits, whose low byte is the kind of error. PostgreSQL has five characters, of which the
//! first two are the class.

/// The characters of PostgreSQL's codes.
const SQLSTATE_LEN: usize = 5;

/// The meaning of a code, with the code.
pub(super) fn described(code: &str) -> String {
    format!("{} (code {code})", meaning(code))
}

/// Whether a COMMIT that ended with this code was surely not carried out. A connection that is terminated, a failure inside
/// the database and a disk that cannot be written to leave it open: the commit may be durable already.
pub(super) fn is_definite_refusal(code: &str) -> bool {
    match sqlite_kind(code) {
        Some(kind) => !matches!(kind, SQLITE_IO | SQLITE_CORRUPT),
        None => {
            code.len() == SQLSTATE_LEN
                && code != "40003"
                && !["08", "57", "58", "XX"].iter().any(|class| code.starts_with(class))
        }
    }
}

/// Whether PostgreSQL ended a transaction because of another one: serialization failure, deadlock.
pub(super) fn is_conflict(code: &str) -> bool {
    matches!(code, "40001" | "40P01")
}

/// Whether no transaction of this service can change anything: the database is read-only, or another process has locked an
/// SQLite file. (A file has one writer. If it waits for the lock, no transaction of this service has begun.)
pub(super) fn is_not_writable(code: &str) -> bool {
    match sqlite_kind(code) {
        Some(kind) => matches!(kind, SQLITE_BUSY | SQLITE_LOCKED | SQLITE_READ_ONLY),
        None => code == "25006",
    }
}

const SQLITE_BUSY: u32 = 5;
const SQLITE_LOCKED: u32 = 6;
const SQLITE_READ_ONLY: u32 = 8;
const SQLITE_IO: u32 = 10;
const SQLITE_CORRUPT: u32 = 11;

fn sqlite_kind(code: &str) -> Option<u32> {
    let number: u32 = code.parse().ok().filter(|_| code.len() < SQLSTATE_LEN)?;
    Some(number & 0xff)
}

fn meaning(code: &str) -> &'static str {
    match sqlite_kind(code) {
        Some(kind) => meaning_in_sqlite(kind),
        None => meaning_in_postgres(code),
    }
}

const fn meaning_in_sqlite(kind: u32) -> &'static str {
    match kind {
        1 => "a table or column is missing, or the statement is not valid",
        3 | 23 => "permission is denied",
        SQLITE_BUSY | SQLITE_LOCKED => "it is locked by another writer",
        7 => "it is out of memory",
        SQLITE_READ_ONLY => "it is read-only",
        SQLITE_IO => "its disk cannot be read or written",
        SQLITE_CORRUPT => "its file is damaged",
        13 => "its disk is full",
        14 => "its file cannot be opened",
        19 => "a constraint is violated",
        26 => "its file is not a database",
        _ => "it reported an error",
    }
}

fn meaning_in_postgres(code: &str) -> &'static str {
    match code {
        "25006" => "it is read-only",
        "3D000" => "there is no such database",
        "40P01" => "transactions wait for each other",
        "42501" => "permission is denied",
        "42P01" | "42703" | "3F000" => "a table, column or schema is missing",
        "53100" => "its disk is full",
        "53200" => "it is out of memory",
        "53300" => "it has too many connections",
        "55P03" => "a row is locked by another writer",
        "57014" => "the statement took too long",
        "58030" => "its disk cannot be read or written",
        _ => match code.get(..2).unwrap_or_default() {
            "08" => "the connection was lost",
            "22" => "a value does not fit",
            "23" => "a constraint is violated",
            "25" => "the transaction cannot be continued",
            "28" => "it refused the login",
            "40" => "a concurrent transaction was first",
            "42" => "the statement is not valid",
            "53" => "it is out of resources",
            "57" => "it is shutting down, starting, or ended the connection",
            "XX" => "it has an internal error or is damaged",
            _ => "it reported an error",
        },
    }
}

#[cfg(test)]
mod tests {
    use super::described;

    #[test]
    fn codes_of_both_databases_have_words() {
        for (code, words) in [
            ("5", "it is locked by another writer (code 5)"),
            ("1032", "it is read-only (code 1032)"),
            ("13", "its disk is full (code 13)"),
            ("26", "its file is not a database (code 26)"),
            ("1", "a table or column is missing, or the statement is not valid (code 1)"),
            ("40001", "a concurrent transaction was first (code 40001)"),
            ("42P01", "a table, column or schema is missing (code 42P01)"),
            ("53100", "its disk is full (code 53100)"),
            ("57P01", "it is shutting down, starting, or ended the connection (code 57P01)"),
            ("", "it reported an error (code )"),
        ] {
            assert_eq!(described(code), words);
        }
    }
}
