//! Which vendor user stands for which person.
//!
//! The vendor's id is made of the person's own: the same person always gets the same vendor user, also when a crash
//! forgets that it was made. Nothing personal can be read from it. A row in the user map always wins over the rule.

use std::collections::HashMap;
use std::sync::Arc;

use bandyer_client::UserId;
use data_encoding::BASE32_NOPAD;
use futures_util::{StreamExt, TryStreamExt, stream};
use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use secrecy::ExposeSecret;
use sha2::Sha256;

use crate::base::crash_points::crash_point;
use crate::base::keyed_mutex::KeyedMutex;
use crate::domain::ids::ExternalId;
use crate::domain::participants::Member;
use crate::store::{Deployment, Store, StoreError};
use crate::vendor::{VendorClient, VendorError};

/// How many vendor users are made at once for one teleconsultation.
const CONCURRENT_CREATIONS: usize = 8;
/// How much of the digest goes into an id, in bytes: 160 bits collide for nobody, and 32 letters stay readable.
const DIGEST_BYTES: usize = 20;

/// Why somebody has no vendor user.
#[derive(Debug, thiserror::Error)]
pub enum DirectoryError {
    /// The user map.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The vendor.
    #[error(transparent)]
    Vendor(#[from] VendorError),
}

/// Finds and makes vendor users.
pub struct Directory {
    store: Arc<dyn Store>,
    calls: VendorClient,
    creating: KeyedMutex<ExternalId>,
}

impl Directory {
    /// Keeps its rows in this store.
    #[must_use]
    pub fn new(store: Arc<dyn Store>, calls: VendorClient) -> Self {
        Self { store, calls, creating: KeyedMutex::default() }
    }

    /// The vendor user of somebody who is already known.
    ///
    /// # Errors
    ///
    /// The store's.
    pub async fn find(&self, person: &ExternalId) -> Result<Option<UserId>, StoreError> {
        Ok(self.store.vendor_users(&[person]).await?.pop().map(|(_, vendor)| vendor))
    }

    /// The vendor users of all these people, in their order; those who have none get one.
    ///
    /// # Errors
    ///
    /// The store's, or the vendor's. Users made before the error stay, and are found the next time.
    pub async fn ensure(&self, members: &[Member]) -> Result<Vec<UserId>, DirectoryError> {
        let people: Vec<&ExternalId> = members.iter().map(|member| &member.invitation.external_id).collect();
        if people.is_empty() {
            return Ok(Vec::new());
        }
        let mut known: HashMap<ExternalId, UserId> = self.store.vendor_users(&people).await?.into_iter().collect();
        let missing: Vec<&Member> =
            members.iter().filter(|member| !known.contains_key(&member.invitation.external_id)).collect();
        if !missing.is_empty() {
            // Nothing is asked of the vendor that could not be remembered.
            self.store.probe().await?;
            let made: Vec<_> = stream::iter(missing.into_iter().cloned())
                .map(|member| self.create(member))
                .buffered(CONCURRENT_CREATIONS)
                .try_collect()
                .await?;
            known.extend(made);
        }
        members
            .iter()
            .map(|member| {
                let vendor = known.get(&member.invitation.external_id).cloned();
                vendor.ok_or(DirectoryError::Store(StoreError::corrupt("a user that was just stored is not there")))
            })
            .collect()
    }

    async fn create(&self, member: Member) -> Result<(ExternalId, UserId), DirectoryError> {
        let person = member.invitation.external_id;
        let _alone = self.creating.lock(&person).await;
        if let Some(vendor) = self.find(&person).await? {
            return Ok((person, vendor));
        }
        let vendor = vendor_user_id(self.store.journal().deployment(), &person);
        self.calls.ensure_user(&vendor, member.role).await?;
        crash_point!("C2");
        self.store.remember_users(&[(person.clone(), vendor.clone())], Timestamp::now()).await?;
        // Another instance may have been first; all must name the same user.
        let vendor = self.find(&person).await?.unwrap_or(vendor);
        Ok((person, vendor))
    }
}

/// `tc_` and 32 letters and digits. The key belongs to the deployment, so the id tells nothing even to somebody who can
/// guess the person's own.
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
    fn the_id_depends_on_the_person_and_the_deployment_and_shows_neither() {
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
