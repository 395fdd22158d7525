//! The content of a request, and the decoder of its response.

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method};
use jiff::Timestamp;
use serde::Serialize;

use super::decode::DecodeFailure;
use super::multipart::{self, Part};
use crate::types::page::Window;

/// The content of a request, without host, key and timeouts.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) method: Method,
    /// The path below the prefix of the API version. Each segment is escaped when the URL is built.
    pub(crate) segments: Vec<String>,
    pub(crate) query: Vec<(String, String)>,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Option<Payload>,
    /// Whether executing the call twice has the same effect as executing it once.
    pub(crate) idempotent: bool,
}

impl Call {
    pub(crate) fn new(method: Method, segments: &[&str]) -> Self {
        // Extension methods are unknown here, so they count as not idempotent.
        let idempotent = method.is_idempotent();
        Self {
            method,
            segments: segments.iter().map(|segment| (*segment).to_owned()).collect(),
            query: Vec::new(),
            headers: HeaderMap::new(),
            body: None,
            idempotent,
        }
    }

    pub(crate) fn get(segments: &[&str]) -> Self {
        Self::new(Method::GET, segments)
    }

    pub(crate) fn put(segments: &[&str]) -> Self {
        Self::new(Method::PUT, segments)
    }

    pub(crate) fn post(segments: &[&str]) -> Self {
        Self::new(Method::POST, segments)
    }

    pub(crate) fn delete(segments: &[&str]) -> Self {
        Self::new(Method::DELETE, segments)
    }

    pub(crate) fn idempotent(mut self, yes: bool) -> Self {
        self.idempotent = yes;
        self
    }

    pub(crate) fn query(mut self, name: &str, value: Option<impl ToString>) -> Self {
        if let Some(value) = value {
            self.query.push((name.to_owned(), value.to_string()));
        }
        self
    }

    pub(crate) fn json(mut self, body: &impl Serialize) -> Self {
        #[expect(clippy::expect_used, reason = "the wire structs are plain: string keys, no failing serializer")]
        let bytes = serde_json::to_vec(body).expect("a wire struct is always JSON");
        self.body = Some(Payload::json(bytes));
        self
    }

    /// The JSON body.
    #[cfg(test)]
    pub(crate) fn json_body(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body.as_ref().unwrap().bytes).unwrap()
    }

    pub(crate) fn form(mut self, parts: &[Part<'_>]) -> Self {
        self.body = Some(multipart::encode(parts));
        self
    }

    /// Adds offset and page size under their v1 names. Values that are not set are left to the vendor.
    pub(crate) fn skip_and_limit(self, window: Window) -> Self {
        self.query("skip", window.offset_if_any()).query("limit", window.page_size)
    }

    /// Adds offset and page size under their v2 names.
    pub(crate) fn offset_and_limit(self, window: Window) -> Self {
        self.query("offset", window.offset_if_any()).query("limit", window.page_size)
    }

    /// Adds offset and page size under the bracketed names of the v1 lists that return no `has_more`.
    pub(crate) fn filter_window(self, window: Window) -> Self {
        self.query("filter[skip]", window.offset_if_any()).query("filter[limit]", window.page_size)
    }

    pub(crate) fn decode_with<T>(
        self,
        decoder: impl Fn(&[u8]) -> Result<T, DecodeFailure> + Send + Sync + 'static,
    ) -> Wire<T> {
        Wire { call: self, decoder: Box::new(decoder) }
    }
}

/// The body of a request, which can be sent more than once.
#[derive(Debug, Clone)]
pub(crate) struct Payload {
    pub(crate) content_type: HeaderValue,
    pub(crate) bytes: Bytes,
}

impl Payload {
    pub(crate) fn json(bytes: Vec<u8>) -> Self {
        Self { content_type: HeaderValue::from_static("application/json"), bytes: Bytes::from(bytes) }
    }
}

/// A call and the decoder of its response.
pub(crate) struct Wire<T> {
    pub(crate) call: Call,
    pub(crate) decoder: Decoder<T>,
}

pub(crate) type Decoder<T> = Box<dyn Fn(&[u8]) -> Result<T, DecodeFailure> + Send + Sync>;

/// Why an API version has no call for a request.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Lacking {
    /// It does not have the operation.
    Operation,
    /// It has the operation, but not this part of it.
    Part(&'static str),
}

/// A call, or what the API version lacks for it.
pub(crate) type Offer<T> = Result<Wire<T>, Lacking>;

/// Timestamps with milliseconds, as in the vendor's samples; one of the vendor's clients rejects other forms.
pub(crate) fn iso_millis(moment: Timestamp) -> String {
    format!("{moment:.3}")
}

#[cfg(test)]
mod tests {
    #[test]
    fn extension_methods_are_not_idempotent() {
        let idempotent = |method: &str| super::Call::new(method.parse().unwrap(), &[]).idempotent;
        assert_eq!(
            ["GET", "PUT", "DELETE", "POST", "PATCH", "PURCHASE"].map(idempotent),
            [true, true, true, false, false, false]
        );
    }
}
