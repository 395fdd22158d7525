//! Searches the vendor's rooms for rooms of this deployment without a record.
//!
//! Attempts and the queue of deletions account for every room that a crash or a lost response leaves behind. The sweep covers
//! what they cannot know: a journal restored from a backup, a record deleted by another program, a response that arrived
//! after its attempt was given up. A room without the marker of this deployment is never touched.
//!
//! A room of an attempt that the journal knows as lost is deleted at once: nothing else can have become of it. Every other
//! room without a record becomes a suspect first, because one look may be wrong, such as one at the wrong collection. It is
//! deleted at the end of a pass through the whole list, if an earlier look saw it without a record too, and if most rooms of
//! the pass are needed.
//!
//! A pass through a long list takes several sweeps, each of which continues where the one before it ended, and also looks at
//! the newest rooms. While the list changes, a pass may miss a room or count one twice; the next pass is another look.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};

use bandyer_client::RoomId;
use jiff::{SignedDuration, Timestamp};

use super::search::CLOCK_TOLERANCE;
use super::{Rooms, RunError, marker};
use crate::base::steadiness::Steadiness;
use crate::store::{StoreError, Suspect, SweepPass, crash_point};
use crate::vendor::{MarkedRoom, Search};

/// How many suspects one pass deletes at most. Orphans are rare, and a mistake must not delete all rooms of the company.
const MAX_DELETIONS: usize = 20;
/// How many pages of the list one sweep reads of its pass: 10,000 rooms.
const PASS_PAGES: u32 = 100;
/// How many pages with new rooms it reads in addition, if its pass is longer.
const NEW_PAGES: u32 = 20;
/// How long a deleted room is remembered. Reading a part of the list takes minutes at most.
const GONE_KEPT_FOR: SignedDuration = SignedDuration::from_hours(1);

/// A vendor room with the marker of this deployment.
struct Candidate<'a> {
    room: &'a MarkedRoom,
    /// The attempt that the marker names.
    attempt: &'a str,
}

impl Candidate<'_> {
    /// Whether the room is older than the grace period. If the vendor returns no date, the attempt's id has the time.
    fn is_older_than(&self, grace: SignedDuration, now: Timestamp) -> bool {
        let created = self.room.created_at.or_else(|| marker::begun_at(self.attempt));
        created.is_some_and(|created| now.duration_since(created) > grace)
    }

    fn standing(&self, known: &Known, grace: SignedDuration, now: Timestamp) -> Standing {
        if known.used.contains(&self.room.id) {
            Standing::Needed
        } else if known.open.contains(self.attempt) || known.queued.contains(&self.room.id) {
            Standing::Unsettled
        } else if known.lost.contains(self.attempt) {
            Standing::Lost
        } else if self.is_older_than(grace, now) {
            Standing::Suspect
        } else {
            Standing::Unsettled
        }
    }
}

/// What the journal and the records know about rooms and their attempts.
#[derive(Default)]
struct Known {
    open: HashSet<String>,
    lost: HashSet<String>,
    used: HashSet<RoomId>,
    /// Queued for deletion, or deleted since the list was read.
    queued: HashSet<RoomId>,
}

/// What a room is, at one look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    /// A record has it.
    Needed,
    /// Its attempt is open, it is being deleted, or it is too young.
    Unsettled,
    /// Its attempt was given up, so that no record can ever have it.
    Lost,
    /// No record or attempt has it.
    Suspect,
}

/// What is done about suspects at the end of a pass.
#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    /// This many of the confirmed ones are deleted.
    Delete(usize),
    /// The confirmed ones are only reported.
    Report,
    /// They are left alone: it is more likely that the records are the wrong ones.
    Doubt,
}

/// `confirmed` of the `suspects` were seen by two looks a grace period apart.
fn verdict(suspects: usize, confirmed: usize, needed: u64, dry_run: bool) -> Verdict {
    if confirmed == 0 {
        Verdict::Delete(0)
    } else if needed == 0 || suspects as u64 > needed {
        Verdict::Doubt
    } else if dry_run {
        Verdict::Report
    } else {
        Verdict::Delete(confirmed.min(MAX_DELETIONS))
    }
}

fn is_confirmed(suspect: &Suspect, grace: SignedDuration) -> bool {
    suspect.last_seen_at.duration_since(suspect.first_seen_at) >= grace
}

/// What is remembered between two sweeps: what is reported once, when it begins, and how the clock went on.
#[derive(Default)]
pub(super) struct Notices {
    doubt: AtomicBool,
    long_list: AtomicBool,
    unreadable_rooms: AtomicBool,
    clock: Steadiness,
}

