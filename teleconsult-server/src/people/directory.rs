//! Which vendor user stands for which person.
//!
//! The vendor's id is derived from the person's own: the same person always gets the same vendor user, even if a crash loses
//! the record of its creation. Nothing personal can be read from it. A row in the user map always wins over the rule.

use std::collections::HashMap;

use bandyer_client::UserId;
use data_encoding::BASE32_NOPAD;
use futures_util::{StreamExt, TryStreamExt, stream};
use hmac::{Hmac, KeyInit, Mac};
use secrecy::ExposeSecret;
use sha2::Sha256;

use crate::base::keyed_mutex::KeyedMutex;
use crate::domain::ids::ExternalId;
use crate::domain::participants::{Member, PersonRef};
use crate::domain::privileges::Role;
use crate::store::{Deployment, Store, StoreError, crash_point};
use crate::vendor::{VendorClient, VendorError};

/// How many vendor users are created concurrently for one teleconsultation.
const CONCURRENT_CREATIONS: usize = 8;
/// How much of the digest goes into an id, in bytes: 160 bits rule out collisions, and 32 characters stay readable.
const DIGEST_BYTES: usize = 20;

/// Why a person has no vendor user.
#[derive(Debug, thiserror::Error)]
pub enum DirectoryError {
    /// The user map.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The vendor.
    #[error(transparent)]
    Vendor(#[from] VendorError),
}

/// Finds and creates vendor users.
pub struct Directory {
    store: Store,
    vendor: VendorClient,
    creating: KeyedMutex<ExternalId>,
}

impl Directory {
    /// Keeps the user map in this store.
    #[must_use]
    pub fn new(store: Store, vendor: VendorClient) -> Self {
        Self { store, vendor, creating: KeyedMutex::default() }
    }

    /// The vendor user of a person who has one.
    ///
    /// # Errors
    ///
    /// The store's.
    pub async fn find(&self, person: &ExternalId) -> Result<Option<UserId>, StoreError> {
        Ok(self.store.records().vendor_users(&[person]).await?.pop().map(|(_, vendor)| vendor))
    }

    /// The vendor users of all these people, in their order. Missing ones are created.
    ///
    /// # Errors
    ///
    /// The store's, or the vendor's. Users created before the error stay, and are found the next time.
    pub async fn ensure(&self, members: &[Member]) -> Result<Vec<UserId>, DirectoryError> {
        let ids: Vec<&ExternalId> = members.iter().filter_map(|member| member.person.id.external_id()).collect();
        let mut known: HashMap<ExternalId, UserId> = match ids.as_slice() {
            [] => HashMap::new(),
            ids => self.store.records().vendor_users(ids).await?.into_iter().collect(),
        };
        let missing: Vec<(ExternalId, Role)> = members
            .iter()
            .filter_map(|member| Some((member.person.id.external_id()?.clone(), member.role)))
            .filter(|(id, _)| !known.contains_key(id))
            .collect();
        if !missing.is_empty() {
            // Nothing is created at the vendor that cannot be recorded.
            self.store.check_writable().await?;
            let created: Vec<_> = stream::iter(missing)
                .map(|(id, role)| self.create(id, role))
                .buffered(CONCURRENT_CREATIONS)
                .try_collect()
                .await?;
            known.extend(created);
        }
        members
            .iter()
            .map(|member| match &member.person.id {
                PersonRef::Vendor(user) => Ok(user.clone()),
                PersonRef::External(id) => {
                    let user = known.get(id).cloned();
                    user.ok_or(DirectoryError::Store(StoreError::corrupt("a user that was just stored is missing")))
                }
            })
            .collect()
    }

    async fn create(&self, person: ExternalId, role: Role) -> Result<(ExternalId, UserId), DirectoryError> {
        let _guard = self.creating.lock(&person).await;
        if let Some(user) = self.find(&person).await? {
            return Ok((person, user));
        }
        let user = vendor_user_id(self.store.deployment(), &person);
        self.vendor.ensure_user(&user, role).await?;
        crash_point!("C2");
        let row = (person.clone(), user.clone());
        self.store.records().add_vendor_users(&[row]).await?;
        // Another instance may have been first, and all must use the same user.
        let user = self.find(&person).await?.unwrap_or(user);
        Ok((person, user))
    }
}

/// `tc_` and 32 letters and digits. The key belongs to the deployment, so the id reveals nothing, even to an attacker who can
/// guess the person's own id.
fn vendor_user_id(deployment: &Deployment, person: &ExternalId) -> UserId {
    #[expect(clippy::expect_used, reason = "HMAC takes a key of any length")]
    let mut mac = Hmac::<Sha256>::new_from_slice(deployment.user_id_key.expose_secret()).expect("a key");
    mac.update(person.as_str().as_bytes());
    let digest = mac.finalize().into_bytes();
    let text = format!("tc_{}", BASE32_NOPAD.encode(&digest[..DIGEST_BYTES]).to_ascii_lowercase());
    #[expect(clippy::expect_used, reason = "35 letters and digits are always an id")]
    UserId::new(text).expect("an id")
}

#[cfg(test)]
mod tests {
    use super::vendor_user_id;
    use crate::domain::ids::ExternalId;
    use crate::store::Deployment;

    #[test]
    fn the_id_depends_on_person_and_deployment_and_reveals_neither() {
        let id = |key: &[u8], person: &str| {
            let deployment = Deployment { id: "d".into(), user_id_key: key.to_vec().into() };
            vendor_user_id(&deployment, &ExternalId::parse(person).unwrap()).to_string()
        };
        let anna = id(b"key", "anna@clinic.example");
        assert_eq!(anna, id(b"key", "anna@clinic.example"));
        assert_ne!(anna, id(b"other key", "anna@clinic.example"));
        assert_ne!(anna, id(b"key", "bruno@clinic.example"));
        assert!(!anna.contains("anna"));
        assert!(anna.len() == 35 && anna.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_'), "{anna}");
    }
}
