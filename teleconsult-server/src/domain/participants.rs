//! The people of a teleconsultation: as a caller names them, as they are known, and as they are stored.

use std::collections::HashSet;
use std::fmt;
use std::hash::Hash;

use bandyer_client::{JoinUrl, UserId};

use super::ids::ExternalId;
use super::privileges::{Privileges, Role};

/// Minimum and maximum number of participants of a vendor room.
pub const COUNT: std::ops::RangeInclusive<usize> = 2..=25;

/// What is known about a person beside the id.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Profile {
    /// The groups the person is in.
    pub groups: Vec<String>,
    /// The name to show.
    pub full_name: String,
}

/// A profile names a person, so its `Debug` shows nothing.
impl fmt::Debug for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Profile(..)")
    }
}

/// A participant as a caller requests it, before any rule is applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestedParticipant {
    /// The person's id outside the vendor.
    pub external_id: ExternalId,
    /// The language of the front end.
    pub language: Option<String>,
    /// Groups and name, where callers supply them. `None` where the auth service is asked for them.
    pub profile: Option<Profile>,
}

/// The expected number of participants, and those known so far.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParticipantList<P> {
    /// How many people take part once the list is complete.
    pub number: usize,
    /// Those already known.
    pub known: Vec<P>,
}

/// How a person is identified.
#[derive(Clone, PartialEq, Eq, Hash)]
pub enum PersonRef {
    /// By the person's own id.
    External(ExternalId),
    /// By the vendor's id alone: a record of the predecessor whose user map row is gone. No caller can be this person.
    Vendor(UserId),
}

impl PersonRef {
    /// The person's own id, where it is known.
    #[must_use]
    pub const fn external_id(&self) -> Option<&ExternalId> {
        match self {
            Self::External(id) => Some(id),
            Self::Vendor(_) => None,
        }
    }
}

impl fmt::Display for PersonRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::External(id) => id.fmt(f),
            Self::Vendor(id) => f.write_str(id.as_str()),
        }
    }
}

/// Ids may be personal.
impl fmt::Debug for PersonRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PersonRef(..)")
    }
}

/// A person, with everything the rules ask about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// Who it is.
    pub id: PersonRef,
    /// Groups and name. Empty where the store leaves them to the auth service and they were not read yet.
    pub profile: Profile,
    /// The language of the front end.
    pub language: Option<String>,
}

/// A person together with the role that the groups give.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// The person.
    pub person: Person,
    /// The role at the vendor.
    pub role: Role,
}

/// A person of a stored teleconsultation.
#[derive(Debug, Clone)]
pub struct Participant {
    /// The person.
    pub person: Person,
    /// The role at the vendor, where the store keeps it.
    pub role: Option<Role>,
    /// The person's id at the vendor.
    pub vendor_user_id: UserId,
    /// The personal access link, once there is a room.
    pub access_link: Option<JoinUrl>,
}

impl Participant {
    /// The stored role, else the one that the groups give.
    #[must_use]
    pub fn role(&self, privileges: &Privileges) -> Option<Role> {
        self.role.or_else(|| privileges.role_of(&self.person.profile.groups))
    }

    /// The person as a member of a changed teleconsultation.
    ///
    /// # Errors
    ///
    /// [`ParticipantsRefusal::UnknownGroup`] if no role is stored and none of the groups is configured.
    pub fn member(&self, privileges: &Privileges) -> Result<Member, ParticipantsRefusal> {
        match self.role(privileges) {
            Some(role) => Ok(Member { person: self.person.clone(), role }),
            None => Err(ParticipantsRefusal::UnknownGroup(self.person.id.clone())),
        }
    }
}

/// Why a list of participants is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ParticipantsRefusal {
    /// Fewer than 2 or more than 25 are expected.
    Number,
    /// More are known than expected.
    TooMany,
    /// A person is named twice.
    Twice(PersonRef),
    /// A person is in no configured group.
    UnknownGroup(PersonRef),
}

