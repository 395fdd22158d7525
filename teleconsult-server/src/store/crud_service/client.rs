//! Calls to the CRUD Service.

use std::sync::atomic::{AtomicUsize, Ordering};

use http::{Method, StatusCode};
use serde_json::Value;

use super::document::Document;
use crate::domain::ids::TeleconsultationId;
use crate::platform::{self, BaseUrl, PlatformClient, UpstreamError};
use crate::store::{Result, StoreError};

/// The name of the service in errors.
const SERVICE: &str = "CRUD Service";
/// Largest page that the CRUD Service serves unless its operator sets another maximum, and its default.
const PAGES: (usize, usize) = (200, 25);
/// Most pages of one query: far more documents than one query of this service can match.
const MAX_PAGES: usize = 40;
/// Names below a collection that are routes of the service, not ids of documents.
const ROUTES: [&str; 9] = ["count", "export", "schema", "schemas", "bulk", "import", "state", "upsert-one", "validate"];

/// States in which a document counts. The CMS hides documents as drafts.
pub(super) const LIVE: &str = "PUBLIC,DRAFT";
/// Also those in the trash, from which the CMS can restore them.
pub(super) const LIVE_OR_TRASHED: &str = "PUBLIC,DRAFT,TRASH";

/// A response that cannot be parsed.
pub(super) fn unreadable() -> StoreError {
    UpstreamError::unreadable(SERVICE).into()
}

pub(super) fn id_of(document: &Value) -> Result<TeleconsultationId> {
    document.get("_id").and_then(Value::as_str).and_then(TeleconsultationId::parse).ok_or_else(unreadable)
}

/// Calls the CRUD Service.
pub(super) struct CrudClient {
    base: BaseUrl,
    http: PlatformClient,
    /// The largest page that the service is known to accept.
    page: AtomicUsize,
}

impl CrudClient {
    pub(super) const fn new(base: BaseUrl, http: PlatformClient) -> Self {
        Self { base, http, page: AtomicUsize::new(PAGES.0) }
    }

    /// Makes one call. `None` stands for a 404.
    pub(super) async fn call(
        &self,
        method: Method,
        segments: &[&str],
        query: &[(&str, String)],
        body: Option<&Value>,
    ) -> std::result::Result<Option<Value>, UpstreamError> {
        let mut url = self.base.below(segments);
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        // Collection, id, action: only the second is a value.
        let template = match segments {
            [collection, id, action @ ..] if !id.is_empty() && *collection != "-" => {
                format!("/{}", [&[*collection, ":id"], action].concat().join("/"))
            }
            route => format!("/{}", route.join("/")),
        };
        let response = self.http.call(SERVICE, method, (url, &template), platform::current(), body).await?;
        Ok((response.status != StatusCode::NOT_FOUND).then_some(response.body))
    }

    /// The documents of a collection that match a filter, oldest first.
    pub(super) async fn list(&self, collection: &str, filter: &Value, states: &str) -> Result<Vec<Value>> {
        let mut found = Vec::new();
        for _ in 0..MAX_PAGES {
            let (page, limit) = self.page(collection, filter, states, found.len()).await?;
            let is_last = page.len() < limit;
            found.extend(page);
            if is_last {
                return Ok(found);
            }
        }
        Err(unreadable())
    }

    /// One page, and how many documents were requested.
    async fn page(&self, collection: &str, filter: &Value, states: &str, skip: usize) -> Result<(Vec<Value>, usize)> {
        loop {
            let limit = self.page.load(Ordering::Relaxed);
            let mut query = vec![
                ("_q", filter.to_string()),
                ("_st", states.to_owned()),
                ("_s", "createdAt".to_owned()),
                ("_l", limit.to_string()),
            ];
            if skip > 0 {
                query.push(("_sk", skip.to_string()));
            }
            match self.call(Method::GET, &[collection, ""], &query, None).await {
                Ok(Some(Value::Array(documents))) => return Ok((documents, limit)),
                // No such collection: the configured names are wrong, and no caller can correct that.
                Ok(_) => return Err(unreadable()),
                Err(error) => match smaller_page(&error, limit) {
                    Some(smaller) => self.page.store(smaller, Ordering::Relaxed),
                    None => return Err(error.into()),
                },
            }
        }
    }

    /// A document in one of these states.
    pub(super) async fn document(
        &self,
        collection: &str,
        id: &TeleconsultationId,
        states: &str,
    ) -> Result<Option<Document>> {
        if ROUTES.contains(&id.as_str()) {
            return Ok(None);
        }
        let query = [("_st", states.to_owned())];
        // Without the parameter, public documents are returned.
        let query: &[_] = if states == "PUBLIC" { &[] } else { &query };
        let found = self.call(Method::GET, &[collection, id.as_str()], query, None).await?;
        found.map(|value| Document::new(value).ok_or_else(unreadable)).transpose()
    }
}

/// The page to request after the service has refused one of this size for being too large.
fn smaller_page(error: &UpstreamError, limit: usize) -> Option<usize> {
    let (status, message) = error.refusal()?;
    let message = message?;
    if status != StatusCode::BAD_REQUEST || !message.contains("_l") || limit <= PAGES.1 {
        return None;
    }
    // Such as `querystring/_l must be <= 100`.
    let digits = message.rsplit(|c: char| !c.is_ascii_digit()).find(|digits| !digits.is_empty());
    let maximum = digits.and_then(|digits| digits.parse().ok()).filter(|maximum| (1..limit).contains(maximum));
    Some(maximum.unwrap_or(PAGES.1))
}
