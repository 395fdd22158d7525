//! The teleconsultation itself: what it may become, and what that means for its room.

use bandyer_client::RoomId;
use jiff::{SignedDuration, Timestamp};

use super::ids::TeleconsultationId;
use super::participants::{Invitation, Invitations, Member, Participant, ParticipantsRefusal, member};
use super::privileges::{Privileges, Role};
use super::schedule::{End, Schedule, ScheduleChange, ScheduleRefusal};

/// What the operator settled.
#[derive(Debug, Clone)]
pub struct Rules {
    /// Groups, roles and tools.
    pub privileges: Privileges,
    /// Whether rooms have no call time limit. Then dates mean nothing to the vendor.
    pub unlimited: bool,
    /// How long before the start links are shown and changes refused.
    pub immutable_period: SignedDuration,
}

impl Rules {
    const fn duration_counts(&self) -> bool {
        !self.unlimited
    }
}

/// A stored teleconsultation.
#[derive(Debug, Clone)]
pub struct Teleconsultation {
    /// What callers name `roomId`.
    pub id: TeleconsultationId,
    /// Counts every stored change, for compare-and-set.
    pub version: i64,
    /// Counts every room that was begun for it; only the newest may become its room.
    pub generation: i64,
    /// When it takes place.
    pub schedule: Schedule,
    /// How many will take part in the end.
    pub number: usize,
    /// Those known so far, with links when there is a room.
    pub participants: Vec<Participant>,
    /// The vendor's room.
    pub room: Option<RoomId>,
}

impl Teleconsultation {
    /// Whether everybody is known.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.participants.len() == self.number
    }

    /// Whether links are shown and changes refused: everybody is known and the immutable period has begun.
    #[must_use]
    pub fn is_immutable(&self, rules: &Rules, now: Timestamp) -> bool {
        self.is_complete() && self.schedule.window_is_open(rules.immutable_period, now)
    }

    /// The participant with this external id.
    #[must_use]
    pub fn participant(&self, external_id: &str) -> Option<&Participant> {
        self.participants.iter().find(|participant| participant.external_id().as_str() == external_id)
    }
}

/// What a teleconsultation is to become. The vendor's ids of its people are not settled yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// When it takes place.
    pub schedule: Schedule,
    /// How many will take part in the end.
    pub number: usize,
    /// Those known.
    pub members: Vec<Member>,
}

/// What must happen to the room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RoomPlan {
    /// There is none and none is due.
    None,
    /// It stays as it is.
    Keep,
    /// The first one is made.
    Create,
    /// A new one is made, then the old one goes.
    Replace,
    /// It goes, and none takes its place.
    Retire,
}

/// A decision that was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// What is stored.
    pub draft: Draft,
    /// What happens to the room.
    pub room: RoomPlan,
}

/// Why something is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// The dates.
    Schedule(ScheduleRefusal),
    /// The list of participants.
    Participants(ParticipantsRefusal),
    /// Everybody is known, and nobody is plus.
    NoPlusUser,
    /// The immutable period has begun.
    Immutable,
    /// One more than expected.
    AlreadyComplete,
}

impl From<ScheduleRefusal> for Refusal {
    fn from(refusal: ScheduleRefusal) -> Self {
        Self::Schedule(refusal)
    }
}

impl From<ParticipantsRefusal> for Refusal {
    fn from(refusal: ParticipantsRefusal) -> Self {
        Self::Participants(refusal)
    }
}

/// What a caller wants to create.
#[derive(Debug, Clone)]
pub struct Proposal {
    /// When it starts.
    pub start: Timestamp,
    /// When it ends.
    pub end: End,
    /// Who takes part.
    pub invitations: Invitations,
}

/// What a caller wants changed.
#[derive(Debug, Clone, Default)]
pub struct Change {
    /// Other dates.
    pub schedule: ScheduleChange,
    /// Another list of participants, as a whole.
    pub invitations: Option<Invitations>,
}

/// Decides on a new teleconsultation.
///
/// # Errors
///
/// The [`Refusal`] that applies first.
pub fn create(proposal: Proposal, rules: &Rules) -> Result<Plan, Refusal> {
    let schedule = Schedule::new(proposal.start, proposal.end, rules.duration_counts())?;
    let number = proposal.invitations.number;
    let members = proposal.invitations.members(&rules.privileges)?;
    plan(None, Draft { schedule, number, members }, rules)
}

/// Decides on a change.
///
/// # Errors
///
/// The [`Refusal`] that applies first.
pub fn change(current: &Teleconsultation, change: Change, rules: &Rules, now: Timestamp) -> Result<Plan, Refusal> {
    if current.is_immutable(rules, now) {
        return Err(Refusal::Immutable);
    }
    let schedule = current.schedule.changed(change.schedule, rules.duration_counts())?;
    let (number, members) = match change.invitations {
        Some(invitations) => (invitations.number, invitations.members(&rules.privileges)?),
        None => (current.number, members_of(current, rules)?),
    };
    plan(Some(current), Draft { schedule, number, members }, rules)
}

