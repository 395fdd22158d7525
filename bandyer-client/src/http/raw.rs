//! Requests to arbitrary paths, with the same key, retries, limits and errors.

use std::fmt;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::{Error, Result};
use crate::http::call::{Call, Payload, Wire};
use crate::http::connection::Connection;
use crate::http::decode::json;
use crate::http::download::DownloadRequest;
use crate::http::multipart::Part;
use crate::http::request::Request;
use crate::types::file::File;

const OPERATION: &str = "raw request";

/// A request to an operation that this crate has no method for; from [`Client::request`](crate::Client::request).
///
/// ```no_run
/// # async fn run(client: bandyer_client::Client) -> Result<(), Box<dyn std::error::Error>> {
/// use http::Method;
///
/// let user: serde_json::Value = client.request(Method::GET, &["users", "doc-0007"]).decode().send().await?;
/// # Ok(())
/// # }
/// ```
#[must_use = "a request does nothing until it is decoded and sent"]
pub struct RawRequest {
    connection: Connection,
    call: Result<Call>,
}

impl RawRequest {
    pub(crate) fn new(connection: Connection, method: Method, path: &[&str]) -> Self {
        Self { connection, call: Ok(Call::new(method, path)) }
    }

    fn map(mut self, change: impl FnOnce(Call) -> Result<Call>) -> Self {
        self.call = self.call.and_then(change);
        self
    }

    /// Adds a parameter to the query string.
    pub fn query(self, name: &str, value: &str) -> Self {
        self.map(|mut call| {
            call.query.push((name.to_owned(), value.to_owned()));
            Ok(call)
        })
    }

    /// Adds a header. The headers of the key and of the body's framing cannot be set: the request then fails with
    /// [`ErrorKind::InvalidRequest`](crate::ErrorKind::InvalidRequest) when it is sent.
    pub fn header(self, name: HeaderName, value: HeaderValue) -> Self {
        self.map(|mut call| {
            call.add_header(name, value).map_err(|detail| Error::invalid_request(OPERATION, detail))?;
            Ok(call)
        })
    }

    /// Sets a JSON body.
    pub fn json(self, body: &(impl Serialize + ?Sized)) -> Self {
        self.map(|mut call| {
            let bytes = serde_json::to_vec(body).map_err(|error| {
                Error::invalid_request(OPERATION, "the body cannot be serialized to JSON").source_of(error)
            })?;
            call.body = Some(Payload::json(bytes));
            Ok(call)
        })
    }

    /// Sets a body of any type.
    ///
    /// ```no_run
    /// # async fn run(client: bandyer_client::Client) -> bandyer_client::Result<()> {
    /// use http::{HeaderValue, Method};
    ///
    /// let csv = HeaderValue::from_static("text/csv");
    /// client.request(Method::POST, &["imports"]).body(csv, "id,role\n").bytes().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn body(self, content_type: HeaderValue, bytes: impl Into<Bytes>) -> Self {
        self.map(|mut call| {
            call.body = Some(Payload { content_type, bytes: bytes.into() });
            Ok(call)
        })
    }

    /// Sets a body of form fields, which may be files (`multipart/form-data`).
    ///
    /// ```no_run
    /// # async fn run(client: bandyer_client::Client) -> Result<(), Box<dyn std::error::Error>> {
    /// use bandyer_client::{File, FormField};
    /// use http::Method;
    ///
    /// let logo = File::png(std::fs::read("logo.png")?)?;
    /// let fields = [FormField::text("theme", "dark"), FormField::file("logo", logo)];
    /// client.request(Method::PUT, &["company", "theme", "logo"]).form(fields).bytes().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn form(self, fields: impl IntoIterator<Item = FormField>) -> Self {
        let fields: Vec<FormField> = fields.into_iter().collect();
        self.map(|call| Ok(call.form(&fields.iter().map(FormField::part).collect::<Vec<_>>())))
    }

    /// Converts this into a download, which reads the response chunk by chunk. See [`DownloadRequest`] for its limits.
    pub fn download(self) -> DownloadRequest {
        DownloadRequest::of_call(self.connection, OPERATION, self.call)
    }

    /// Declares whether the operation is idempotent, which allows more retries. By default all methods are, except POST
    /// and PATCH.
    pub fn idempotent(self, yes: bool) -> Self {
        self.map(|mut call| {
            call.idempotent = yes;
            Ok(call)
        })
    }

    /// Decodes the response as JSON. An empty body, as of status 204, is decoded as `null`, so that `Option<T>`, `()` and
    /// `serde_json::Value` accept it.
    pub fn decode<T: DeserializeOwned + 'static>(self) -> Request<T> {
        let or_null = |body: &[u8]| json::<T>(if body.trim_ascii().is_empty() { b"null" } else { body });
        let wire = self.call.map(|call| Wire { call, decoder: Box::new(or_null) });
        Request::new(self.connection, OPERATION, wire)
    }

    /// Returns the response body unchanged, within the client's size limit.
    pub fn bytes(self) -> Request<Bytes> {
        let wire = self.call.map(|call| Wire { call, decoder: Box::new(|body| Ok(Bytes::copy_from_slice(body))) });
        Request::new(self.connection, OPERATION, wire)
    }
}

impl fmt::Debug for RawRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RawRequest").finish_non_exhaustive()
    }
}

/// A field of a form; for [`RawRequest::form`].
#[derive(Clone)]
pub struct FormField {
    name: String,
    value: FieldValue,
}

#[derive(Clone)]
enum FieldValue {
    Text(String),
    File(File),
}

impl FormField {
    /// A field with a text.
    pub fn text(name: impl Into<String>, value: impl Into<String>) -> Self {
        Self { name: name.into(), value: FieldValue::Text(value.into()) }
    }

    /// A field with a file.
    pub fn file(name: impl Into<String>, file: File) -> Self {
        Self { name: name.into(), value: FieldValue::File(file) }
    }

    fn part(&self) -> Part<'_> {
        match &self.value {
            FieldValue::Text(text) => Part::Text(&self.name, text),
            FieldValue::File(file) => Part::File(&self.name, file),
        }
    }
}

/// Leaves the value out, because it may be personal data.
impl fmt::Debug for FormField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FormField").field("name", &self.name).finish_non_exhaustive()
    }
}
