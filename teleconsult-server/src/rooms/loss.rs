//! When a room counts as lost at the vendor.
//!
//! One "not found" is weak evidence: the part of the vendor's systems that responds may be behind the others, or be the wrong
//! one after a fail-over, and a room that is replaced takes its link from people who are in a call. So the vendor must not
//! find the room at several looks over some time. Before the window opens no participant has the link yet, and two looks suffice.
//! Inside it a participant may be connected, which cannot be known of a room that cannot be read, so it takes longer.
//!
//! What is counted here is kept in memory only: after a restart, or at another instance, the count begins again, which delays
//! a new room and destroys nothing.

use std::collections::HashMap;
use std::hash::Hash;
use std::time::Duration;

use bandyer_client::RoomId;
use jiff::{SignedDuration, Timestamp};

use crate::base::backoff::Backoff;
use crate::domain::ids::TeleconsultationId;

/// How many looks must miss a room before its window opens.
const MISSES_BEFORE: u32 = 2;
/// How many inside it. They span the whole time, because each of them counts at most once in a third of it.
const MISSES_INSIDE: u32 = 4;
/// Misses that are further apart say nothing together.
const FORGOTTEN_AFTER: SignedDuration = SignedDuration::from_hours(1);
/// The wait between two repairs of one teleconsultation. The first is short, because a participant waits for the link.
const BACKOFF: Backoff = Backoff::new(Duration::from_secs(30), Duration::from_secs(3600));
/// After how long without a repair the wait is short again.
const BACKOFF_KEPT_FOR: SignedDuration = SignedDuration::from_hours(24);
/// How long a lost room is remembered: no teleconsultation waits longer for its next room.
const LOST_KEPT_FOR: SignedDuration = SignedDuration::from_hours(24);
/// At how many entries old ones are removed.
const PRUNE_AT: usize = 1024;

/// The looks that missed a room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Misses {
    count: u32,
    last: Timestamp,
}

impl Misses {
    /// After another miss. `time` is how long misses must last inside the window.
    fn and_at(before: Option<Self>, now: Timestamp, time: SignedDuration) -> Self {
        match before {
            Some(Self { count, last }) if now.duration_since(last) <= FORGOTTEN_AFTER && now >= last => {
                let counts = now.duration_since(last) >= time / 3;
                if counts { Self { count: count + 1, last: now } } else { Self { count, last } }
            }
            _ => Self { count: 1, last: now },
        }
    }

    const fn are_enough(self, window_is_open: bool) -> bool {
        self.count >= if window_is_open { MISSES_INSIDE } else { MISSES_BEFORE }
    }
}

/// The repairs of a teleconsultation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Repairs {
    count: u32,
    last: Timestamp,
}

impl Repairs {
    fn allow_another(self, now: Timestamp) -> bool {
        let wait = SignedDuration::try_from(BACKOFF.after(self.count - 1)).unwrap_or(SignedDuration::MAX);
        // A clock that was set back must not stop repairs.
        now.duration_since(self.last).abs() >= wait
    }
}

/// What was seen of rooms, and what was done about it.
#[derive(Debug, Default)]
pub(super) struct Observed {
    misses: HashMap<RoomId, Misses>,
    repairs: HashMap<TeleconsultationId, Repairs>,
    /// Rooms that turned out to be lost, and when.
    lost: HashMap<RoomId, Timestamp>,
}

impl Observed {
    /// Notes that a room turned out to be lost.
    pub(super) fn lost(&mut self, room: &RoomId, now: Timestamp) {
        prune(&mut self.lost, |since| now.duration_since(*since) <= LOST_KEPT_FOR);
        self.lost.insert(room.clone(), now);
    }

    /// Whether a room turned out to be lost.
    pub(super) fn is_lost(&self, room: &RoomId) -> bool {
        self.lost.contains_key(room)
    }

    /// Notes that the vendor found a room.
    pub(super) fn found(&mut self, room: &RoomId) {
        self.misses.remove(room);
        self.lost.remove(room);
    }