/// Decides on one more participant.
///
/// # Errors
///
/// The [`Refusal`] that applies first.
pub fn add(current: &Teleconsultation, one: Invitation, rules: &Rules, now: Timestamp) -> Result<Plan, Refusal> {
    if current.is_immutable(rules, now) {
        return Err(Refusal::Immutable);
    }
    if current.is_complete() {
        return Err(Refusal::AlreadyComplete);
    }
    if current.participant(one.external_id.as_str()).is_some() {
        return Err(ParticipantsRefusal::Twice(one.external_id).into());
    }
    let mut members = members_of(current, rules)?;
    members.push(member(one, &rules.privileges)?);
    plan(Some(current), Draft { schedule: current.schedule, number: current.number, members }, rules)
}

fn members_of(current: &Teleconsultation, rules: &Rules) -> Result<Vec<Member>, ParticipantsRefusal> {
    current.participants.iter().map(|participant| participant.member(&rules.privileges)).collect()
}

fn plan(current: Option<&Teleconsultation>, draft: Draft, rules: &Rules) -> Result<Plan, Refusal> {
    let complete = draft.members.len() == draft.number;
    if complete && !draft.members.iter().any(|member| member.role == Role::Plus) {
        return Err(Refusal::NoPlusUser);
    }
    let with_room = current.filter(|current| current.room.is_some());
    let room = match (with_room, complete) {
        (None, false) => RoomPlan::None,
        (None, true) => RoomPlan::Create,
        (Some(_), false) => RoomPlan::Retire,
        (Some(current), true) if needs_another_room(current, &draft, rules) => RoomPlan::Replace,
        (Some(_), true) => RoomPlan::Keep,
    };
    Ok(Plan { draft, room })
}

/// The vendor cannot change a room, so whatever the room was made of asks for another one: who, in which role, and for
/// how long. Names and languages are ours alone, and so are dates where rooms have no limit.
fn needs_another_room(current: &Teleconsultation, draft: &Draft, rules: &Rules) -> bool {
    let other_people = current.number != draft.number
        || !draft.members.iter().all(|member| {
            current
                .participant(member.invitation.external_id.as_str())
                .is_some_and(|participant| participant.role(&rules.privileges) == Some(member.role))
        });
    let other_length = rules.duration_counts() && current.schedule.seconds() != draft.schedule.seconds();
    other_people || other_length
}

#[cfg(test)]
mod tests {
    use bandyer_client::{RoomId, UserId};
    use jiff::{SignedDuration, Timestamp};

    use super::{Change, Draft, Plan, Proposal, Refusal, RoomPlan, Rules, Teleconsultation, add, change, create};
    use crate::domain::ids::TeleconsultationId;
    use crate::domain::participants::tests::invitation;
    use crate::domain::participants::{Invitations, Participant, ParticipantsRefusal};
    use crate::domain::privileges::Privileges;
    use crate::domain::schedule::{End, ScheduleChange};

    const DOCTOR: (&str, &str) = ("d", "doctor");
    const PATIENT: (&str, &str) = ("p", "patient");
    const RELATIVE: (&str, &str) = ("r", "patient");

