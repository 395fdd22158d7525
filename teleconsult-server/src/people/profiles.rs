//! Who the people of a teleconsultation are: as the caller tells, or as the platform knows them.

use std::time::Duration;

use futures_util::{StreamExt, TryStreamExt, stream};

use super::auth_service::{AuthService, Person};
use super::custom_id::CustomIds;
use crate::domain::ids::ExternalId;
use crate::domain::participants::{Invitation, Participant};
use crate::platform::UpstreamError;

/// How many people are asked for at once.
const CONCURRENT: usize = 8;
/// How long a viewer waits for the names of the others.
const NAMES_BUDGET: Duration = Duration::from_secs(2);

/// Why it is not known who somebody is.
#[derive(Debug, thiserror::Error)]
pub enum PeopleError {
    /// Nobody has this id.
    #[error("a user is unknown")]
    Unknown(ExternalId),
    /// A platform service.
    #[error(transparent)]
    Upstream(#[from] UpstreamError),
}

/// Where groups and names come from.
pub enum People {
    /// The caller tells them.
    Told,
    /// The auth service knows them.
    Known {
        /// The auth service.
        auth: Box<AuthService>,
        /// What translates the ids that callers send, where they are not the identity provider's.
        custom: Option<Box<CustomIds>>,
    },
}

impl People {
    /// Whether callers tell groups and names.
    #[must_use]
    pub const fn are_told(&self) -> bool {
        matches!(self, Self::Told)
    }

    /// The people whom a caller names, with the identity provider's ids, their groups and names.
    ///
    /// # Errors
    ///
    /// [`PeopleError`], for the first in the list.
    pub async fn invited(&self, named: Vec<Invitation>) -> Result<Vec<Invitation>, PeopleError> {
        if self.are_told() {
            return Ok(named);
        }
        stream::iter(named).map(|one| self.invite(one)).buffered(CONCURRENT).try_collect().await
    }

    async fn invite(&self, one: Invitation) -> Result<Invitation, PeopleError> {
        let Self::Known { custom: Some(custom), .. } = self else { return self.describe(one).await };
        // An error names the id that the caller knows.
        let unknown = PeopleError::Unknown(one.external_id.clone());
        let Some(external_id) = custom.translate(&one.external_id).await? else { return Err(unknown) };
        match self.describe(Invitation { external_id, ..one }).await {
            Err(PeopleError::Unknown(_)) => Err(unknown),
            described => described,
        }
    }

    async fn describe(&self, one: Invitation) -> Result<Invitation, PeopleError> {
        let Self::Known { auth, .. } = self else { return Ok(one) };
        match auth.person(&one.external_id).await? {
            Some(person) => Ok(described(one, person)),
            None => Err(PeopleError::Unknown(one.external_id)),
        }
    }

    /// Reads groups and names of participants whose record holds none. Who is unknown by now stays without: a change may
    /// be about to remove just them, and the rules refuse one that needs their role.
    ///
    /// # Errors
    ///
    /// [`PeopleError::Upstream`].
    pub async fn complete(&self, participants: &mut [Participant]) -> Result<(), PeopleError> {
        let is_missing = |one: &&mut Participant| {
            one.role.is_none() && one.invitation.groups.is_empty() && one.external_id().is_known()
        };
        if self.are_told() {
            return Ok(());
        }
        let missing: Vec<&mut Participant> = participants.iter_mut().filter(is_missing).collect();
        let asked: Vec<Invitation> = missing.iter().map(|one| one.invitation.clone()).collect();
        let answers: Vec<Invitation> =
            stream::iter(asked).map(|one| self.describe_if_known(one)).buffered(CONCURRENT).try_collect().await?;
        for (one, answer) in missing.into_iter().zip(answers) {
            one.invitation = answer;
        }
        Ok(())
    }

    async fn describe_if_known(&self, one: Invitation) -> Result<Invitation, PeopleError> {
        match self.describe(one.clone()).await {
            Err(PeopleError::Unknown(_)) => Ok(one),
            described => described,
        }
    }

    /// As [`People::complete`], for somebody who looks: names that cannot be had soon are left out.
    pub async fn complete_for_view(&self, participants: &mut [Participant]) {
        match tokio::time::timeout(NAMES_BUDGET, self.complete(participants)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(error = %error, "names are missing from an answer"),
            Err(_) => tracing::warn!("names are missing from an answer: the auth service is slow"),
        }
    }

    /// The person who calls, where the platform knows people.
    ///
    /// # Errors
    ///
    /// [`UpstreamError`].
    pub async fn caller(&self, id: &ExternalId) -> Result<Option<Invitation>, UpstreamError> {
        let Self::Known { auth, .. } = self else { return Ok(None) };
        Ok(auth.person(id).await?.map(|person| described(Invitation::of(id.clone()), person)))
    }
}

fn described(one: Invitation, person: Person) -> Invitation {
    Invitation { groups: person.groups, full_name: person.name.unwrap_or_default(), ..one }
}
