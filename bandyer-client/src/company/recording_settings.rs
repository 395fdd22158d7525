//! Retention, compression and encryption of recordings.

use super::Company;
use super::{v1, v2};
use crate::error::Result;
use crate::http::request::{Request, awaitable};
use crate::operations::Operation;
use crate::types::api_version::ApiVersion;
use crate::types::ids::EncryptionKeyId;
use crate::types::model::model;

/// Retention periods in days that are allowed in addition to 0 to 15. Source: the vendor's page on recording
/// configuration.
const LONG_RETENTIONS: [u32; 6] = [30, 60, 90, 120, 180, 365];

model! {
    /// Retention, compression and encryption of recordings.
    #[derive(Debug, Clone, Default, PartialEq, Eq)]
    pub struct RecordingSettings {
        required {}
        optional {
            /// The number of days until a recording is deleted.
            retention_days: Option<u32> = "retention_days",
            /// Whether recordings are compressed.
            compression: Option<bool> = "compression",
            /// The key that recordings are encrypted with; `None` if they are not encrypted.
            encryption_key: Option<EncryptionKeyId> = "encryption_key_id",
        }
    }
}

impl Company {
    /// Reads the recording settings.
    ///
    /// ```no_run
    /// # async fn run(client: bandyer_client::Client) -> bandyer_client::Result<()> {
    /// let days = client.company().recording_settings().send().await?.retention_days;
    /// # Ok(())
    /// # }
    /// ```
    pub fn recording_settings(&self) -> Request<RecordingSettings> {
        self.connection.request(Operation::GetRecordingSettings, |version| match version {
            ApiVersion::V1 => v1::recording_settings(),
            ApiVersion::V2 => v2::recording_settings(),
        })
    }

    /// Changes the recording settings. The vendor requires the compression flag in each change.
    ///
    /// ```no_run
    /// # async fn run(client: bandyer_client::Client) -> bandyer_client::Result<()> {
    /// client.company().update_recording_settings(true).retention_days(30).send().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn update_recording_settings(&self, compression: bool) -> UpdateRecordingSettings {
        UpdateRecordingSettings {
            of: self.clone(),
            change: SettingsChange { compression, retention_days: None, encryption_key: None },
        }
    }
}

/// The outer `None` leaves the key unchanged, the inner one turns encryption off.
#[derive(Debug, Clone)]
pub(crate) struct SettingsChange {
    pub(crate) compression: bool,
    pub(crate) retention_days: Option<u32>,
    pub(crate) encryption_key: Option<Option<EncryptionKeyId>>,
}

/// A change to the recording settings; from [`Company::update_recording_settings`].
#[derive(Debug, Clone)]
#[must_use = "a request does nothing until it is awaited"]
pub struct UpdateRecordingSettings {
    of: Company,
    change: SettingsChange,
}

awaitable!(UpdateRecordingSettings => RecordingSettings);

impl UpdateRecordingSettings {
    /// Sets the retention in days: 0 to 15, 30, 60, 90, 120, 180 or 365.
    pub const fn retention_days(mut self, days: u32) -> Self {
        self.change.retention_days = Some(days);
        self
    }

    /// Encrypts future recordings with this key.
    pub fn encryption_key(mut self, key: EncryptionKeyId) -> Self {
        self.change.encryption_key = Some(Some(key));
        self
    }

    /// Turns encryption off.
    pub fn no_encryption(mut self) -> Self {
        self.change.encryption_key = Some(None);
        self
    }

    /// Converts this into a [`Request`], for example to set its timeout or retry policy.
    pub fn into_request(self) -> Request<RecordingSettings> {
        let Self { of: Company { connection }, change } = self;
        connection.try_request(Operation::UpdateRecordingSettings, |version| match version {
            _ if change.retention_days.is_some_and(|days| days > 15 && !LONG_RETENTIONS.contains(&days)) => {
                Err("recordings are kept for 0 to 15, 30, 60, 90, 120, 180 or 365 days".into())
            }
            ApiVersion::V1 => Ok(v1::update_recording_settings(&change)),
            ApiVersion::V2 => Ok(v2::update_recording_settings(&change)),
        })
    }

    /// Sends the request.
    ///
    /// # Errors
    ///
    /// As [`Request::send`].
    pub async fn send(self) -> Result<RecordingSettings> {
        self.into_request().send().await
    }
}
