//! The user map: which vendor user stands for which person.

use bandyer_client::UserId;
use sqlx::Row;

use super::values::millis;
use super::{Read, Tx, json_array};
use crate::domain::ids::ExternalId;
use crate::store::engine::dialect::sql;
use crate::store::{Result, StoreError};

impl Read<'_> {
    /// The vendor ids of those people who have one.
    pub async fn vendor_users(self, people: &[&ExternalId]) -> Result<Vec<(ExternalId, UserId)>> {
        let statement = sql!(self.dialect, "SELECT external_id, vendor_user_id FROM users WHERE external_id IN ", ids);
        let rows = sqlx::query(statement).bind(json_array(people)?).fetch_all(self.pool).await?;
        rows.iter()
            .map(|row| {
                let external = ExternalId::parse(row.try_get("external_id")?);
                let vendor = UserId::new(row.try_get::<String, _>("vendor_user_id")?);
                external.zip(vendor.ok()).ok_or(StoreError::corrupt("a stored user cannot be read"))
            })
            .collect()
    }
}

impl Tx {
    /// Adds rows. An existing row wins.
    pub async fn add_vendor_users(&mut self, users: &[(ExternalId, UserId)]) -> Result<()> {
        let now = self.now().await?;
        for (external, vendor) in users {
            sqlx::query(
                "INSERT INTO users (external_id, vendor_user_id, created_at) VALUES ($1, $2, $3) \
                 ON CONFLICT DO NOTHING",
            )
            .bind(external.as_str())
            .bind(vendor.as_str())
            .bind(millis(now))
            .execute(self.connection())
            .await?;
        }
        Ok(())
    }
}
