//! The teleconsultation itself: what it may become, and what that means for its room.

use bandyer_client::RoomId;
use jiff::{SignedDuration, Timestamp};

use super::ids::TeleconsultationId;
use super::participants::{
    Member, Participant, ParticipantList, ParticipantsRefusal, Person, PersonRef, RequestedParticipant, member,
};
use super::privileges::{Privileges, Role};
use super::schedule::{End, Schedule, ScheduleChange, ScheduleRefusal};

/// The business rules that an operator sets.
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

/// The stored state that a change starts from, for compare-and-set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Base {
    /// Nothing is stored yet.
    New,
    /// A stored record.
    At {
        /// Counts every stored change.
        version: i64,
        /// Counts every attempt to create a room for it; only the newest may become its room.
        generation: i64,
    },
}

impl Base {
    /// The generation of the next attempt to create a room.
    #[must_use]
    pub const fn next_generation(self) -> i64 {
        match self {
            Self::New => 1,
            Self::At { generation, .. } => generation + 1,
        }
    }
}

/// A teleconsultation.
#[derive(Debug, Clone)]
pub struct Teleconsultation {
    /// What callers name `roomId`.
    pub id: TeleconsultationId,
    /// What is stored of it.
    pub base: Base,
    /// When it takes place.
    pub schedule: Schedule,
    /// How many people take part once the list is complete.
    pub number: usize,
    /// Those known so far, with access links if there is a room.
    pub participants: Vec<Participant>,
    /// The vendor's room.
    pub room: Option<RoomId>,
}

impl Teleconsultation {
    /// Whether all participants are known.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.participants.len() == self.number
    }

    /// When links are shown and changes are refused from: the window of a complete list. `None` while participants are
    /// missing.
    #[must_use]
    pub fn immutable_from(&self, rules: &Rules) -> Option<Timestamp> {
        self.is_complete().then(|| self.schedule.window_opens_at(rules.immutable_period))
    }

    /// Whether links are shown and changes are refused.
    #[must_use]
    pub fn is_immutable(&self, rules: &Rules, now: Timestamp) -> bool {
        self.immutable_from(rules).is_some_and(|from| now >= from)
    }

    /// The participant with this external id.
    #[must_use]
    pub fn participant(&self, external_id: &str) -> Option<&Participant> {
        let is_it = |one: &&Participant| one.person.id.external_id().is_some_and(|id| id.as_str() == external_id);
        self.participants.iter().find(is_it)
    }

    /// The participant who is this person.
    #[must_use]
    pub fn participant_by_ref(&self, person: &PersonRef) -> Option<&Participant> {
        self.participants.iter().find(|participant| participant.person.id == *person)
    }
}

/// What a teleconsultation is to become, before the vendor's ids of its people are known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// When it takes place.
    pub schedule: Schedule,
    /// How many people take part once the list is complete.
    pub number: usize,
    /// Those known.
    pub members: Vec<Member>,
}

/// What must happen to the room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RoomPlan {
    /// There is no room and none is needed.
    None,
    /// The room stays as it is.
    Keep,
    /// The first room is created.
    Create,
    /// A new room is created, then the old one is deleted.
    Replace,
    /// The room is deleted without a replacement.
    Retire,
}

/// A decision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// What is stored.
    pub draft: Draft,
    /// What happens to the room.
    pub room: RoomPlan,
    /// The decision holds before this moment: from then on the stored teleconsultation can no longer be changed. `None`
    /// if it holds at any time.
    pub valid_until: Option<Timestamp>,
}

/// Why a request is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// The dates.
    Schedule(ScheduleRefusal),
    /// The list of participants.
    Participants(ParticipantsRefusal),
    /// The list is complete without a plus user.
    NoPlusUser,
    /// The immutable period has begun.
    Immutable,
    /// All expected participants are known already.
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

