//! Who takes part.

use std::collections::HashSet;
use std::fmt;

use bandyer_client::{JoinUrl, UserId};

use super::ids::ExternalId;
use super::privileges::{Privileges, Role};

/// Fewest and most participants of a vendor room.
pub const COUNT: std::ops::RangeInclusive<usize> = 2..=25;

/// Somebody a caller names, before any rule was applied.
#[derive(Clone, PartialEq, Eq)]
pub struct Invitation {
    /// The person's id outside the vendor.
    pub external_id: ExternalId,
    /// The groups the person is in.
    pub groups: Vec<String>,
    /// The name to show.
    pub full_name: String,
    /// The language of the front end.
    pub language: Option<String>,
}

impl Invitation {
    /// Somebody of whom nothing but the id is known.
    #[must_use]
    pub const fn of(external_id: ExternalId) -> Self {
        Self { external_id, groups: Vec::new(), full_name: String::new(), language: None }
    }
}

/// A person: nothing that tells who it is.
impl fmt::Debug for Invitation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Invitation(..)")
    }
}

/// The expected number and those known so far.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invitations {
    /// How many will take part in the end.
    pub number: usize,
    /// Those already known.
    pub known: Vec<Invitation>,
}

/// An invited person with the role that the groups give.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// The person.
    pub invitation: Invitation,
    /// The role at the vendor.
    pub role: Role,
}

/// A person of a stored teleconsultation.
#[derive(Debug, Clone)]
pub struct Participant {
    /// The person. Groups and name are empty where the store leaves them to the auth service.
    pub invitation: Invitation,
    /// The role at the vendor, where the store keeps it.
    pub role: Option<Role>,
    /// The person's id at the vendor.
    pub vendor_user_id: UserId,
    /// The personal link, once there is a room.
    pub access_link: Option<JoinUrl>,
}

impl Participant {
    /// The person's id outside the vendor.
    #[must_use]
    pub const fn external_id(&self) -> &ExternalId {
        &self.invitation.external_id
    }

    /// The role that was stored, else the one that the groups give.
    #[must_use]
    pub fn role(&self, privileges: &Privileges) -> Option<Role> {
        self.role.or_else(|| privileges.role_of(&self.invitation.groups))
    }

    /// The person as a member of a changed teleconsultation.
    ///
    /// # Errors
    ///
    /// [`ParticipantsRefusal::UnknownGroup`] when no role is stored and none of the groups is configured.
    pub fn member(&self, privileges: &Privileges) -> Result<Member, ParticipantsRefusal> {
        match self.role(privileges) {
            Some(role) => Ok(Member { invitation: self.invitation.clone(), role }),
            None => Err(ParticipantsRefusal::UnknownGroup(self.external_id().clone())),
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
    /// Somebody is named twice.
    Twice(ExternalId),
    /// Somebody is in no configured group.
    UnknownGroup(ExternalId),
}

impl Invitations {
    /// Applies the rules to every person before anything is done for the first one.
    ///
    /// # Errors
    ///
    /// [`ParticipantsRefusal`], the first that applies.
    pub fn members(self, privileges: &Privileges) -> Result<Vec<Member>, ParticipantsRefusal> {
        self.check()?;
        self.known.into_iter().map(|invitation| member(invitation, privileges)).collect()
    }

    /// Applies the rules that need no groups.
    ///
    /// # Errors
    ///
    /// [`ParticipantsRefusal`], the first that applies.
    pub fn check(&self) -> Result<(), ParticipantsRefusal> {
        if !COUNT.contains(&self.number) {
            return Err(ParticipantsRefusal::Number);
        }
        if self.known.len() > self.number {
            return Err(ParticipantsRefusal::TooMany);
        }
        let mut seen = HashSet::new();
        if let Some(twice) = self.known.iter().find(|one| !seen.insert(&one.external_id)) {
            return Err(ParticipantsRefusal::Twice(twice.external_id.clone()));
        }
        Ok(())
    }
}

/// Gives a person the role of the groups.
///
/// # Errors
///
/// [`ParticipantsRefusal::UnknownGroup`] when none of the groups is configured.
pub fn member(invitation: Invitation, privileges: &Privileges) -> Result<Member, ParticipantsRefusal> {
    match privileges.role_of(&invitation.groups) {
        Some(role) => Ok(Member { invitation, role }),
        None => Err(ParticipantsRefusal::UnknownGroup(invitation.external_id)),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::{Invitation, Invitations, ParticipantsRefusal};
    use crate::domain::ids::ExternalId;
    use crate::domain::privileges::{Privileges, Role};

    pub(crate) fn invitation(id: &str, group: &str) -> Invitation {
        Invitation {
            external_id: ExternalId::parse(id).unwrap(),
            groups: vec![group.to_owned()],
            full_name: format!("Name of {id}"),
            language: None,
        }
    }

    fn check(number: usize, people: &[(&str, &str)]) -> Result<Vec<Role>, ParticipantsRefusal> {
        let known = people.iter().map(|(id, group)| invitation(id, group)).collect();
        let members = Invitations { number, known }.members(&Privileges::default())?;
        Ok(members.iter().map(|member| member.role).collect())
    }

    #[test]
    fn lists_are_checked_as_a_whole() {
        use ParticipantsRefusal::{Number, TooMany, Twice, UnknownGroup};
        let id = |text| ExternalId::parse(text).unwrap();
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
}
