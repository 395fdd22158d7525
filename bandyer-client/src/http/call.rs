//! The content of a request, and the decoder of its response.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use jiff::Timestamp;
use serde::Serialize;

use super::decode::DecodeFailure;
use super::multipart::{self, Part};
use crate::operations::{Operation, is_parameter};
use crate::types::api_version::ApiVersion;
use crate::types::page::Window;

/// Two megabits per second, below which a practice can hardly hold video calls.
const SLOW_UPLOAD_BYTES_PER_SECOND: usize = 256 * 1024;

/// The content of a request, without host, key and timeouts.
#[derive(Debug, Clone)]
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

    /// The v1 request of an operation, with these values for the parameters of its path.
    pub(crate) fn v1(operation: Operation, values: &[&str]) -> Self {
        Self::of(operation, ApiVersion::V1, values)
    }

    /// The v2 request of an operation, with these values for the parameters of its path.
    pub(crate) fn v2(operation: Operation, values: &[&str]) -> Self {
        Self::of(operation, ApiVersion::V2, values)
    }

    pub(crate) fn of(operation: Operation, version: ApiVersion, values: &[&str]) -> Self {
        #[expect(clippy::expect_used, reason = "the callers are the resources; a test sends every request")]
        let route = operation.route(version).expect("the operation exists in this API version");
        let mut values = values.iter().copied();
        // A missing value is an empty segment, which is refused when the URL is built.
        let segments = route.segments().map(|part| if is_parameter(part) { values.next().unwrap_or("") } else { part });
        let call = Self::new(route.method(), &segments.collect::<Vec<_>>());
        call.idempotent(route.is_idempotent())
    }

    pub(crate) fn idempotent(mut self, yes: bool) -> Self {
        self.idempotent = yes;
        self
    }

    /// Whether executing the call has no effect.
    pub(crate) fn is_read_only(&self) -> bool {
        self.method.is_safe() && self.idempotent
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

    /// # Errors
    ///
    /// The reason, if the client itself sets this header.
    pub(crate) fn add_header(&mut self, name: HeaderName, value: HeaderValue) -> Result<(), String> {
        if ["apikey", "content-length", "content-type", "host", "transfer-encoding"].contains(&name.as_str()) {
            return Err(format!("the header {name} is set by the client"));
        }
        self.headers.append(name, value);
        Ok(())
    }

    /// The time that sending the body takes on a slow line, in addition to the attempt timeout.
    pub(crate) fn upload_time(&self) -> Duration {
        let bytes = self.body.as_ref().map_or(0, |body| body.bytes.len());
        Duration::from_secs((bytes / SLOW_UPLOAD_BYTES_PER_SECOND) as u64)
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

/// Why a request cannot be sent.
#[derive(Debug)]
pub(crate) enum Unsendable {
    /// A value of the caller is not possible.
    Invalid(String),
    /// The API version has the operation, but cannot do this part of it.
    Unsupported(&'static str),
}

impl From<&str> for Unsendable {
    fn from(detail: &str) -> Self {
        Self::Invalid(detail.to_owned())
    }
}

impl From<String> for Unsendable {
    fn from(detail: String) -> Self {
        Self::Invalid(detail)
    }
}

/// A call, or why it cannot be sent.
pub(crate) type Offer<T> = Result<Wire<T>, Unsendable>;

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