/// What a caller wants to create. `P` is a [`RequestedParticipant`] until profiles are resolved, then a [`Person`].
#[derive(Debug, Clone)]
pub struct Proposal<P = RequestedParticipant> {
    /// When it starts.
    pub start: Timestamp,
    /// When it ends.
    pub end: End,
    /// Who takes part.
    pub participants: ParticipantList<P>,
}

/// What a caller wants to change. `P` as for [`Proposal`].
#[derive(Debug, Clone)]
pub struct Change<P = RequestedParticipant> {
    /// Other dates.
    pub schedule: ScheduleChange,
    /// Another list of participants, as a whole.
    pub participants: Option<ParticipantList<P>>,
}

/// Decides on a new teleconsultation.
///
/// # Errors
///
/// The [`Refusal`] that applies first.
pub fn create(proposal: Proposal<Person>, rules: &Rules) -> Result<Plan, Refusal> {
    let schedule = Schedule::new(proposal.start, proposal.end, rules.duration_counts())?;
    let number = proposal.participants.number;
    let members = proposal.participants.members(&rules.privileges)?;
    plan(None, Draft { schedule, number, members }, rules)
}

/// Decides on a change.
///
/// # Errors
///
/// The [`Refusal`] that applies first.
pub fn change(
    current: &Teleconsultation,
    change: Change<Person>,
    rules: &Rules,
    now: Timestamp,
) -> Result<Plan, Refusal> {
    if current.is_immutable(rules, now) {
        return Err(Refusal::Immutable);
    }
    let schedule = current.schedule.changed(change.schedule, rules.duration_counts())?;
    let (number, members) = match change.participants {
        Some(list) => (list.number, list.members(&rules.privileges)?),
        None => (current.number, members_of(current, rules)?),
    };
    plan(Some(current), Draft { schedule, number, members }, rules)
}

