//! Viewed a teleconsultation.

use jiff::SignedDuration;

use super::{Result, UseCaseError, UseCases};
use crate::domain::ids::TeleconsultationId;
use crate::domain::teleconsultation::{Rules, Teleconsultation};
use crate::store::Reading;

/// How long a transaction can take from its check of the window to its commit. The databases end longer ones.
const LONGEST_COMMIT: SignedDuration = SignedDuration::from_secs(20);

/// A teleconsultation as its viewers may see it.
#[derive(Debug, Clone)]
pub struct Viewed {
    /// The teleconsultation.
    pub record: Teleconsultation,
    /// Whether links are shown: the window was open when the record was read, and no earlier change can replace them.
    pub shows_links: bool,
}

impl Viewed {
    fn new(reading: Reading, rules: &Rules) -> Self {
        let shows_links = !reading.is_changing && reading.record.is_immutable(rules, reading.at);
        Self { shows_links, record: reading.record }
    }
}

/// Whether a change that was stored before the window opened may not be visible yet.
fn has_just_opened(reading: &Reading, rules: &Rules) -> bool {
    let Some(open) = reading.record.immutable_from(rules) else { return false };
    (SignedDuration::ZERO..LONGEST_COMMIT).contains(&reading.at.duration_since(open))
}

impl UseCases {
    /// Reads a teleconsultation for its viewers.
    ///
    /// # Errors
    ///
    /// [`UseCaseError::NotFound`] and the store's.
    pub async fn view(&self, id: &TeleconsultationId) -> Result<Viewed> {
        let mut reading = self.read(id).await?;
        if has_just_opened(&reading, &self.rules) {
            reading = self.store.records().get_after_changes(id).await?.ok_or(UseCaseError::NotFound)?;
        }
        Ok(Viewed::new(reading, &self.rules))
    }

    pub(super) async fn read(&self, id: &TeleconsultationId) -> Result<Reading> {
        self.store.records().get(id).await?.ok_or(UseCaseError::NotFound)
    }
}

#[cfg(test)]
mod tests {
    use bandyer_client::RoomId;
    use jiff::{SignedDuration, Timestamp};

    use super::{Viewed, has_just_opened};
    use crate::domain::ids::TeleconsultationId;
    use crate::domain::privileges::Privileges;
    use crate::domain::schedule::Schedule;
    use crate::domain::teleconsultation::{Base, Rules, Teleconsultation};
    use crate::store::Reading;

    fn reading(seconds_after_opening: i64, is_changing: bool) -> (Reading, Rules) {
        let start = Timestamp::UNIX_EPOCH + SignedDuration::from_hours(1);
        let period = SignedDuration::from_secs(60);
        let record = Teleconsultation {
            id: TeleconsultationId::generate(start),
            base: Base::At { version: 1, generation: 1 },
            schedule: Schedule::stored(start, start + SignedDuration::from_hours(1)),
            number: 0,
            participants: Vec::new(),
            room: Some(RoomId::new("room").unwrap()),
        };
        let at = start - period + SignedDuration::from_secs(seconds_after_opening);
        let rules = Rules { privileges: Privileges::default(), unlimited: true, immutable_period: period };
        (Reading { record, at, is_changing }, rules)
    }

    #[test]
    fn links_are_shown_in_the_window_unless_a_change_may_follow() {
        for (seconds, is_changing, shown) in [(-1, false, false), (0, false, true), (0, true, false), (9, true, false)]
        {
            let (reading, rules) = reading(seconds, is_changing);
            assert_eq!(Viewed::new(reading, &rules).shows_links, shown, "{seconds} {is_changing}");
        }
    }

    #[test]
    fn a_record_is_read_again_right_after_its_window_has_opened() {
        for (seconds, again) in [(-1, false), (0, true), (19, true), (20, false)] {
            let (reading, rules) = reading(seconds, false);
            assert_eq!(has_just_opened(&reading, &rules), again, "{seconds}");
        }
    }
}
