//! How long teleconsultations are kept.

use jiff::SignedDuration;

use super::reader::Reader;

/// `None`: for ever, as in the predecessor. `in_database` is whether the records are in the database of this service.
pub(super) fn read(reader: &mut Reader<'_>, in_database: bool) -> Option<SignedDuration> {
    const DAYS: &str = "TELECONSULT_RETENTION_DAYS";
    reader.text(DAYS)?;
    if !in_database {
        reader.problem(DAYS, "needs records in the database; those in the CRUD Service belong to the platform");
    }
    let days = reader.count(DAYS, 1..=36_500, 1);
    Some(SignedDuration::from_hours(24 * days))
}
