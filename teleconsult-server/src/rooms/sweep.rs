//! Looks through the vendor's rooms for those of ours that nobody needs.
//!
//! Attempts and the queue of deletions account for every room that a crash or a lost answer leaves behind. The sweep is
//! for what is outside their reach: a journal that was restored from a copy, a record that was deleted behind our back,
//! an answer that came after its attempt was given up. A room without our marker is never touched.

use jiff::{SignedDuration, Timestamp};
use tokio_util::sync::CancellationToken;

use super::{Rooms, RoundError, marker};
use crate::base::crash_points::crash_point;
use crate::store::{Candidate, Duty};
use crate::vendor::MarkedRoom;

/// How many rooms one sweep deletes at most. Orphans come one by one; a mistake must not empty the vendor.
const MOST: usize = 20;

/// How old a room is at least. Where the vendor does not say, the attempt's id tells when it was asked for.
fn is_older_than(room: &MarkedRoom, attempt: &str, grace: SignedDuration, now: Timestamp) -> bool {
    let made = room.created_at.or_else(|| marker::begun_at(attempt));
    made.is_some_and(|made| now.duration_since(made) > grace)
}

/// What is to be done about orphans.
#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    /// So many of them are deleted.
    Delete(usize),
    /// They are only told of.
    Tell,
    /// There are so many that it is more likely that the records are not the right ones.
    Distrust,
}

fn verdict(orphans: usize, needed: usize, dry_run: bool) -> Verdict {
    if orphans > MOST && orphans > needed {
        Verdict::Distrust
    } else if dry_run && orphans > 0 {
        Verdict::Tell
    } else {
        Verdict::Delete(orphans.min(MOST))
    }
}

impl Rooms {
    /// Sweeps when it is due, until it is told to end. Of several instances one does it, and none right after its start, when there is
    /// enough to do.
    pub async fn keep_sweeping(&self, end: &CancellationToken) {
        let interval = self.settings.sweep_interval;
        let mut rounds = tokio::time::interval_at(tokio::time::Instant::now() + interval, interval);
        rounds.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        while end.run_until_cancelled(rounds.tick()).await.is_some() {
            if let Err(error) = self.sweep_if_due().await {
                self.counters.failed(&error);
                tracing::warn!(error = %error, "the vendor's rooms could not be looked through; trying again");
            }
        }
    }

    async fn sweep_if_due(&self) -> Result<(), RoundError> {
        let now = Timestamp::now();
        let interval = SignedDuration::try_from(self.settings.sweep_interval).unwrap_or(SignedDuration::MAX);
        // A little less, so that the instance whose round comes first is not told that it is a moment early.
        let due_again = now.saturating_add(interval * 9 / 10).unwrap_or(Timestamp::MAX);
        if self.store.journal().take_duty(Duty::Sweep, now, due_again).await? {
            self.sweep().await?;
        }
        Ok(())
    }

    /// Looks through all rooms once.
    ///
    /// # Errors
    ///
    /// [`RoundError`], when the store or the vendor's list cannot be read.
    pub async fn sweep(&self) -> Result<(), RoundError> {
        let started = Timestamp::now();
        let deployment = &self.store.journal().deployment().id;
        let found = self.calls.all_rooms_marked(&marker::prefix(deployment)).await?;
        let ours =
            || found.rooms.iter().filter_map(|room| Some((room, marker::attempt_of(&room.description, deployment)?)));
        let candidates: Vec<Candidate> = ours()
            .filter(|(room, attempt)| is_older_than(room, attempt, self.settings.orphan_grace, started))
            .map(|(room, attempt)| Candidate { room: room.id.clone(), attempt: attempt.to_owned() })
            .collect();
        let orphans = self.store.orphans(&candidates).await?;
        self.counters.sweeps.increment(1);
        let needed = candidates.len() - orphans.len();
        match verdict(orphans.len(), needed, self.settings.sweep_dry_run) {
            Verdict::Distrust => {
                let orphans = orphans.len();
                tracing::error!(
                    orphans,
                    needed,
                    "most rooms with our marker belong to no record; none is deleted, because the records may be the wrong ones"
                );
            }
            Verdict::Tell => {
                for room in &orphans {
                    tracing::warn!(%room, "a room that nobody needs would be deleted, were this no dry run");
                }
            }
            Verdict::Delete(count) => {
                for room in &orphans[..count] {
                    crash_point!("C9");
                    tracing::warn!(%room, "a room that nobody needs is deleted");
                    self.store.queue_orphan(room, Timestamp::now()).await?;
                    self.counters.orphans.increment(1);
                    self.retire_soon();
                }
                if found.complete && count == orphans.len() {
                    // One that was found is queued; of one that was too young to be looked at, nothing is known yet.
                    let left = ours().filter(|(room, _)| !orphans.contains(&room.id)).map(|(_, attempt)| attempt);
                    self.clear_leaks(started, &left.collect::<Vec<_>>()).await?;
                }
            }
        }
        Ok(())
    }

    /// What was given up as lost and has no room among all that there are has left none.
    async fn clear_leaks(&self, swept_at: Timestamp, with_room: &[&str]) -> Result<(), RoundError> {
        let before = swept_at.saturating_sub(self.settings.orphan_grace).unwrap_or(Timestamp::MIN);
        let cleared = self.store.journal().forget_lost(before, with_room).await?;
        if cleared > 0 {
            tracing::info!(cleared, "attempts whose answer was lost have left no room behind");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use bandyer_client::RoomId;
    use jiff::{SignedDuration, Timestamp};

    use super::{MOST, MarkedRoom, Verdict, is_older_than, verdict};
    use crate::rooms::marker::new_attempt_id;

    #[test]
    fn orphans_are_deleted_a_few_at_a_time_unless_nearly_all_rooms_seem_to_be_some() {
        assert_eq!(verdict(0, 0, false), Verdict::Delete(0));
        assert_eq!(verdict(3, 0, false), Verdict::Delete(3));
        assert_eq!(verdict(MOST + 5, 1000, false), Verdict::Delete(MOST));
        assert_eq!(verdict(MOST + 1, MOST, false), Verdict::Distrust);
        assert_eq!(verdict(MOST + 1, MOST, true), Verdict::Distrust);
        assert_eq!(verdict(3, 10, true), Verdict::Tell);
        assert_eq!(verdict(0, 10, true), Verdict::Delete(0), "nothing to tell");
    }

    #[test]
    fn a_room_is_left_alone_until_the_grace_ends_by_the_vendors_date_or_else_by_its_marker() {
        let now = Timestamp::now();
        let (grace, attempt) = (SignedDuration::from_secs(60), new_attempt_id());
        let room = |created_at| MarkedRoom { id: RoomId::new("r").unwrap(), description: String::new(), created_at };
        let at = |seconds| now + SignedDuration::from_secs(seconds);
        assert!(!is_older_than(&room(Some(now)), &attempt, grace, at(60)));
        assert!(is_older_than(&room(Some(now)), &attempt, grace, at(61)));
        assert!(!is_older_than(&room(None), &attempt, grace, at(58)));
        assert!(is_older_than(&room(None), &attempt, grace, at(62)));
        assert!(!is_older_than(&room(None), "no uuid", grace, at(10_000)), "of unknown age");
    }
}
