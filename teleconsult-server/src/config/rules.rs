//! The business rules.

use jiff::SignedDuration;

use super::reader::Reader;
use crate::domain::privileges::Privileges;
use crate::domain::teleconsultation::Rules;

/// Rooms have no call time limit unless the operator sets one, as in the predecessor.
const DEFAULT_UNLIMITED: bool = true;
/// In milliseconds. Links are shown immediately and changes are accepted until the start, as in the predecessor.
const DEFAULT_IMMUTABLE_PERIOD_MS: f64 = 0.0;
/// One year, in milliseconds. The period is subtracted from dates, and a longer one is surely a mistake.
const MAX_IMMUTABLE_PERIOD_MS: f64 = 31_536_000_000.0;

pub(super) fn read(reader: &mut Reader<'_>, privileges: Privileges) -> Rules {
    let unlimited = reader.boolean("UNLIMITED_TELECONSULTATION", DEFAULT_UNLIMITED);
    let period_ms = reader.number("IMMUTABLE_PERIOD_MS", DEFAULT_IMMUTABLE_PERIOD_MS);
    if !(0.0..=MAX_IMMUTABLE_PERIOD_MS).contains(&period_ms) {
        reader.problem("IMMUTABLE_PERIOD_MS", "must be from 0 to 31536000000 (one year)");
    }
    Rules { privileges, unlimited, immutable_period: SignedDuration::from_millis(period_ms as i64) }
}
