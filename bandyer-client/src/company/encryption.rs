//! Encryption keys for recordings. Neither API version can delete them.

use jiff::Timestamp;

use super::Company;
use super::{v1, v2};
use crate::http::list::List;
use crate::http::request::Request;
use crate::operations::Operation;
use crate::types::api_version::ApiVersion;
use crate::types::ids::EncryptionKeyId;
use crate::types::model::model;

model! {
    /// A registered public key. The response does not contain the key itself.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct EncryptionKey {
        required {
            /// The id.
            id: EncryptionKeyId = "key_id" | "id",
        }
        optional {
            /// When it was registered.
            created_at: Option<Timestamp> = "creation_date",
        }
    }
}

impl Company {
    /// Lists the encryption keys.
    ///
    /// ```no_run
    /// # async fn run(client: bandyer_client::Client) -> bandyer_client::Result<()> {
    /// let keys = client.company().encryption_keys().send().await?.items;
    /// # Ok(())
    /// # }
    /// ```
    pub fn encryption_keys(&self) -> List<EncryptionKey> {
        List::new(&self.connection, Operation::ListEncryptionKeys, (), |version, (), window| {
            Ok(match version {
                ApiVersion::V1 => v1::encryption_keys(window),
                ApiVersion::V2 => v2::encryption_keys(window),
            })
        })
    }

    /// Registers an RSA public key of any size, as PEM. Recordings are then delivered as a zip file with a symmetric
    /// key that only the private key can decrypt. Not retried once it may have reached the vendor.
    ///
    /// ```no_run
    /// # async fn run(client: bandyer_client::Client) -> Result<(), Box<dyn std::error::Error>> {
    /// let key = client.company().create_encryption_key(&std::fs::read_to_string("public.pem")?).send().await?;
    /// client.company().update_recording_settings(true).encryption_key(key.id).send().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn create_encryption_key(&self, public_key_pem: &str) -> Request<EncryptionKey> {
        self.connection.request(Operation::CreateEncryptionKey, |version| match version {
            ApiVersion::V1 => v1::create_encryption_key(public_key_pem),
            ApiVersion::V2 => v2::create_encryption_key(public_key_pem),
        })
    }

    /// Reads one encryption key.
    ///
    /// ```no_run
    /// # use bandyer_client::{Client, EncryptionKeyId};
    /// # async fn run(client: Client, id: EncryptionKeyId) -> bandyer_client::Result<()> {
    /// let since = client.company().encryption_key(&id).send().await?.created_at;
    /// # Ok(())
    /// # }
    /// ```
    pub fn encryption_key(&self, id: &EncryptionKeyId) -> Request<EncryptionKey> {
        self.connection.request(Operation::GetEncryptionKey, |version| match version {
            ApiVersion::V1 => v1::encryption_key(id),
            ApiVersion::V2 => v2::encryption_key(id),
        })
    }
}
