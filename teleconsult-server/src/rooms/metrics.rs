//! What is counted about rooms.

use metrics::{Counter, Gauge};

use crate::store::JournalCounts;
use crate::telemetry::registry::Registry;

/// Counts what happens to rooms.
#[derive(Clone)]
pub struct RoomCounters {
    /// Rooms that were requested.
    pub attempts: Counter,
    /// Rooms that were deleted because they were no longer needed.
    pub retirements: Counter,
    /// Room creations whose response was lost.
    pub unknown_outcomes: Counter,
    /// Lost rooms that were found immediately and used.
    pub adoptions: Counter,
    /// Rooms that were deleted because their creation was not reported to any caller.
    pub discards: Counter,
    /// Searches of the vendor's rooms for orphans.
    pub sweeps: Counter,
    /// Searches that did not see all rooms.
    pub partial_sweeps: Counter,
    /// Orphaned rooms found by sweeps.
    pub orphans: Counter,
}

impl RoomCounters {
    /// Registers all counters.
    #[must_use]
    pub fn register(registry: &Registry) -> Self {
        Self {
            attempts: registry.counter("teleconsult_room_attempts_total", "Rooms requested from the vendor."),
            retirements: registry
                .counter("teleconsult_room_retirements_total", "Rooms deleted because they were no longer needed."),
            unknown_outcomes: registry.counter(
                "teleconsult_room_unknown_outcomes_total",
                "Room creations whose response was lost, so that a room may exist.",
            ),
            adoptions: registry.counter(
                "teleconsult_room_adoptions_total",
                "Rooms whose creation response was lost and that were found and used.",
            ),
            discards: registry.counter(
                "teleconsult_room_discards_total",
                "Rooms deleted because their creation was not reported to any caller.",
            ),
            sweeps: registry
                .counter("teleconsult_room_sweeps_total", "Searches of the vendor's rooms for orphaned ones."),
            partial_sweeps: registry.counter(
                "teleconsult_room_partial_sweeps_total",
                "Searches of the vendor's rooms that did not see all of them.",
            ),
            orphans: registry.counter("teleconsult_room_swept_orphans_total", "Orphaned rooms found by sweeps."),
        }
    }
}

/// Counts nothing.
impl Default for RoomCounters {
    fn default() -> Self {
        let [attempts, retirements, unknown_outcomes, adoptions, discards, sweeps, partial_sweeps, orphans] =
            std::array::from_fn(|_| Counter::noop());
        Self { attempts, retirements, unknown_outcomes, adoptions, discards, sweeps, partial_sweeps, orphans }
    }
}

/// How much work the journal holds.
pub struct JournalGauges {
    open_attempts: Gauge,
    pending_retirements: Gauge,
    parked_retirements: Gauge,
    possible_leaks: Gauge,
    open_writes: Gauge,
    unreadable_rows: Gauge,
    suspects: Gauge,
    of_other_vendors: Gauge,
    records_moved: Gauge,
}

impl JournalGauges {
    /// Registers all gauges.
    #[must_use]
    pub fn register(registry: &Registry) -> Self {
        Self {
            open_attempts: registry
                .gauge("teleconsult_room_open_attempts", "Rooms requested whose outcome is not known."),
            pending_retirements: registry
                .gauge("teleconsult_room_pending_retirements", "Rooms waiting for their deletion."),
            parked_retirements: registry.gauge(
                "teleconsult_room_parked_retirements",
                "Rooms whose deletion keeps failing and is not attempted again until the next start.",
            ),
            possible_leaks: registry.gauge(
                "teleconsult_room_possible_leaks",
                "Rooms whose creation response was lost and that were never found.",
            ),
            open_writes: registry
                .gauge("teleconsult_store_open_writes", "Writes to the CRUD Service whose outcome is not known."),
            unreadable_rows: registry.gauge(
                "teleconsult_store_unreadable_rows",
                "Rows of the database that this instance cannot read and leaves out.",
            ),
            suspects: registry
                .gauge("teleconsult_room_suspects", "Rooms that sweeps saw without a record and did not delete yet."),
            of_other_vendors: registry.gauge(
                "teleconsult_room_of_other_vendors",
                "Requested rooms and deletions that wait for the address of another vendor.",
            ),
            records_moved: registry.gauge(
                "teleconsult_records_moved",
                "Whether the records are in another place than before, so that no room is deleted (0 or 1).",
            ),
        }
    }

    /// Shows these counts, and whether the records are in another place than before. Without a value, the journal could not be
    /// read, which is not the same as zero.
    pub fn set(&self, counts: Option<JournalCounts>, are_records_moved: Option<bool>) {
        let value = |count: fn(JournalCounts) -> u64| counts.map_or(f64::NAN, |counts| count(counts) as f64);
        self.open_attempts.set(value(|counts| counts.open_attempts));
        self.pending_retirements.set(value(|counts| counts.pending_retirements));
        self.parked_retirements.set(value(|counts| counts.parked_retirements));
        self.possible_leaks.set(value(|counts| counts.possible_leaks));
        self.open_writes.set(value(|counts| counts.open_writes));
        self.unreadable_rows.set(value(|counts| counts.unreadable_rows));
        self.suspects.set(value(|counts| counts.suspects));
        self.of_other_vendors.set(value(|counts| counts.of_other_vendors));
        self.records_moved.set(are_records_moved.map_or(f64::NAN, |moved| f64::from(u8::from(moved))));
    }
}

#[cfg(test)]
mod tests {
    use super::{JournalGauges, RoomCounters};
    use crate::store::JournalCounts;
    use crate::telemetry::registry::Registry;

    fn has_line(registry: &Registry, line: &str) -> bool {
        registry.render().lines().any(|shown| shown == line)
    }

    #[test]
    fn counters_start_at_zero() {
        let registry = Registry::new();
        let counters = RoomCounters::register(&registry);
        counters.discards.increment(1);
        for line in ["teleconsult_room_unknown_outcomes_total 0", "teleconsult_room_discards_total 1"] {
            assert!(has_line(&registry, line), "{line}");
        }
    }

    #[test]
    fn an_unreadable_journal_is_not_shown_as_zero() {
        let registry = Registry::new();
        let gauges = JournalGauges::register(&registry);
        let counts = JournalCounts {
            open_attempts: 2,
            pending_retirements: 1,
            suspects: 3,
            unreadable_rows: 4,
            ..JournalCounts::default()
        };
        gauges.set(Some(counts), Some(true));
        for line in [
            "teleconsult_room_open_attempts 2",
            "teleconsult_room_pending_retirements 1",
            "teleconsult_room_possible_leaks 0",
            "teleconsult_store_unreadable_rows 4",
            "teleconsult_room_suspects 3",
            "teleconsult_records_moved 1",
        ] {
            assert!(has_line(&registry, line), "{line}");
        }
        gauges.set(None, None);
        for name in ["teleconsult_room_open_attempts", "teleconsult_records_moved"] {
            assert!(has_line(&registry, &format!("{name} NaN")), "{name}");
        }
    }
}