impl ParticipantList<RequestedParticipant> {
    /// Applies the rules that need no profiles.
    ///
    /// # Errors
    ///
    /// [`ParticipantsRefusal`], the first that applies.
    pub fn check(&self) -> Result<(), ParticipantsRefusal> {
        check(self.number, self.known.iter().map(|one| &one.external_id), |id| PersonRef::External(id.clone()))
    }
}

impl ParticipantList<Person> {
    /// Gives each person a role. All rules are applied to every person before anything is done for the first one.
    ///
    /// # Errors
    ///
    /// [`ParticipantsRefusal`], the first that applies.
    pub fn members(self, privileges: &Privileges) -> Result<Vec<Member>, ParticipantsRefusal> {
        // Checked again: two requested ids may stand for the same person.
        check(self.number, self.known.iter().map(|person| &person.id), PersonRef::clone)?;
        self.known.into_iter().map(|person| member(person, privileges)).collect()
    }
}

fn check<'a, T: Eq + Hash + 'a>(
    number: usize,
    known: impl ExactSizeIterator<Item = &'a T>,
    to_ref: impl Fn(&T) -> PersonRef,
) -> Result<(), ParticipantsRefusal> {
    if !COUNT.contains(&number) {
        return Err(ParticipantsRefusal::Number);
    }
    if known.len() > number {
        return Err(ParticipantsRefusal::TooMany);
    }
    let mut seen = HashSet::new();
    for id in known {
        if !seen.insert(id) {
            return Err(ParticipantsRefusal::Twice(to_ref(id)));
        }
    }
    Ok(())
}

/// Gives a person the role of the groups.
///
/// # Errors
///
/// [`ParticipantsRefusal::UnknownGroup`] if none of the groups is configured.
pub fn member(person: Person, privileges: &Privileges) -> Result<Member, ParticipantsRefusal> {
    match privileges.role_of(&person.profile.groups) {
        Some(role) => Ok(Member { person, role }),
        None => Err(ParticipantsRefusal::UnknownGroup(person.id)),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::{ParticipantList, ParticipantsRefusal, Person, PersonRef, Profile};
    use crate::domain::ids::ExternalId;
    use crate::domain::privileges::{Privileges, Role};

    pub(crate) fn person(id: &str, group: &str) -> Person {
        Person {
            id: PersonRef::External(ExternalId::parse(id).unwrap()),
            profile: Profile { groups: vec![group.to_owned()], full_name: format!("Name of {id}") },
            language: None,
        }
    }

    fn check(number: usize, people: &[(&str, &str)]) -> Result<Vec<Role>, ParticipantsRefusal> {
        let known = people.iter().map(|(id, group)| person(id, group)).collect();
        let members = ParticipantList { number, known }.members(&Privileges::default())?;
        Ok(members.iter().map(|member| member.role).collect())
    }

    #[test]
    fn lists_are_checked_as_a_whole() {
        use ParticipantsRefusal::{Number, TooMany, Twice, UnknownGroup};
        let id = |text| PersonRef::External(ExternalId::parse(text).unwrap());
        let [d, p] = [("d", "doctor"), ("p", "patient")];
        assert_eq!(check(2, &[]), Ok(vec![]));
        assert_eq!(check(2, &[d, p]), Ok(vec![Role::Plus, Role::Basic]));
        assert_eq!(check(1, &[d]), Err(Number));
        assert_eq!(check(0, &[]), Err(Number));
        assert_eq!(check(26, &[]), Err(Number));
        assert_eq!(check(25, &[p]), Ok(vec![Role::Basic]));
        assert_eq!(check(2, &[d, p, ("q", "patient")]), Err(TooMany));
        assert_eq!(check(3, &[d, p, d]), Err(Twice(id("d"))));
        assert_eq!(check(2, &[d, ("x", "cook")]), Err(UnknownGroup(id("x"))));
    }

    #[test]
    fn a_person_known_by_the_vendors_id_alone_equals_no_external_id() {
        let external = ExternalId::parse("usr_1").unwrap();
        let vendor = PersonRef::Vendor(bandyer_client::UserId::new("usr_1").unwrap());
        assert_ne!(vendor, PersonRef::External(external));
        assert_eq!((vendor.external_id(), vendor.to_string().as_str()), (None, "usr_1"));
    }
}
