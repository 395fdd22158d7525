//! The use cases: create, change and delete a teleconsultation, add a participant, view it.
//!
//! Each reads the record, lets the domain decide, and carries the decision out. Changes of one teleconsultation are serialized
//! here; the compare-and-set of the store detects other writers. A request with an `Idempotency-Key` is executed once.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::OwnedMutexGuard;

use crate::base::clock::Clock;
use crate::base::deadline;
use crate::base::keyed_mutex::KeyedMutex;
use crate::domain::ids::TeleconsultationId;
use crate::domain::participants::{Member, Participant, ParticipantList, Person, RequestedParticipant};
use crate::domain::teleconsultation::{Base, Draft, Plan, Refusal, RoomPlan, Rules, Teleconsultation};
use crate::people::directory::Directory;
use crate::people::profiles::ProfileSource;
use crate::rooms::repair::Repairs;
use crate::rooms::{ProvisionError, Rooms};
use crate::store::{Cas, Store, crash_point};

mod add_participant;
mod change;
mod create;
mod delete;
mod error;
mod idempotent;
mod view;

pub use error::{Result, UseCaseError};
pub use view::Viewed;

/// How often a decision is repeated because another writer was first.
const MAX_CAS_ATTEMPTS: u32 = 4;

/// The use cases.
pub struct UseCases {
    store: Store,
    directory: Arc<Directory>,
    rooms: Arc<Rooms>,
    profiles: Arc<ProfileSource>,
    rules: Rules,
    clock: Clock,
    changing: Arc<KeyedMutex<TeleconsultationId>>,
    repairs: Repairs,
    /// How long the holder of an idempotency key has before a repeated request may take it over.
    lease: SignedDuration,
}

impl UseCases {
    /// Composes the use cases from their parts.
    #[must_use]
    pub fn new(
        store: Store,
        directory: Arc<Directory>,
        rooms: Arc<Rooms>,
        profiles: Arc<ProfileSource>,
        rules: Rules,
        clock: Clock,
    ) -> Self {
        let changing = Arc::<KeyedMutex<_>>::default();
        let repairs = Repairs::new(
            store.clone(),
            Arc::clone(&rooms),
            Arc::clone(&profiles),
            rules.clone(),
            clock.clone(),
            Arc::clone(&changing),
        );
        let lease = rooms.settings().lease;
        Self { store, directory, rooms, profiles, rules, clock, changing, repairs, lease }
    }

    /// The business rules.
    #[must_use]
    pub const fn rules(&self) -> &Rules {
        &self.rules
    }

    /// Repairs teleconsultations without a room.
    #[must_use]
    pub const fn repairs(&self) -> &Repairs {
        &self.repairs
    }

    /// The people of a requested list with their profiles.
    async fn resolve_profiles(
        &self,
        requested: ParticipantList<RequestedParticipant>,
    ) -> Result<ParticipantList<Person>> {
        if !self.profiles.is_caller() {
            // Before the first request to the auth service. Otherwise the decision reports it, after the dates.
            requested.check().map_err(|refusal| UseCaseError::Refused(refusal.into()))?;
        }
        Ok(ParticipantList { number: requested.number, known: self.profiles.resolve(requested.known).await? })
    }

    /// Waits until no other request of this instance changes the teleconsultation, at most until the request's deadline.
    async fn turn(&self, id: &TeleconsultationId) -> Result<OwnedMutexGuard<()>> {
        Ok(deadline::bound(self.changing.lock(id)).await?)
    }

    /// Decides on a change of a stored teleconsultation and carries it out. The decision is repeated if another writer was
    /// first. It may also be that nothing is left to do.
    async fn apply<D>(&self, id: &TeleconsultationId, decide: D) -> Result<()>
    where
        D: Fn(&Teleconsultation, Timestamp) -> std::result::Result<Option<Plan>, Refusal> + Send + Sync,
    {
        let _turn = self.turn(id).await?;
        for _ in 0..MAX_CAS_ATTEMPTS {
            let mut current = self.read(id).await?.record;
            self.profiles.load_missing(&mut current.participants).await?;
            let plan = decide(&current, self.clock.now()).map_err(UseCaseError::Refused)?;
            let Some(plan) = plan else { return Ok(()) };
            match self.execute(plan, &current).await? {
                Cas::Applied(()) => return Ok(()),
                Cas::Stale => {}
                Cas::TooLate => return Err(UseCaseError::Refused(Refusal::Immutable)),
            }
        }
        Err(UseCaseError::Contended)
    }

    async fn execute(&self, plan: Plan, current: &Teleconsultation) -> Result<Cas> {
        crash_point!("C1");
        let mut next = self.record(current.id.clone(), plan.draft, Some(current)).await?;
        match plan.room {
            RoomPlan::Create | RoomPlan::Replace => {
                match self.rooms.provision(next, current.room.as_ref(), plan.valid_until).await {
                    Ok(_) => Ok(Cas::Applied(())),
                    Err(ProvisionError::Stale) => Ok(Cas::Stale),
                    Err(error) => Err(error.into()),
                }
            }
            RoomPlan::None => Ok(self.store.records().update(&next, None, plan.valid_until).await?),
            RoomPlan::Keep => {
                next.room.clone_from(&current.room);
                for participant in &mut next.participants {
                    let before = current.participant_by_ref(&participant.person.id);
                    participant.access_link = before.and_then(|before| before.access_link.clone());
                }
                Ok(self.store.records().update(&next, None, plan.valid_until).await?)
            }
            RoomPlan::Retire => {
                let updated = self.store.records().update(&next, current.room.as_ref(), plan.valid_until).await?;
                self.rooms.wake_retirement();
                Ok(updated)
            }
        }
    }

    /// The record of a draft, with the vendor users of all participants and without a room.
    async fn record(
        &self,
        id: TeleconsultationId,
        draft: Draft,
        current: Option<&Teleconsultation>,
    ) -> Result<Teleconsultation> {
        // A participant keeps the vendor user in the record, whatever the user map says by now.
        let known = |member: &Member| current?.participant_by_ref(&member.person.id);
        let new: Vec<Member> = draft.members.iter().filter(|member| known(member).is_none()).cloned().collect();
        let mut ensured = self.directory.ensure(&new).await?.into_iter();
        let participants = draft.members.into_iter().filter_map(|member| {
            let known = known(&member).map(|participant| participant.vendor_user_id.clone());
            Some(Participant {
                vendor_user_id: known.or_else(|| ensured.next())?,
                role: Some(member.role),
                person: member.person,
                access_link: None,
            })
        });
        // What comes next stores the record or begins the creation of its room.
        deadline::check()?;
        Ok(Teleconsultation {
            id,
            base: current.map_or(Base::New, |current| current.base),
            schedule: draft.schedule,
            number: draft.number,
            participants: participants.collect(),
            room: None,
        })
    }
}
