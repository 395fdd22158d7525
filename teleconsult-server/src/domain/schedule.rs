//! When a teleconsultation takes place, and when it can no longer be changed.

use jiff::{SignedDuration, Timestamp};

/// Shortest teleconsultation, in seconds. Source: the predecessor's usage page.
pub const MIN_SECONDS: i64 = 300;
/// Longest teleconsultation that the vendor can count, in seconds: a room lives 24 hours. Checked only when a duration
/// is sent to the vendor. Source: the predecessor's overview page.
pub const MAX_SECONDS: i64 = 86_400;

/// Start and end, in that order and at least five minutes apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Schedule {
    start: Timestamp,
    end: Timestamp,
}

/// How a caller names the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// A moment (`end_date`).
    At(Timestamp),
    /// A time after the start, in seconds (`duration_in_seconds`).
    After(i64),
}

/// What a caller wants changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ScheduleChange {
    /// Another start.
    pub start: Option<Timestamp>,
    /// Another end. Without it the length stays: an appointment that starts later also ends later.
    pub end: Option<End>,
}

/// Why a schedule is refused. The texts name the field and the limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ScheduleRefusal {
    /// Negative or zero length.
    #[error("end_date must be after start_date")]
    EndsBeforeStart,
    /// Below the minimum.
    #[error("the duration must be at least 300 seconds")]
    TooShort,
    /// Above what the vendor can count.
    #[error("the duration must be at most 86400 seconds")]
    TooLong,
    /// Outside the years 1970 to 9999.
    #[error("end_date must be before the year 10000")]
    OutOfRange,
}

impl Schedule {
    /// Checks a schedule. `duration_counts` says whether the duration is sent to the vendor.
    ///
    /// # Errors
    ///
    /// [`ScheduleRefusal`], when the end is not 300 s after the start, or 24 h away where the duration counts.
    pub fn new(start: Timestamp, end: End, duration_counts: bool) -> Result<Self, ScheduleRefusal> {
        let end = match end {
            End::At(end) => end,
            End::After(seconds) => {
                start.checked_add(SignedDuration::from_secs(seconds)).map_err(|_| ScheduleRefusal::OutOfRange)?
            }
        };
        let seconds = end.duration_since(start).as_secs();
        if end <= start {
            return Err(ScheduleRefusal::EndsBeforeStart);
        }
        if seconds < MIN_SECONDS {
            return Err(ScheduleRefusal::TooShort);
        }
        if duration_counts && end.duration_since(start) > SignedDuration::from_secs(MAX_SECONDS) {
            return Err(ScheduleRefusal::TooLong);
        }
        Ok(Self { start, end })
    }

    /// A schedule that was checked when it was stored.
    #[must_use]
    pub const fn stored(start: Timestamp, end: Timestamp) -> Self {
        Self { start, end }
    }

    /// The schedule after a change, checked as a new one.
    ///
    /// # Errors
    ///
    /// As [`Schedule::new`].
    pub fn changed(self, change: ScheduleChange, duration_counts: bool) -> Result<Self, ScheduleRefusal> {
        if change == ScheduleChange::default() {
            return Ok(self);
        }
        let start = change.start.unwrap_or(self.start);
        let moved_end = || start.checked_add(self.end.duration_since(self.start)).map(End::At);
        let end = change.end.map_or_else(moved_end, Ok).map_err(|_| ScheduleRefusal::OutOfRange)?;
        Self::new(start, end, duration_counts)
    }

    /// When it starts.
    #[must_use]
    pub const fn start(self) -> Timestamp {
        self.start
    }

    /// When it ends.
    #[must_use]
    pub const fn end(self) -> Timestamp {
        self.end
    }

    /// Its length in whole seconds.
    #[must_use]
    pub fn seconds(self) -> u64 {
        u64::try_from(self.end.duration_since(self.start).as_secs()).unwrap_or_default()
    }

    /// When the window opens: from this instant on, links are shown and changes are refused.
    #[must_use]
    pub fn window_opens_at(self, immutable_period: SignedDuration) -> Timestamp {
        self.start.saturating_sub(immutable_period).unwrap_or(Timestamp::MIN)
    }
}

#[cfg(test)]
mod tests {
    use jiff::{SignedDuration, Timestamp};

    use super::{End, Schedule, ScheduleChange, ScheduleRefusal};

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    const NINE: &str = "2026-03-05T09:00:00Z";

    #[test]
    fn the_length_has_limits() {
        use ScheduleRefusal::{EndsBeforeStart, OutOfRange, TooLong, TooShort};
        let table = [
            (End::After(300), true, Ok(300)),
            (End::After(299), true, Err(TooShort)),
            (End::After(0), true, Err(EndsBeforeStart)),
            (End::After(-600), true, Err(EndsBeforeStart)),
            (End::After(86_400), true, Ok(86_400)),
            (End::After(86_401), true, Err(TooLong)),
            (End::After(86_401), false, Ok(86_401)),
            (End::After(i64::MAX), false, Err(OutOfRange)),
            (End::At(at("2026-03-05T09:05:00Z")), true, Ok(300)),
            (End::At(at("2026-03-05T09:04:59.999Z")), true, Err(TooShort)),
            (End::At(at("2026-03-06T09:00:00.001Z")), true, Err(TooLong)),
            (End::At(at("2026-03-05T08:00:00Z")), true, Err(EndsBeforeStart)),
        ];
        for (end, counts, expected) in table {
            assert_eq!(Schedule::new(at(NINE), end, counts).map(Schedule::seconds), expected, "{end:?} {counts}");
        }
    }

    #[test]
    fn a_change_keeps_what_it_does_not_name() {
        let stored = Schedule::new(at(NINE), End::After(1800), true).unwrap();
        let start = Some(at("2026-03-06T09:10:00.5Z"));
        let moved = stored.changed(ScheduleChange { start, end: None }, true).unwrap();
        assert_eq!((moved.end(), moved.seconds()), (at("2026-03-06T09:40:00.5Z"), 1800));
        let both = ScheduleChange { start, end: Some(End::At(at("2026-03-06T09:50:00.5Z"))) };
        assert_eq!(stored.changed(both, true).map(Schedule::seconds), Ok(2400));
        let longer = stored.changed(ScheduleChange { start: None, end: Some(End::After(3600)) }, true).unwrap();
        assert_eq!((longer.start(), longer.seconds()), (stored.start(), 3600));
        let late = ScheduleChange { start: Some(Timestamp::MAX), end: None };
        assert_eq!(stored.changed(late, true), Err(ScheduleRefusal::OutOfRange));
        // A stored schedule that today's limits would refuse does not block other changes.
        let long = Schedule::stored(at(NINE), at("2026-03-08T09:00:00Z"));
        assert_eq!(long.changed(ScheduleChange::default(), true), Ok(long));
    }

    #[test]
    fn the_window_opens_at_the_very_millisecond() {
        let schedule = Schedule::new(at(NINE), End::After(600), true).unwrap();
        let minute = SignedDuration::from_millis(60_000);
        for (now, open) in [
            ("2026-03-05T08:58:59.999Z", false),
            ("2026-03-05T08:59:00Z", true),
            ("2026-03-05T09:00:00Z", true),
            ("2027-01-01T00:00:00Z", true),
        ] {
            assert_eq!(schedule.window_opens_at(minute) <= at(now), open, "{now}");
        }
        assert_eq!(schedule.window_opens_at(SignedDuration::ZERO), at(NINE));
        assert_eq!(schedule.window_opens_at(SignedDuration::MAX), Timestamp::MIN);
    }
}
