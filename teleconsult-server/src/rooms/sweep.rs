//! Searches the vendor's rooms for rooms of this deployment without a record.
//!
//! Attempts and the queue of deletions account for every room that a crash or a lost response leaves behind. The sweep covers
//! what they cannot know: a journal restored from a backup, a record deleted by another program, a response that arrived
//! after its attempt was given up. A room without the marker of this deployment is never touched.

use std::collections::HashSet;

use bandyer_client::RoomId;
use jiff::{SignedDuration, Timestamp};

use super::{Rooms, RunError, marker};
use crate::store::{StoreError, crash_point};
use crate::vendor::MarkedRoom;

/// How many rooms one sweep deletes at most. Orphans are rare, and a mistake must not delete all rooms of the company.
const MAX_DELETIONS: usize = 20;
/// Most pages of the vendor's list that one sweep reads: 20,000 rooms.
const MAX_PAGES: u32 = 200;

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
}

/// What is done about orphans.
#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    /// This many are deleted.
    Delete(usize),
    /// They are only reported.
    Report,
    /// There are so many that the records are more likely to be the wrong ones.
    Distrust,
}

fn verdict(orphans: usize, needed: usize, dry_run: bool) -> Verdict {
    if orphans > MAX_DELETIONS && orphans > needed {
        Verdict::Distrust
    } else if dry_run && orphans > 0 {
        Verdict::Report
    } else {
        Verdict::Delete(orphans.min(MAX_DELETIONS))
    }
}

impl Rooms {
    /// Searches all rooms once.
    ///
    /// # Errors
    ///
    /// [`RunError`], if the store or the vendor's list cannot be read.
    pub async fn sweep(&self) -> Result<(), RunError> {
        let started = self.clock.now();
        let deployment = &self.store.deployment().id;
        let found = self.vendor.rooms_from(&marker::prefix(deployment), 0, MAX_PAGES).await?;
        let marked: Vec<Candidate<'_>> = found
            .rooms
            .iter()
            .filter_map(|room| Some(Candidate { room, attempt: marker::attempt_of(&room.description, deployment)? }))
            .collect();
        let old: Vec<&Candidate<'_>> =
            marked.iter().filter(|one| one.is_older_than(self.settings.orphan_grace, started)).collect();
        let orphans = self.orphans(&old).await?;
        self.counters.sweeps.increment(1);
        let needed = old.len() - orphans.len();
        match verdict(orphans.len(), needed, self.settings.sweep_dry_run) {
            Verdict::Distrust => tracing::error!(
                orphans = orphans.len(),
                needed,
                "most rooms with the marker of this deployment belong to no record; deleting none, because the records may be \
                 the wrong ones"
            ),
            Verdict::Report => {
                for room in &orphans {
                    tracing::warn!(%room, "dry run: a room without a record would be deleted");
                }
            }
            Verdict::Delete(count) => {
                for room in &orphans[..count] {
                    crash_point!("C9");
                    tracing::warn!(%room, "deleting a room without a record");
                    let (room, now) = (room.clone(), self.clock.now());
                    self.store
                        .write(move |tx| Box::pin(async move { tx.queue_room_unless_used(&room, None, now).await }))
                        .await?;
                    self.counters.orphans.increment(1);
                    self.wake_retirement();
                }
                if found.next.is_none() && count == orphans.len() {
                    // A deleted room leaves nothing. Of a room that was too young to be examined, nothing is known yet.
                    let left = marked.iter().filter(|one| !orphans.contains(&one.room.id));
                    self.clear_leaks(started, left.map(|one| one.attempt.to_owned()).collect()).await?;
                }
            }
        }
        Ok(())
    }

    /// Those rooms that no record has, with no open attempt and not queued for deletion.
    async fn orphans(&self, candidates: &[&Candidate<'_>]) -> Result<Vec<RoomId>, StoreError> {
        let attempts: Vec<&str> = candidates.iter().map(|one| one.attempt).collect();
        let rooms: Vec<RoomId> = candidates.iter().map(|one| one.room.id.clone()).collect();
        // In this order: an attempt that is committed between two of the queries has its room in a record by the second.
        let open = self.store.read().open_attempts(&attempts).await?;
        let used = self.store.records().rooms_in_use(&rooms).await?;
        let queued: HashSet<RoomId> = self.store.read().queued_rooms(&rooms).await?;
        let orphans = candidates.iter().filter(|one| {
            let room = &one.room.id;
            !open.contains(one.attempt) && !used.contains(room) && !queued.contains(room)
        });
        Ok(orphans.map(|one| one.room.id.clone()).collect())
    }

    /// Lost attempts without a room among all rooms have left none behind.
    async fn clear_leaks(&self, swept_at: Timestamp, with_room: Vec<String>) -> Result<(), StoreError> {
        let before = swept_at.saturating_sub(self.settings.orphan_grace).unwrap_or(Timestamp::MIN);
        let cleared = self
            .store
            .write(move |tx| {
                Box::pin(async move {
                    let with_room: Vec<&str> = with_room.iter().map(String::as_str).collect();
                    tx.delete_lost_attempts(before, &with_room).await
                })
            })
            .await?;
        if cleared > 0 {
            tracing::info!(cleared, "attempts whose response was lost have left no room behind");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use bandyer_client::RoomId;
    use jiff::{SignedDuration, Timestamp};

    use super::{Candidate, MAX_DELETIONS, MarkedRoom, Verdict, verdict};
    use crate::rooms::marker::new_attempt_id;

    #[test]
    fn a_few_orphans_are_deleted_and_a_majority_is_distrusted() {
        assert_eq!(verdict(0, 0, false), Verdict::Delete(0));
        assert_eq!(verdict(3, 0, false), Verdict::Delete(3));
        assert_eq!(verdict(MAX_DELETIONS + 5, 1000, false), Verdict::Delete(MAX_DELETIONS));
        assert_eq!(verdict(MAX_DELETIONS + 1, MAX_DELETIONS, false), Verdict::Distrust);
        assert_eq!(verdict(MAX_DELETIONS + 1, MAX_DELETIONS, true), Verdict::Distrust);
        assert_eq!(verdict(3, 10, true), Verdict::Report);
        assert_eq!(verdict(0, 10, true), Verdict::Delete(0), "nothing to report");
    }

    #[test]
    fn the_age_of_a_room_is_the_vendors_date_or_else_the_marker() {
        let now = Timestamp::now();
        let (grace, attempt) = (SignedDuration::from_secs(60), new_attempt_id());
        let room = |created_at| MarkedRoom { id: RoomId::new("r").unwrap(), description: String::new(), created_at };
        let is_older = |created_at, attempt: &str, seconds| {
            let candidate = Candidate { room: &room(created_at), attempt };
            candidate.is_older_than(grace, now + SignedDuration::from_secs(seconds))
        };
        assert!(!is_older(Some(now), &attempt, 60));
        assert!(is_older(Some(now), &attempt, 61));
        assert!(!is_older(None, &attempt, 58));
        assert!(is_older(None, &attempt, 62));
        assert!(!is_older(None, "no uuid", 10_000), "of unknown age");
    }
}