/// Decides on one more participant.
///
/// # Errors
///
/// The [`Refusal`] that applies first.
pub fn add(current: &Teleconsultation, one: Person, rules: &Rules, now: Timestamp) -> Result<Plan, Refusal> {
    if current.is_immutable(rules, now) {
        return Err(Refusal::Immutable);
    }
    if current.is_complete() {
        return Err(Refusal::AlreadyComplete);
    }
    if current.participant_by_ref(&one.id).is_some() {
        return Err(ParticipantsRefusal::Twice(one.id).into());
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
    let valid_until = current.and_then(|current| current.immutable_from(rules));
    Ok(Plan { draft, room, valid_until })
}

/// The vendor cannot change a room, so a change of what the room was created with needs another one: the people, their
/// roles, and the duration. Names and languages are stored here alone, and so are dates where rooms have no time limit.
fn needs_another_room(current: &Teleconsultation, draft: &Draft, rules: &Rules) -> bool {
    let other_people = current.number != draft.number
        || !draft.members.iter().all(|member| {
            current
                .participant_by_ref(&member.person.id)
                .is_some_and(|participant| participant.role(&rules.privileges) == Some(member.role))
        });
    let other_length = rules.duration_counts() && current.schedule.seconds() != draft.schedule.seconds();
    other_people || other_length
}

#[cfg(test)]
mod tests {
    use bandyer_client::{RoomId, UserId};
    use jiff::{SignedDuration, Timestamp};

    use super::{Base, Change, Draft, Plan, Proposal, Refusal, RoomPlan, Rules, Teleconsultation, add, change, create};
    use crate::domain::ids::TeleconsultationId;
    use crate::domain::participants::tests::person;
    use crate::domain::participants::{Participant, ParticipantList, ParticipantsRefusal, Person};
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

    fn list(number: usize, people: &[(&str, &str)]) -> ParticipantList<Person> {
        ParticipantList { number, known: people.iter().map(|(id, group)| person(id, group)).collect() }
    }

    fn no_change() -> Change<Person> {
        Change { schedule: ScheduleChange::default(), participants: None }
    }

    fn proposed(number: usize, people: &[(&str, &str)]) -> Result<Plan, Refusal> {
        let proposal =
            Proposal { start: at("2026-03-05T09:00:00Z"), end: End::After(1800), participants: list(number, people) };
        create(proposal, &rules(false))
    }

    fn stored(number: usize, people: &[(&str, &str)]) -> Teleconsultation {
        let Draft { schedule, number, members } = proposed(number, people).unwrap().draft;
        let complete = members.len() == number;
        let participants = members
            .into_iter()
            .map(|member| Participant {
                vendor_user_id: UserId::new(member.person.id.external_id().unwrap().as_str()).unwrap(),
                access_link: complete.then(|| "https://h/x".into()),
                role: Some(member.role),
                person: member.person,
            })
            .collect();
        Teleconsultation {
            id: TeleconsultationId::generate(early()),
            base: Base::At { version: 1, generation: 1 },
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
        let unknown = Err(Refusal::Participants(ParticipantsRefusal::UnknownGroup(person("x", "cook").id)));
        assert_eq!(room(proposed(2, &[DOCTOR, ("x", "cook")])), unknown);
    }

    #[test]
    fn people_and_counted_time_replace_the_room_and_the_rest_keeps_it() {
        let current = stored(2, &[DOCTOR, PATIENT]);
        let people = |number, people: &[_]| Change { participants: Some(list(number, people)), ..no_change() };
        let end = |seconds| Change {
            schedule: ScheduleChange { start: None, end: Some(End::After(seconds)) },
            ..no_change()
        };
        let renamed = {
            let mut same = list(2, &[PATIENT, DOCTOR]);
            same.known[0].profile.full_name = "Another Name".into();
            same.known[0].language = Some("it".into());
            Change { participants: Some(same), ..no_change() }
        };
        let table = [
            (no_change(), false, RoomPlan::Keep),
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
    fn only_a_complete_list_is_immutable_in_its_window() {
        let complete = stored(2, &[DOCTOR, PATIENT]);
        let partial = stored(3, &[DOCTOR, PATIENT]);
        assert_eq!(room(change(&complete, no_change(), &rules(true), late())), Err(Refusal::Immutable));
        assert_eq!(room(change(&partial, no_change(), &rules(true), late())), Ok(RoomPlan::None));
        let relative = person("r", "patient");
        assert_eq!(room(add(&complete, relative.clone(), &rules(true), late())), Err(Refusal::Immutable));
        assert_eq!(room(add(&complete, relative.clone(), &rules(true), early())), Err(Refusal::AlreadyComplete));
        assert_eq!(room(add(&partial, relative, &rules(true), late())), Ok(RoomPlan::Create));
    }

    #[test]
    fn adding_needs_a_new_person_and_in_the_end_a_plus_user() {
        let partial = stored(3, &[PATIENT, RELATIVE]);
        let twice = Err(Refusal::Participants(ParticipantsRefusal::Twice(person("p", "patient").id)));
        assert_eq!(room(add(&partial, person("p", "patient"), &rules(true), early())), twice);
        assert_eq!(room(add(&partial, person("q", "patient"), &rules(true), early())), Err(Refusal::NoPlusUser));
        let plan = add(&partial, person("d", "doctor"), &rules(true), early()).unwrap();
        assert_eq!((plan.room, plan.draft.members.len()), (RoomPlan::Create, 3));
    }

    #[test]
    fn a_complete_record_without_a_room_gets_one_with_the_next_change() {
        let mut current = stored(2, &[DOCTOR, PATIENT]);
        current.room = None;
        assert_eq!(room(change(&current, no_change(), &rules(true), early())), Ok(RoomPlan::Create));
    }

    #[test]
    fn a_decision_about_a_complete_list_holds_until_the_window_opens() {
        let valid_until =
            |current: &Teleconsultation| change(current, no_change(), &rules(true), early()).unwrap().valid_until;
        assert_eq!(valid_until(&stored(2, &[DOCTOR, PATIENT])), Some(late()));
        assert_eq!(valid_until(&stored(3, &[DOCTOR, PATIENT])), None);
        assert_eq!(proposed(2, &[DOCTOR, PATIENT]).unwrap().valid_until, None);
    }
}