/// Whether a state has just begun.
fn begins(known: &AtomicBool, now: bool) -> bool {
    !known.swap(now, Ordering::Relaxed) && now
}

impl Rooms {
    /// Reads a part of the vendor's list, and decides about suspects at the end of the list.
    ///
    /// # Errors
    ///
    /// [`RunError`], if the store or the vendor's list cannot be read.
    pub async fn sweep(&self) -> Result<(), RunError> {
        let now = self.store.read().now().await?;
        self.store.write(move |tx| Box::pin(async move { tx.forget_gone_rooms(GONE_KEPT_FOR).await })).await?;
        if self.are_records_moved().await? {
            return Ok(());
        }
        if self.sweep_notices.clock.observe(now).has_stepped() {
            // Two looks that are a moment apart would seem to be a grace period apart.
            self.store.write(|tx| Box::pin(tx.forget_looks())).await?;
        }
        let started = SweepPass { started_at: now, next_offset: 0, needed: 0 };
        let mut pass = self.store.read().sweep_pass().await?.unwrap_or(started);
        let prefix = marker::prefix(&self.store.deployment().id);
        let part = self.vendor.rooms_from(&prefix, pass.next_offset, PASS_PAGES).await?;
        let saw_all_rooms = pass.next_offset == 0 && part.next.is_none();
        if !saw_all_rooms {
            self.look_at_new_rooms(&prefix, now).await?;
        }
        pass.needed += self.examine(&part.rooms, now).await?;
        self.counters.sweeps.increment(1);
        self.note_long_list(!saw_all_rooms);
        self.note_unreadable_rooms(part.skipped);
        match part.next {
            Some(next) => {
                pass.next_offset = next;
                self.store.write(move |tx| Box::pin(async move { tx.save_pass(pass).await })).await?;
            }
            None => self.end_pass(pass).await?,
        }
        Ok(())
    }

    /// A pass through a long list comes to a new room late.
    async fn look_at_new_rooms(&self, prefix: &str, now: Timestamp) -> Result<(), RunError> {
        let interval = SignedDuration::try_from(self.settings.sweep_interval).unwrap_or(SignedDuration::MAX);
        // A room is looked at again when it is old enough, so at least once between two sweeps after the grace period.
        let age = self.settings.orphan_grace.saturating_add(interval.saturating_mul(2)).saturating_add(CLOCK_TOLERANCE);
        let not_before = now.saturating_sub(age).unwrap_or(Timestamp::MIN);
        let search = Search { prefix, not_before, max_pages: NEW_PAGES, first_only: false };
        let found = self.vendor.search_rooms(search).await?;
        self.examine(&found.rooms, now).await?;
        Ok(())
    }

    fn note_long_list(&self, is_long: bool) {
        if is_long {
            self.counters.partial_sweeps.increment(1);
        }
        if begins(&self.sweep_notices.long_list, is_long) {
            let rooms = PASS_PAGES * 100;
            tracing::warn!(
                rooms,
                "a sweep cannot see all rooms of the company; each one continues where the last one ended, and looks at new \
                 rooms"
            );
        }
    }

    fn note_unreadable_rooms(&self, skipped: u64) {
        if skipped > 0 {
            self.counters.partial_sweeps.increment(1);
        }
        if begins(&self.sweep_notices.unreadable_rooms, skipped > 0) {
            tracing::warn!(
                rooms = skipped,
                "the video provider lists rooms without an id; a sweep cannot look at them"
            );
        }
    }

    /// Notes what these rooms are, and returns how many of them are needed.
    async fn examine(&self, rooms: &[MarkedRoom], now: Timestamp) -> Result<u64, RunError> {
        let deployment = &self.store.deployment().id;
        let candidates: Vec<Candidate<'_>> = rooms
            .iter()
            .filter_map(|room| Some(Candidate { room, attempt: marker::attempt_of(&room.description, deployment)? }))
            .collect();
        if candidates.is_empty() {
            return Ok(0);
        }
        let known = self.known(&candidates).await?;
        let (mut needed, mut suspects) = (Vec::new(), Vec::new());
        for candidate in &candidates {
            let room = candidate.room.id.clone();
            match candidate.standing(&known, self.settings.orphan_grace, now) {
                Standing::Needed => needed.push(room),
                Standing::Unsettled => {}
                Standing::Lost => self.delete_lost_room(candidate.attempt, room).await?,
                Standing::Suspect => suspects.push(room),
            }
        }
        let count = needed.len() as u64;
        self.store
            .write(move |tx| {
                Box::pin(async move {
                    tx.clear_suspects(&needed).await?;
                    tx.add_suspects(&suspects, now).await
                })
            })
            .await?;
        Ok(count)
    }

