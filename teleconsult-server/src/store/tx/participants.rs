//! The participants column: a JSON array with the field names of the predecessor.

use bandyer_client::{JoinUrl, UserId};
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use crate::domain::ids::ExternalId;
use crate::domain::participants::{Participant, Person, PersonRef, Profile};
use crate::domain::privileges::Role;
use crate::store::{Result, StoreError};

#[skip_serializing_none]
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Column<'a> {
    user_external_id: Option<ExternalId>,
    user_bandyer_id: UserId,
    role: Option<Role>,
    groups: Vec<String>,
    full_name: String,
    language: Option<String>,
    #[serde(rename = "accessLinkURL", borrow)]
    access_link: Option<std::borrow::Cow<'a, str>>,
}

pub(super) fn to_column(participants: &[Participant]) -> Result<String> {
    let column: Vec<Column<'_>> = participants
        .iter()
        .map(|participant| Column {
            user_external_id: participant.person.id.external_id().cloned(),
            user_bandyer_id: participant.vendor_user_id.clone(),
            role: participant.role,
            groups: participant.person.profile.groups.clone(),
            full_name: participant.person.profile.full_name.clone(),
            language: participant.person.language.clone(),
            access_link: participant.access_link.as_ref().map(|link| link.expose().into()),
        })
        .collect();
    serde_json::to_string(&column).map_err(|error| StoreError::new("cannot encode participants", error))
}

/// The column without access links. One that cannot be read may hold links anywhere, so nothing of it stays.
pub(super) fn without_links(column: &str) -> String {
    let Ok(mut people) = serde_json::from_str::<Vec<serde_json::Map<String, serde_json::Value>>>(column) else {
        return "[]".to_owned();
    };
    for person in &mut people {
        person.shift_remove("accessLinkURL");
    }
    serde_json::Value::from_iter(people).to_string()
}

pub(super) fn from_column(column: &str) -> Result<Vec<Participant>> {
    // Not the parser's own error, which quotes its input.
    let column: Vec<Column<'_>> =
        serde_json::from_str(column).map_err(|_| StoreError::corrupt("stored participants cannot be read"))?;
    Ok(column
        .into_iter()
        .map(|one| Participant {
            person: Person {
                id: one
                    .user_external_id
                    .map_or_else(|| PersonRef::Vendor(one.user_bandyer_id.clone()), PersonRef::External),
                profile: Profile { groups: one.groups, full_name: one.full_name },
                language: one.language,
            },
            role: one.role,
            vendor_user_id: one.user_bandyer_id,
            access_link: one.access_link.map(|link| JoinUrl::from(link.into_owned())),
        })
        .collect())
}

#[cfg(test)]
mod tests {
    use super::without_links;

    #[test]
    fn links_leave_a_column_and_everything_else_stays() {
        let column = r#"[{"fullName":"A","accessLinkURL":"https://h/canary","role":"plus"},{"fullName":"B"}]"#;
        assert_eq!(without_links(column), r#"[{"fullName":"A","role":"plus"},{"fullName":"B"}]"#);
        for unreadable in ["https://h/canary", r#"{"accessLinkURL":"https://h/canary"}"#, r#"["https://h/canary"]"#] {
            assert_eq!(without_links(unreadable), "[]");
        }
    }
}
