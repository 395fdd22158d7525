//! The user map: `receivedUserId` is a person's own id, `bandyerId` the vendor's. Of several rows, the oldest counts.

use std::collections::HashMap;

use bandyer_client::UserId;
use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::CrudServiceRecords;
use crate::domain::ids::ExternalId;
use crate::store::Result;

impl CrudServiceRecords {
    /// The vendor users of those people who have one.
    pub(super) async fn mapped(&self, people: &[&ExternalId]) -> Result<Vec<(ExternalId, UserId)>> {
        if people.is_empty() {
            return Ok(Vec::new());
        }
        let filter = json!({"receivedUserId": {"$in": people}});
        let rows = self.client.list(&self.settings.people, &filter, "PUBLIC").await?;
        let mut first: HashMap<ExternalId, UserId> = HashMap::new();
        for (person, vendor) in rows.iter().filter_map(row) {
            first.entry(person).or_insert(vendor);
        }
        Ok(first.into_iter().collect())
    }

    /// The people whose vendor users these are.
    pub(super) async fn external_ids(&self, vendor_users: &[&str]) -> Result<HashMap<String, ExternalId>> {
        if vendor_users.is_empty() {
            return Ok(HashMap::new());
        }
        let filter = json!({"bandyerId": {"$in": vendor_users}});
        let rows = self.client.list(&self.settings.people, &filter, "PUBLIC").await?;
        let mut first = HashMap::new();
        for (person, vendor) in rows.iter().filter_map(row) {
            first.entry(vendor.as_str().to_owned()).or_insert(person);
        }
        Ok(first)
    }

    pub(super) async fn map(&self, users: &[(ExternalId, UserId)]) -> Result<()> {
        for (person, vendor) in users {
            let row = json!({"receivedUserId": person, "bandyerId": vendor, "__STATE__": "PUBLIC"});
            match self.client.call(Method::POST, &[&self.settings.people, ""], &[], Some(&row)).await {
                Ok(Some(_)) => {}
                Ok(None) => return Err(super::client::unreadable()),
                // A project may have a unique index on the id. Then another instance was first, and its row counts.
                Err(error) if error.refusal().is_some_and(|(status, _)| status == StatusCode::CONFLICT) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }
}

fn row(row: &Value) -> Option<(ExternalId, UserId)> {
    let text = |name: &str| row.get(name)?.as_str().filter(|text| !text.is_empty());
    Some((ExternalId::stored(text("receivedUserId")?), UserId::new(text("bandyerId")?).ok()?))
}