    async fn known(&self, candidates: &[Candidate<'_>]) -> Result<Known, StoreError> {
        let attempts: Vec<&str> = candidates.iter().map(|one| one.attempt).collect();
        let rooms: Vec<RoomId> = candidates.iter().map(|one| one.room.id.clone()).collect();
        // In this order: what an attempt or a record loses between two of the queries is found by the one that follows.
        let open = self.store.read().open_attempts(&attempts).await?;
        let lost = self.store.read().lost_attempts(&attempts).await?;
        let used = self.store.records().rooms_in_use(&rooms).await?;
        let queued = self.store.read().queued_rooms(&rooms).await?;
        Ok(Known { open, lost, used, queued })
    }

    async fn delete_lost_room(&self, attempt: &str, room: RoomId) -> Result<(), StoreError> {
        if self.settings.sweep_dry_run {
            tracing::warn!(%room, "dry run: a room without a record would be deleted");
            return Ok(());
        }
        crash_point!("C9");
        tracing::warn!(%room, attempt, "deleting the room of an attempt that was given up");
        let attempt = attempt.to_owned();
        self.store.write(move |tx| Box::pin(async move { tx.queue_lost_room(&attempt, &room).await })).await?;
        self.counters.orphans.increment(1);
        self.wake_retirement();
        Ok(())
    }

    /// Decides about the suspects, now that all rooms were seen.
    async fn end_pass(&self, pass: SweepPass) -> Result<(), RunError> {
        self.store.write(move |tx| Box::pin(async move { tx.clear_unseen_suspects(pass.started_at).await })).await?;
        let suspects = self.store.read().suspects().await?;
        let is_old = |suspect: &&Suspect| is_confirmed(suspect, self.settings.orphan_grace);
        let confirmed = suspects.iter().filter(is_old).map(|suspect| suspect.room.clone()).collect();
        let confirmed = self.without_known_rooms(confirmed).await?;
        let (count, needed) = (suspects.len(), pass.needed);
        let verdict = verdict(count, confirmed.len(), needed, self.settings.sweep_dry_run);
        let is_in_doubt = verdict == Verdict::Doubt;
        if begins(&self.sweep_notices.doubt, is_in_doubt) {
            tracing::warn!(
                orphans = count,
                needed,
                "rooms with the marker of this deployment belong to no record, and too few belong to one; deleting none, \
                 because the records may be the wrong ones. Check DATABASE_URL, DATA_DIR, or CRUD_SERVICE_URL and \
                 TELECONSULTATIONS_CRUD_NAME"
            );
        }
        match verdict {
            Verdict::Doubt => {}
            Verdict::Report => {
                for room in &confirmed {
                    tracing::warn!(%room, "dry run: a room without a record would be deleted");
                }
            }
            Verdict::Delete(count) => {
                for room in confirmed.into_iter().take(count) {
                    self.delete_suspect(room).await?;
                }
            }
        }
        if !self.settings.sweep_dry_run {
            self.clear_leaks(pass.started_at).await?;
        }
        self.store.write(|tx| Box::pin(tx.end_pass())).await?;
        Ok(())
    }

    /// A pass takes its time, and a record may have got its room in the meantime.
    async fn without_known_rooms(&self, mut rooms: Vec<RoomId>) -> Result<Vec<RoomId>, StoreError> {
        let used = self.store.records().rooms_in_use(&rooms).await?;
        let queued = self.store.read().queued_rooms(&rooms).await?;
        rooms.retain(|room| !used.contains(room) && !queued.contains(room));
        Ok(rooms)
    }

    async fn delete_suspect(&self, room: RoomId) -> Result<(), StoreError> {
        crash_point!("C9");
        tracing::warn!(%room, "deleting a room without a record");
        self.store
            .write(move |tx| {
                Box::pin(async move {
                    tx.queue_room_unless_used(&room, None).await?;
                    tx.clear_suspects(&[room]).await
                })
            })
            .await?;
        self.counters.orphans.increment(1);
        self.wake_retirement();
        Ok(())
    }

    /// Lost attempts without a room among all rooms have left none behind. Those with one were ended when it was seen.
    async fn clear_leaks(&self, pass_started_at: Timestamp) -> Result<(), StoreError> {
        let before = pass_started_at.saturating_sub(self.settings.orphan_grace).unwrap_or(Timestamp::MIN);
        let cleared =
            self.store.write(move |tx| Box::pin(async move { tx.delete_lost_attempts(before).await })).await?;
        if cleared > 0 {
            tracing::info!(cleared, "attempts whose response was lost have left no room behind");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicBool;

    use bandyer_client::RoomId;
    use jiff::{SignedDuration, Timestamp};

    use super::{
        Candidate, Known, MAX_DELETIONS, MarkedRoom, Standing, Suspect, Verdict, begins, is_confirmed, verdict,
    };
    use crate::rooms::marker::new_attempt_id;

    const GRACE: SignedDuration = SignedDuration::from_secs(60);

    #[test]
    fn suspects_are_deleted_only_while_most_rooms_are_needed() {
        for (suspects, confirmed, needed, dry_run, expected) in [
            (0, 0, 0, false, Verdict::Delete(0)),
            (1, 1, 0, false, Verdict::Doubt),
            (1, 1, 1, false, Verdict::Delete(1)),
            (2, 1, 1, false, Verdict::Doubt),
            (2, 1, 1, true, Verdict::Doubt),
            (3, 0, 0, false, Verdict::Delete(0)),
            (18, 18, 2, false, Verdict::Doubt),
            (25, 25, 1000, false, Verdict::Delete(MAX_DELETIONS)),
            (3, 3, 10, true, Verdict::Report),
            (0, 0, 10, true, Verdict::Delete(0)),
        ] {
            assert_eq!(verdict(suspects, confirmed, needed, dry_run), expected, "{suspects} {confirmed} {needed}");
        }
    }

    fn room(created_at: Option<Timestamp>) -> MarkedRoom {
        MarkedRoom { id: RoomId::new("r").unwrap(), description: String::new(), created_at }
    }

    #[test]
    fn a_room_is_what_is_known_about_it_in_this_order() {
        let (now, old) = (Timestamp::now(), Timestamp::UNIX_EPOCH);
        let set = |is: bool| if is { [RoomId::new("r").unwrap()].into() } else { Default::default() };
        let attempts = |is: bool| if is { ["a".to_owned()].into() } else { Default::default() };
        for (used, open, queued, lost, created, expected) in [
            (true, true, true, true, old, Standing::Needed),
            (false, true, false, true, old, Standing::Unsettled),
            (false, false, true, true, old, Standing::Unsettled),
            (false, false, false, true, now, Standing::Lost),
            (false, false, false, false, old, Standing::Suspect),
            (false, false, false, false, now, Standing::Unsettled),
        ] {
            let known = Known { open: attempts(open), lost: attempts(lost), used: set(used), queued: set(queued) };
            let room = room(Some(created));
            let candidate = Candidate { room: &room, attempt: "a" };
            assert_eq!(candidate.standing(&known, GRACE, now), expected, "{used} {open} {queued} {lost}");
        }
    }

    #[test]
    fn two_looks_confirm_a_suspect_if_they_are_a_grace_apart() {
        for (seconds, expected) in [(0, false), (59, false), (60, true), (3600, true), (-60, false)] {
            let first_seen_at = Timestamp::UNIX_EPOCH;
            let last_seen_at = first_seen_at + SignedDuration::from_secs(seconds);
            let suspect = Suspect { room: RoomId::new("r").unwrap(), first_seen_at, last_seen_at };
            assert_eq!(is_confirmed(&suspect, GRACE), expected, "{seconds}");
        }
    }

    #[test]
    fn a_state_is_reported_when_it_begins() {
        let known = AtomicBool::default();
        assert_eq!([false, true, true, false, true].map(|now| begins(&known, now)), [false, true, false, false, true]);
    }

    #[test]
    fn the_age_of_a_room_is_the_vendors_date_or_else_the_marker() {
        let (now, attempt) = (Timestamp::now(), new_attempt_id());
        let is_older = |created_at, attempt: &str, seconds| {
            let room = room(created_at);
            let candidate = Candidate { room: &room, attempt };
            candidate.is_older_than(GRACE, now + SignedDuration::from_secs(seconds))
        };
        assert!(!is_older(Some(now), &attempt, 60));
        assert!(is_older(Some(now), &attempt, 61));
        assert!(!is_older(None, &attempt, 58));
        assert!(is_older(None, &attempt, 62));
        assert!(!is_older(None, "no uuid", 10_000), "of unknown age");
    }
}
