//! The use cases: create, change, add, delete and view a teleconsultation.
//!
//! Each reads, lets the domain decide and carries the decision out. Changes to one teleconsultation take turns here;
//! compare-and-set in the store catches whoever else writes to it. What is asked under an `Idempotency-Key` is carried
//! out once (`keyed`).

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use crate::base::crash_points::crash_point;
use crate::base::keyed_mutex::KeyedMutex;
use crate::domain::ids::TeleconsultationId;
use crate::domain::participants::{Invitation, Invitations, Member, Participant};
use crate::domain::teleconsultation::{
    self, Change, Draft, Plan, Proposal, Refusal, RoomPlan, Rules, Teleconsultation,
};
use crate::people::directory::{Directory, DirectoryError};
use crate::people::profiles::{People, PeopleError};
use crate::rooms::{ProvisionError, Rooms};
use crate::store::{KeyedRequest, Store, StoreError, Stored};
use crate::vendor::VendorError;

mod idempotent;
mod repair;

use idempotent::Start;
use repair::Repairs;

/// How often a decision is taken anew when somebody else was first.
const TURNS: u32 = 4;

/// Why a use case ends without success.
#[derive(Debug, thiserror::Error)]
pub enum UseCaseError {
    /// No such teleconsultation, or it is in the trash.
    #[error("there is no such teleconsultation")]
    NotFound,
    /// The rules.
    #[error("the rules refuse it")]
    Refused(Refusal),
    /// Others kept changing it.
    #[error("the teleconsultation is being changed by others")]
    Contended,
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The vendor.
    #[error(transparent)]
    Vendor(#[from] VendorError),
    /// Who somebody is.
    #[error(transparent)]
    People(#[from] PeopleError),
    /// The vendor's room cannot be used.
    #[error("the vendor's room has no usable link for every participant")]
    Links,
    /// The same request is being carried out at this moment.
    #[error("the same keyed request is being carried out")]
    Running,
    /// Another request came under the same key.
    #[error("the key was used for another request")]
    KeyReused,
}

impl From<DirectoryError> for UseCaseError {
    fn from(error: DirectoryError) -> Self {
        match error {
            DirectoryError::Store(error) => Self::Store(error),
            DirectoryError::Vendor(error) => Self::Vendor(error),
        }
    }
}

type Result<T> = std::result::Result<T, UseCaseError>;

/// The use cases.
pub struct UseCases {
    store: Arc<dyn Store>,
    directory: Arc<Directory>,
    keeper: Arc<Rooms>,
    people: Arc<People>,
    rules: Rules,
    changing: KeyedMutex<TeleconsultationId>,
    repairs: Repairs,
    /// How long somebody carries a keyed request out before others may.
    lease: SignedDuration,
}

impl UseCases {
    /// Puts the parts together.
    #[must_use]
    pub fn new(
        store: Arc<dyn Store>,
        directory: Arc<Directory>,
        keeper: Arc<Rooms>,
        people: Arc<People>,
        rules: Rules,
        lease: SignedDuration,
    ) -> Self {
        let (changing, repairs) = (KeyedMutex::default(), Repairs::default());
        Self { store, directory, keeper, people, rules, changing, repairs, lease }
    }

    /// The rules that hold.
    pub const fn rules(&self) -> &Rules {
        &self.rules
    }

    /// Reads one.
    ///
    /// # Errors
    ///
    /// [`UseCaseError::NotFound`] and the store's.
    pub async fn view(&self, id: &TeleconsultationId) -> Result<Teleconsultation> {
        self.store.teleconsultation(id).await?.ok_or(UseCaseError::NotFound)
    }

    /// Creates one; under the same key, the same one.
    ///
    /// # Errors
    ///
    /// [`UseCaseError`]; then there is no teleconsultation.
    pub async fn create(&self, proposal: Proposal, key: Option<KeyedRequest>) -> Result<TeleconsultationId> {
        let id = TeleconsultationId::generate(Timestamp::now());
        self.once(key, id, |start| self.create_from(start, proposal)).await
    }

    async fn create_from(&self, start: Start, mut proposal: Proposal) -> Result<TeleconsultationId> {
        crash_point!("C0");
        if start.resumed && self.store.was_stored(&start.teleconsultation).await? {
            return Ok(start.teleconsultation);
        }
        proposal.invitations = self.described(proposal.invitations).await?;
        let plan = teleconsultation::create(proposal, &self.rules).map_err(UseCaseError::Refused)?;
        crash_point!("C1");
        let next = self.settled(start.teleconsultation, plan.draft, None).await?;
        let id = match plan.room {
            RoomPlan::Create | RoomPlan::Replace => self.create_with_room(next, start.resumed).await?,
            RoomPlan::None | RoomPlan::Keep | RoomPlan::Retire => self.store.insert(&next, Timestamp::now()).await?,
        };
        crash_point!("C6");
        Ok(id)
    }

    async fn create_with_room(&self, next: Teleconsultation, resumed: bool) -> Result<TeleconsultationId> {
        if resumed && let Some(id) = self.keeper.resume(&next).await.map_err(kept)? {
            return Ok(id);
        }
        for _ in 0..TURNS {
            match self.keeper.make_room(next.clone(), None, &|_| true).await {
                // This one slept past its lease: a recovery took the attempt over, or a repeat of the same request.
                Err(ProvisionError::Stale) => {
                    if self.store.was_stored(&next.id).await? {
                        return Ok(next.id);
                    }
                }
                made => return made.map_err(kept),
            }
        }
        Err(UseCaseError::Contended)
    }

    /// Changes one.
    ///
    /// # Errors
    ///
    /// [`UseCaseError`]; then it is as it was.
    pub async fn change(&self, id: &TeleconsultationId, mut change: Change) -> Result<()> {
        crash_point!("C0");
        if let Some(invitations) = change.invitations {
            change.invitations = Some(self.described(invitations).await?);
        }
        self.apply(id, |current, now| teleconsultation::change(current, change.clone(), &self.rules, now)).await?;
        crash_point!("C6");
        Ok(())
    }

    /// Adds a participant; under the same key, once.
    ///
    /// # Errors
    ///
    /// [`UseCaseError`]; then it is as it was.
    pub async fn add(&self, id: &TeleconsultationId, one: Invitation, key: Option<KeyedRequest>) -> Result<()> {
        self.once(key, id.clone(), |start| self.add_from(start, one)).await?;
        Ok(())
    }

    async fn add_from(&self, start: Start, one: Invitation) -> Result<TeleconsultationId> {
        crash_point!("C0");
        let id = start.teleconsultation;
        let one = self.people.invited(vec![one]).await?.pop().ok_or(UseCaseError::Contended)?;
        if start.resumed && self.view(&id).await?.participant(one.external_id.as_str()).is_some() {
            // The earlier try came that far, and its caller could not be told.
            return Ok(id);
        }
        self.apply(&id, |current, now| teleconsultation::add(current, one.clone(), &self.rules, now)).await?;
        crash_point!("C6");
        Ok(id)
    }

    /// Moves one to the trash; its room goes soon after.
    ///
    /// # Errors
    ///
    /// [`UseCaseError::NotFound`], [`UseCaseError::Contended`] and the store's.
    pub async fn delete(&self, id: &TeleconsultationId) -> Result<()> {
        crash_point!("C0");
        let _turn = self.changing.lock(id).await;
        for _ in 0..TURNS {
            let current = self.view(id).await?;
            if self.store.trash(&current, Timestamp::now()).await? == Stored::Yes {
                self.keeper.retire_soon();
                crash_point!("C6");
                return Ok(());
            }
        }
        Err(UseCaseError::Contended)
    }

    /// The people of a list, once the list as such is one that the rules take.
    async fn described(&self, invitations: Invitations) -> Result<Invitations> {
        if self.people.are_told() {
            return Ok(invitations);
        }
        invitations.check().map_err(|refusal| UseCaseError::Refused(refusal.into()))?;
        Ok(Invitations { known: self.people.invited(invitations.known).await?, ..invitations })
    }

    async fn apply<D>(&self, id: &TeleconsultationId, decide: D) -> Result<()>
    where
        D: Fn(&Teleconsultation, Timestamp) -> std::result::Result<Plan, Refusal> + Send + Sync,
    {
        let _turn = self.changing.lock(id).await;
        for _ in 0..TURNS {
            let mut current = self.view(id).await?;
            self.people.complete(&mut current.participants).await?;
            let plan = decide(&current, Timestamp::now()).map_err(UseCaseError::Refused)?;
            if self.carry_out(plan, &current).await? == Stored::Yes {
                return Ok(());
            }
        }
        Err(UseCaseError::Contended)
    }

    async fn carry_out(&self, plan: Plan, current: &Teleconsultation) -> Result<Stored> {
        crash_point!("C1");
        let mut next = self.settled(current.id.clone(), plan.draft, Some(current)).await?;
        let now = Timestamp::now();
        match plan.room {
            RoomPlan::Create | RoomPlan::Replace => {
                let allowed = |then| !current.is_immutable(&self.rules, then);
                match self.keeper.make_room(next, Some(current), &allowed).await {
                    Ok(_) => Ok(Stored::Yes),
                    Err(ProvisionError::Stale) => Ok(Stored::Stale),
                    Err(error) => Err(kept(error)),
                }
            }
            RoomPlan::None => Ok(self.store.update(&next, None, now).await?),
            RoomPlan::Keep => {
                next.room.clone_from(&current.room);
                for participant in &mut next.participants {
                    let before = current.participant(participant.external_id().as_str());
                    participant.access_link = before.and_then(|before| before.access_link.clone());
                }
                Ok(self.store.update(&next, None, now).await?)
            }
            RoomPlan::Retire => {
                let stored = self.store.update(&next, current.room.as_ref(), now).await?;
                self.keeper.retire_soon();
                Ok(stored)
            }
        }
    }

    /// The record that a draft becomes, with everybody's vendor user and without a room.
    async fn settled(
        &self,
        id: TeleconsultationId,
        draft: Draft,
        current: Option<&Teleconsultation>,
    ) -> Result<Teleconsultation> {
        // Who takes part already stays the vendor user that the record names, whatever the user map says by now.
        let known = |member: &Member| current?.participant(member.invitation.external_id.as_str());
        let new: Vec<Member> = draft.members.iter().filter(|member| known(member).is_none()).cloned().collect();
        let mut made = self.directory.ensure(&new).await?.into_iter();
        let participants = draft.members.into_iter().filter_map(|member| {
            let known = known(&member).map(|participant| participant.vendor_user_id.clone());
            Some(Participant {
                vendor_user_id: known.or_else(|| made.next())?,
                role: Some(member.role),
                invitation: member.invitation,
                access_link: None,
            })
        });
        Ok(Teleconsultation {
            id,
            version: current.map_or(1, |current| current.version),
            generation: current.map_or(0, |current| current.generation),
            schedule: draft.schedule,
            number: draft.number,
            participants: participants.collect(),
            room: None,
        })
    }
}

fn kept(error: ProvisionError) -> UseCaseError {
    match error {
        ProvisionError::Stale => UseCaseError::Contended,
        ProvisionError::Store(error) => UseCaseError::Store(error),
        ProvisionError::Vendor(error) => UseCaseError::Vendor(error),
        ProvisionError::TooLate => UseCaseError::Refused(Refusal::Immutable),
        ProvisionError::Links => UseCaseError::Links,
    }
}
