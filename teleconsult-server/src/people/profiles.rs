//! Where the groups and names of people come from: callers, or the platform's auth service.

use std::time::Duration;

use futures_util::{StreamExt, TryStreamExt, stream};

use super::auth_service::AuthService;
use super::custom_id::CustomIds;
use crate::domain::ids::ExternalId;
use crate::domain::participants::{Participant, Person, PersonRef, Profile, RequestedParticipant};
use crate::platform::UpstreamError;

/// How many people are looked up concurrently.
const CONCURRENT_LOOKUPS: usize = 8;
/// How long a viewer waits for the names of the others.
const VIEW_BUDGET: Duration = Duration::from_secs(2);

/// Why a profile cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum ProfileError {
    /// No user has this id.
    #[error("a user is unknown")]
    Unknown(ExternalId),
    /// A platform service failed.
    #[error(transparent)]
    Upstream(#[from] UpstreamError),
}

/// Where groups and names come from.
pub enum ProfileSource {
    /// Callers supply them with each request.
    Caller,
    /// The auth service has them.
    AuthService {
        /// The auth service.
        auth: Box<AuthService>,
        /// Translates the ids that callers send, if they are not the identity provider's.
        custom_ids: Option<Box<CustomIds>>,
    },
}

impl ProfileSource {
    /// Whether callers supply groups and names.
    #[must_use]
    pub const fn is_caller(&self) -> bool {
        matches!(self, Self::Caller)
    }

    /// The requested people with the identity provider's ids and their profiles.
    ///
    /// # Errors
    ///
    /// [`ProfileError`], for the first in the list.
    pub async fn resolve(&self, requested: Vec<RequestedParticipant>) -> Result<Vec<Person>, ProfileError> {
        match self {
            Self::Caller => Ok(requested.into_iter().map(as_supplied).collect()),
            Self::AuthService { auth, custom_ids } => {
                let people = stream::iter(requested).map(|one| resolve_one(auth, custom_ids.as_deref(), one));
                people.buffered(CONCURRENT_LOOKUPS).try_collect().await
            }
        }
    }

    /// Loads the profiles of participants whose record holds none. Those who are unknown by now stay without: a change may
    /// be about to remove just them, and the rules refuse a change that needs their role.
    ///
    /// # Errors
    ///
    /// [`UpstreamError`].
    pub async fn load_missing(&self, participants: &mut [Participant]) -> Result<(), UpstreamError> {
        let Self::AuthService { auth, .. } = self else { return Ok(()) };
        let is_missing = |one: &Participant| one.role.is_none() && one.person.profile.groups.is_empty();
        let missing = participants.iter_mut().filter(|one| is_missing(one)).filter_map(|one| {
            let id = one.person.id.external_id().cloned()?;
            Some((id, &mut one.person.profile))
        });
        let (ids, profiles): (Vec<_>, Vec<_>) = missing.unzip();
        let loaded: Vec<Option<Profile>> = stream::iter(ids)
            .map(|id| async move { auth.profile(&id).await })
            .buffered(CONCURRENT_LOOKUPS)
            .try_collect()
            .await?;
        for (profile, loaded) in profiles.into_iter().zip(loaded) {
            if let Some(loaded) = loaded {
                *profile = loaded;
            }
        }
        Ok(())
    }

    /// As [`load_missing`](Self::load_missing), for a viewer: names that do not arrive soon are left out.
    pub async fn load_missing_for_view(&self, participants: &mut [Participant]) {
        match tokio::time::timeout(VIEW_BUDGET, self.load_missing(participants)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(error = %error, "cannot load the names of participants"),
            Err(_) => tracing::warn!("cannot load the names of participants: the auth service is slow"),
        }
    }

    /// The profile of the person who calls, where the platform has profiles.
    ///
    /// # Errors
    ///
    /// [`UpstreamError`].
    pub async fn of_caller(&self, id: &ExternalId) -> Result<Option<Profile>, UpstreamError> {
        match self {
            Self::Caller => Ok(None),
            Self::AuthService { auth, .. } => auth.profile(id).await,
        }
    }
}

fn as_supplied(requested: RequestedParticipant) -> Person {
    let RequestedParticipant { external_id, language, profile } = requested;
    Person { id: PersonRef::External(external_id), profile: profile.unwrap_or_default(), language }
}

async fn resolve_one(
    auth: &AuthService,
    custom_ids: Option<&CustomIds>,
    requested: RequestedParticipant,
) -> Result<Person, ProfileError> {
    let RequestedParticipant { external_id: requested_id, language, .. } = requested;
    let external_id = match custom_ids {
        Some(custom_ids) => custom_ids.translate(&requested_id).await?,
        None => Some(requested_id.clone()),
    };
    // An error names the id that the caller knows.
    let Some(external_id) = external_id else { return Err(ProfileError::Unknown(requested_id)) };
    match auth.profile(&external_id).await? {
        Some(profile) => Ok(Person { id: PersonRef::External(external_id), profile, language }),
        None => Err(ProfileError::Unknown(requested_id)),
    }
}