    /// Notes that the vendor did not find a room. Whether this has happened often enough.
    pub(super) fn missed(&mut self, room: &RoomId, window_is_open: bool, now: Timestamp, time: SignedDuration) -> bool {
        prune(&mut self.misses, |misses| now.duration_since(misses.last) <= FORGOTTEN_AFTER);
        let misses = Misses::and_at(self.misses.get(room).copied(), now, time);
        self.misses.insert(room.clone(), misses);
        misses.are_enough(window_is_open)
    }

    /// Notes that a repair begins, unless the last one was too short a time ago.
    pub(super) fn begin_repair(&mut self, record: &TeleconsultationId, now: Timestamp) -> bool {
        prune(&mut self.repairs, |repairs| now.duration_since(repairs.last) <= BACKOFF_KEPT_FOR);
        let before = self.repairs.get(record).filter(|repairs| now.duration_since(repairs.last) <= BACKOFF_KEPT_FOR);
        if before.is_some_and(|repairs| !repairs.allow_another(now)) {
            return false;
        }
        let count = before.map_or(0, |repairs| repairs.count) + 1;
        self.repairs.insert(record.clone(), Repairs { count, last: now });
        true
    }
}

fn prune<K: Eq + Hash, V>(entries: &mut HashMap<K, V>, is_kept: impl Fn(&V) -> bool) {
    if entries.len() >= PRUNE_AT {
        entries.retain(|_, value| is_kept(value));
    }
}

#[cfg(test)]
mod tests {
    use bandyer_client::RoomId;
    use jiff::{SignedDuration, Timestamp};

    use super::Observed;
    use crate::domain::ids::TeleconsultationId;

    const TIME: SignedDuration = SignedDuration::from_secs(120);

    fn at(second: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + SignedDuration::from_secs(second)
    }

    /// At which of these seconds a room counts as lost, if the vendor finds it at none of them.
    fn lost_at(seconds: &[i64], window_is_open: bool) -> Vec<i64> {
        let (mut observed, room) = (Observed::default(), RoomId::new("r").unwrap());
        let is_lost = |second: &&i64| observed.missed(&room, window_is_open, at(**second), TIME);
        seconds.iter().filter(is_lost).copied().collect()
    }

    #[test]
    fn a_room_is_lost_after_several_misses_over_time() {
        assert_eq!(lost_at(&[0, 1, 2, 39, 40, 41], false), [40, 41]);
        assert_eq!(lost_at(&[0, 40, 80, 81, 119, 120], true), [120]);
        assert_eq!(lost_at(&[0; 20], true), [0_i64; 0], "many at once are one");
        assert_eq!(lost_at(&[0, 1000, 2000, 3000], true), [3000]);
        assert_eq!(lost_at(&[0, 4000], false), [0_i64; 0], "too far apart");
        assert_eq!(lost_at(&[5000, 0, 40], false), [40], "after the clock was set back");
    }

    #[test]
    fn a_look_that_finds_the_room_begins_the_count_again() {
        let (mut observed, room) = (Observed::default(), RoomId::new("r").unwrap());
        assert!(!observed.missed(&room, false, at(0), TIME));
        observed.lost(&room, at(0));
        observed.found(&room);
        assert!(!observed.is_lost(&room) && !observed.missed(&room, false, at(100), TIME));
        assert!(observed.missed(&room, false, at(140), TIME));
    }

    #[test]
    fn repairs_of_a_teleconsultation_are_further_and_further_apart() {
        let (mut observed, id) = (Observed::default(), TeleconsultationId::generate(at(0)));
        let begun: Vec<i64> = (0..400).filter(|second| observed.begin_repair(&id, at(*second))).collect();
        assert_eq!(begun, [0, 30, 90, 210]);
        assert!(observed.begin_repair(&id, at(100_000)), "a day later");
        assert!(observed.begin_repair(&id, at(100_030)), "the wait is short again");
        let other = TeleconsultationId::generate(at(1));
        assert!(observed.begin_repair(&other, at(0)));
    }
}