    fn rules(unlimited: bool) -> Rules {
        Rules { privileges: Privileges::default(), unlimited, immutable_period: SignedDuration::from_secs(60) }
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn early() -> Timestamp {
        at("2026-03-05T08:00:00Z")
    }

    fn late() -> Timestamp {
        at("2026-03-05T08:59:00Z")
    }

    fn invitations(number: usize, people: &[(&str, &str)]) -> Invitations {
        Invitations { number, known: people.iter().map(|(id, group)| invitation(id, group)).collect() }
    }

    fn proposed(number: usize, people: &[(&str, &str)]) -> Result<Plan, Refusal> {
        let proposal = Proposal {
            start: at("2026-03-05T09:00:00Z"),
            end: End::After(1800),
            invitations: invitations(number, people),
        };
        create(proposal, &rules(false))
    }

    fn stored(number: usize, people: &[(&str, &str)]) -> Teleconsultation {
        let Draft { schedule, number, members } = proposed(number, people).unwrap().draft;
        let complete = members.len() == number;
        let participants = members
            .into_iter()
            .map(|member| Participant {
                vendor_user_id: UserId::new(member.invitation.external_id.as_str()).unwrap(),
                access_link: complete.then(|| "https://h/x".into()),
                role: Some(member.role),
                invitation: member.invitation,
            })
            .collect();
        Teleconsultation {
            id: TeleconsultationId::generate(early()),
            version: 1,
            generation: 1,
            schedule,
            number,
            participants,
            room: complete.then(|| RoomId::new("room_1").unwrap()),
        }
    }

    fn room(plan: Result<Plan, Refusal>) -> Result<RoomPlan, Refusal> {
        plan.map(|plan| plan.room)
    }

    #[test]
    fn a_room_is_made_when_everybody_is_known_and_one_is_plus() {
        assert_eq!(room(proposed(2, &[DOCTOR, PATIENT])), Ok(RoomPlan::Create));
        assert_eq!(room(proposed(3, &[DOCTOR, PATIENT])), Ok(RoomPlan::None));
        assert_eq!(room(proposed(2, &[PATIENT, RELATIVE])), Err(Refusal::NoPlusUser));
        assert_eq!(room(proposed(3, &[PATIENT, RELATIVE])), Ok(RoomPlan::None));
        let unknown =
            Err(Refusal::Participants(ParticipantsRefusal::UnknownGroup(invitation("x", "cook").external_id)));
        assert_eq!(room(proposed(2, &[DOCTOR, ("x", "cook")])), unknown);
    }

    #[test]
    fn people_and_counted_time_replace_the_room_and_the_rest_keeps_it() {
        let current = stored(2, &[DOCTOR, PATIENT]);
        let people =
            |number, people: &[_]| Change { invitations: Some(invitations(number, people)), ..Change::default() };
        let end = |seconds| Change {
            schedule: ScheduleChange { start: None, end: Some(End::After(seconds)) },
            ..Change::default()
        };
        let renamed = {
            let mut same = invitations(2, &[PATIENT, DOCTOR]);
            same.known[0].full_name = "Another Name".into();
            same.known[0].language = Some("it".into());
            Change { invitations: Some(same), ..Change::default() }
        };
        let table = [
            (Change::default(), false, RoomPlan::Keep),
            (renamed, false, RoomPlan::Keep),
            (people(2, &[DOCTOR, RELATIVE]), false, RoomPlan::Replace),
            (people(2, &[DOCTOR, ("p", "doctor")]), false, RoomPlan::Replace),
            (people(3, &[DOCTOR, PATIENT, RELATIVE]), false, RoomPlan::Replace),
            (people(3, &[DOCTOR, PATIENT]), false, RoomPlan::Retire),
            (end(1800), false, RoomPlan::Keep),
            (end(3600), false, RoomPlan::Replace),
            (end(3600), true, RoomPlan::Keep),
        ];
        for (n, (wanted, unlimited, expected)) in table.into_iter().enumerate() {
            assert_eq!(room(change(&current, wanted, &rules(unlimited), early())), Ok(expected), "case {n}");
        }
    }

    #[test]
    fn a_complete_one_is_immutable_inside_its_window_and_a_partial_one_never() {
        let complete = stored(2, &[DOCTOR, PATIENT]);
        let partial = stored(3, &[DOCTOR, PATIENT]);
        assert_eq!(room(change(&complete, Change::default(), &rules(true), late())), Err(Refusal::Immutable));
        assert_eq!(room(change(&partial, Change::default(), &rules(true), late())), Ok(RoomPlan::None));
        let relative = invitation("r", "patient");
        assert_eq!(room(add(&complete, relative.clone(), &rules(true), late())), Err(Refusal::Immutable));
        assert_eq!(room(add(&complete, relative.clone(), &rules(true), early())), Err(Refusal::AlreadyComplete));
        assert_eq!(room(add(&partial, relative, &rules(true), late())), Ok(RoomPlan::Create));
    }

    #[test]
    fn adding_needs_a_new_person_and_in_the_end_a_plus_user() {
        let partial = stored(3, &[PATIENT, RELATIVE]);
        let twice = Err(Refusal::Participants(ParticipantsRefusal::Twice(invitation("p", "patient").external_id)));
        assert_eq!(room(add(&partial, invitation("p", "patient"), &rules(true), early())), twice);
        assert_eq!(room(add(&partial, invitation("q", "patient"), &rules(true), early())), Err(Refusal::NoPlusUser));
        let plan = add(&partial, invitation("d", "doctor"), &rules(true), early()).unwrap();
        assert_eq!((plan.room, plan.draft.members.len()), (RoomPlan::Create, 3));
    }

    #[test]
    fn a_complete_record_without_a_room_gets_one_with_the_next_change() {
        let mut current = stored(2, &[DOCTOR, PATIENT]);
        current.room = None;
        assert_eq!(room(change(&current, Change::default(), &rules(true), early())), Ok(RoomPlan::Create));
    }
}
