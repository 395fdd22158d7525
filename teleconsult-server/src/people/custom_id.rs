//! Translates a project's own user ids into those of the identity provider.

use std::time::Duration;

use http::{Method, StatusCode};
use serde_json::Value;
use url::Url;

use crate::base::ttl_cache::TtlCache;
use crate::domain::ids::ExternalId;
use crate::platform::{self, PlatformClient, UpstreamError};

/// The name of the service in errors.
const SERVICE: &str = "users service";

/// Where users are found by a project's own id.
#[derive(Debug, Clone)]
pub struct CustomIdSettings {
    /// The users collection; its path ends with a slash.
    pub endpoint: Url,
    /// The field that holds the project's id.
    pub source: String,
    /// The field that holds the identity provider's id.
    pub target: String,
    /// How long a response is cached.
    pub fresh: Duration,
}

impl CustomIdSettings {
    fn filtered_by(&self, id: &ExternalId) -> Url {
        let mut url = self.endpoint.clone();
        url.query_pairs_mut().append_pair(&self.source, id.as_str());
        url
    }

    fn single(&self, id: &ExternalId) -> Url {
        let mut url = self.endpoint.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().push(id.as_str());
        }
        url
    }
}

/// The users collection of a project.
pub struct CustomIds {
    settings: CustomIdSettings,
    client: PlatformClient,
    known: TtlCache<ExternalId, ExternalId>,
}

impl CustomIds {
    /// Calls the service with this client.
    #[must_use]
    pub fn new(settings: CustomIdSettings, client: PlatformClient) -> Self {
        let known = TtlCache::new(settings.fresh);
        Self { settings, client, known }
    }

    /// The identity provider's id of the person with this id, if there is one.
    ///
    /// # Errors
    ///
    /// [`UpstreamError`].
    pub async fn translate(&self, id: &ExternalId) -> Result<Option<ExternalId>, UpstreamError> {
        self.known.get(id.clone(), self.request(id)).await
    }

    async fn request(&self, id: &ExternalId) -> Result<Option<ExternalId>, UpstreamError> {
        let path = self.settings.endpoint.path();
        if let Some(found) = self.read((self.settings.filtered_by(id), path), id).await? {
            return Ok(Some(found));
        }
        if self.settings.source != "_id" {
            return Ok(None);
        }
        // A service that does not filter by `_id` may still return a single document by it.
        self.read((self.settings.single(id), &format!("{path}:id")), id).await
    }

    async fn read(&self, target: (Url, &str), id: &ExternalId) -> Result<Option<ExternalId>, UpstreamError> {
        match self.client.call(SERVICE, Method::GET, target, platform::current(), None).await {
            Ok(response) => Ok(translated(&response.body, &self.settings.source, &self.settings.target, id.as_str())),
            Err(error) if error.refusal().is_some_and(|(status, _)| status == StatusCode::BAD_REQUEST) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// The target of the document whose source is this id, in a response that may hold other documents too.
fn translated(body: &Value, source: &str, target: &str, id: &str) -> Option<ExternalId> {
    let documents = match body {
        Value::Array(documents) => documents.as_slice(),
        single => std::slice::from_ref(single),
    };
    let at = |document: &'_ Value, name: &str| -> Option<String> {
        let value = name.split('.').try_fold(document, |value, part| value.get(part))?;
        value.as_str().map(str::to_owned).or_else(|| value.as_i64().map(|number| number.to_string()))
    };
    let found = documents.iter().find(|document| at(document, source).is_some_and(|own| own == id))?;
    ExternalId::parse(&at(found, target)?)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use percent_encoding::percent_decode_str;
    use proptest::prelude::*;
    use serde_json::json;
    use url::Position;

    use super::{CustomIdSettings, translated};
    use crate::domain::ids::ExternalId;

    #[test]
    fn no_id_changes_the_rest_of_the_url() {
        let settings = CustomIdSettings {
            endpoint: "http://crud:81/base/users/".parse().unwrap(),
            source: "_id".to_owned(),
            target: "authUserId".to_owned(),
            fresh: Duration::ZERO,
        };
        proptest!(|(text in any::<String>())| {
            let filtered = settings.filtered_by(&ExternalId::stored(&text));
            prop_assert_eq!(&filtered[..Position::AfterPath], "http://crud:81/base/users/");
            prop_assert!(filtered.fragment().is_none());
            prop_assert_eq!(filtered.query_pairs().into_owned().collect::<Vec<_>>(), [("_id".to_owned(), text)]);
        });
        // Only valid ids are looked up, so neither an empty string nor dots occur here.
        proptest!(|(text in "[A-Za-z0-9._~!$&'()*+,;=:@|-]{1,40}|[./%?#]{1,6}")| {
            let Some(id) = ExternalId::parse(&text) else { return Ok(()) };
            let single = settings.single(&id);
            let own = single.as_str().strip_prefix("http://crud:81/base/users/").unwrap();
            prop_assert!(!own.contains(['/', '?', '#']), "{own}");
            prop_assert_eq!(percent_decode_str(own).decode_utf8().unwrap(), text);
        });
    }

    #[test]
    fn only_the_document_with_the_id_is_taken() {
        let document = json!({"_id": "1", "authUserId": "auth0|1", "profile": {"code": 7}});
        let other = json!({"_id": "2", "authUserId": "auth0|2"});
        let found = |body, source| translated(&body, source, "authUserId", if source == "_id" { "1" } else { "7" });
        let text = |id: Option<crate::domain::ids::ExternalId>| id.map(|id| id.to_string());
        assert_eq!(text(found(json!([other, document]), "_id")).as_deref(), Some("auth0|1"));
        assert_eq!(text(found(document.clone(), "_id")).as_deref(), Some("auth0|1"));
        assert_eq!(text(found(json!([document]), "profile.code")).as_deref(), Some("auth0|1"));
        for body in [json!([]), json!([other]), other.clone(), json!({"error": "not found"}), json!([{"_id": "1"}])] {
            assert_eq!(text(found(body, "_id")), None);
        }
    }
}
