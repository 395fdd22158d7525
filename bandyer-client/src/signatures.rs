//! Electronic signatures. v2 only, except for the envelopes of a room.
//!
//! Only the names and the requirements of the vendor's documentation pages are known. Paths and field names are
//! inferred.

pub(crate) mod v1;
pub(crate) mod v2;

use crate::http::call::Wire;
use std::fmt;

use jiff::Timestamp;
use serde::Serialize;

use crate::error::Result;
use crate::http::connection::handle;
use crate::http::list::List;
use crate::http::request::Request;
use crate::operations::Operation;
use crate::types::api_version::v2_only;
use crate::types::file::File;
use crate::types::ids::{EnvelopeId, RoomId, TemplateId, UserId};
use crate::types::model::model;

/// Number of digits of a telephone number, after `+` or `00`. Source: the vendor's page on signatures.
const PHONE_DIGITS: std::ops::RangeInclusive<usize> = 6..=20;

model! {
    /// A document that was sent for signature.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Envelope {
        required {
            /// The id.
            id: EnvelopeId = "id" | "envelope_id",
        }
        optional {
            /// The room in which the signature was requested.
            room_id: Option<RoomId> = "room_id",
            /// The id at the signature provider, with which the signed document can be downloaded.
            provider_id: Option<String> = "provider_id",
            /// The state. The vendor does not document the possible values.
            status: Option<String> = "status",
            /// When it was created.
            created_at: Option<Timestamp> = "creation_date",
        }
    }
}

model! {
    /// A template that defines how documents are signed.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct SignatureTemplate {
        required {
            /// The id.
            id: TemplateId = "id" | "template_id",
        }
        optional {
            /// The name.
            name: Option<String> = "name",
            /// When it was created.
            created_at: Option<Timestamp> = "creation_date",
        }
    }
}

model! {
    /// A requested signature.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct RequestedSignature {
        required {
            /// The id at the signature provider, with which the signed document can be downloaded.
            provider_id: String = "provider_id",
        }
        optional {}
    }
}

/// A request to sign a document in a room. `Debug` leaves all personal data out.
///
/// ```
/// use bandyer_client::signatures::{NewSignature, Signer};
/// use bandyer_client::{File, RoomId, TemplateId, UserId};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let signer = Signer::new("patient@example.org", "+390255500000", "M.", "Rossi");
/// let document = File::new("consent.pdf", "application/pdf", "%PDF-1.7")?;
/// let signature = NewSignature::new("consent", RoomId::new("room_3f9a1c77b2de")?, document)
///     .operator(UserId::new("doc-0007")?)
///     .client(UserId::new("pat-0042")?, signer)
///     .template(TemplateId::new("template-1")?);
/// assert!(!format!("{signature:?}").contains("Rossi"));
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
#[must_use]
pub struct NewSignature {
    pub(crate) envelope_name: String,
    pub(crate) room: RoomId,
    pub(crate) document: File,
    pub(crate) operator: Option<UserId>,
    pub(crate) client: Option<(UserId, Signer)>,
    pub(crate) template: Option<TemplateId>,
}

impl NewSignature {
    /// Creates a request to sign a document in a room with a running call. The operator, the client and the template
    /// are required too: without them the request fails with
    /// [`ErrorKind::InvalidRequest`](crate::ErrorKind::InvalidRequest).
    pub fn new(envelope_name: impl Into<String>, room: RoomId, document: File) -> Self {
        Self { envelope_name: envelope_name.into(), room, document, operator: None, client: None, template: None }
    }

    /// Sets the user who requests the signature: a plus user with the tool `sign`.
    pub fn operator(mut self, user: UserId) -> Self {
        self.operator = Some(user);
        self
    }

    /// Sets the user who signs.
    pub fn client(mut self, user: UserId, signer: Signer) -> Self {
        self.client = Some((user, signer));
        self
    }

    /// Sets the template.
    pub fn template(mut self, template: TemplateId) -> Self {
        self.template = Some(template);
        self
    }

    fn check(&self) -> Result<(), &'static str> {
        let (Some(_), Some((_, signer)), Some(_)) = (&self.operator, &self.client, &self.template) else {
            return Err("the operator, the client or the template is missing");
        };
        signer.check()
    }
}

/// The name and contact data of a signer.
#[derive(Clone)]
#[must_use]
pub struct Signer {
    pub(crate) email: String,
    pub(crate) phone: String,
    pub(crate) first_name: String,
    pub(crate) last_name: String,
    pub(crate) tax_code: Option<String>,
    pub(crate) copies_to: Vec<String>,
}

impl Signer {
    /// Creates a signer from e-mail address, telephone number (`+` or `00`, and 6 to 20 digits), first and last name.
    pub fn new(
        email: impl Into<String>,
        phone: impl Into<String>,
        first_name: impl Into<String>,
        last_name: impl Into<String>,
    ) -> Self {
        Self {
            email: email.into(),
            phone: phone.into(),
            first_name: first_name.into(),
            last_name: last_name.into(),
            tax_code: None,
            copies_to: Vec::new(),
        }
    }

    /// Sets the fiscal or VAT code.
    pub fn tax_code(mut self, code: impl Into<String>) -> Self {
        self.tax_code = Some(code.into());
        self
    }

    /// Adds an e-mail address that receives a copy of the document.
    pub fn copy_to(mut self, email: impl Into<String>) -> Self {
        self.copies_to.push(email.into());
        self
    }

    fn check(&self) -> Result<(), &'static str> {
        let digits = self.phone.strip_prefix('+').or_else(|| self.phone.strip_prefix("00"));
        let is_phone = digits
            .is_some_and(|digits| PHONE_DIGITS.contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit()));
        if !is_phone {
            return Err("the telephone number is not `+` or `00` and 6 to 20 digits");
        }
        if self.copies_to.iter().any(|address| address.contains(',')) {
            return Err("an e-mail address contains a comma");
        }
        Ok(())
    }
}

impl fmt::Debug for NewSignature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewSignature")
            .field("room", &self.room)
            .field("template", &self.template)
            .field("document", &self.document)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signer").finish_non_exhaustive()
    }
}

handle! {
    #[doc = v2_only!()]
    /// Operations on signatures; from [`Client::signatures`](crate::Client::signatures).
    ///
    /// On v1 each operation fails with [`ErrorKind::Unsupported`](crate::ErrorKind::Unsupported); see
    /// [`V1Rooms::envelopes`](crate::rooms::V1Rooms::envelopes).
    Signatures
}

impl Signatures {
    #[doc = v2_only!()]
    /// Requests a signature in a room with a running call.
    ///
    /// The vendor accepts the request (202) before it processes it; the webhook event `on_signature_enveloped_inserted`
    /// reports the completion. Not retried once it may have reached the vendor. The path is inferred.
    ///
    /// ```no_run
    /// # use bandyer_client::{Client};
    /// # async fn run(client: Client, new: bandyer_client::signatures::NewSignature) -> bandyer_client::Result<()> {
    /// let provider_id = client.signatures().request(&new).send().await?.provider_id;
    /// # Ok(())
    /// # }
    /// ```
    pub fn request(&self, new: &NewSignature) -> Request<RequestedSignature> {
        self.connection.try_request(Operation::RequestSignature, |_| {
            new.check()?;
            Ok(v2::request(new))
        })
    }

    #[doc = v2_only!()]
    /// Lists the envelopes. The path is inferred.
    ///
    /// ```no_run
    /// # async fn run(client: bandyer_client::Client) -> bandyer_client::Result<()> {
    /// let envelopes = client.signatures().envelopes().send().await?.items;
    /// # Ok(())
    /// # }
    /// ```
    pub fn envelopes(&self) -> List<Envelope> {
        List::new(&self.connection, Operation::ListEnvelopes, (), |_, (), window| Ok(v2::envelopes(window)))
    }

    #[doc = v2_only!()]
    /// Reads one envelope. The path is inferred.
    ///
    /// ```no_run
    /// # use bandyer_client::{Client, EnvelopeId};
    /// # async fn run(client: Client, envelope: EnvelopeId) -> bandyer_client::Result<()> {
    /// let status = client.signatures().envelope(&envelope).send().await?.status;
    /// # Ok(())
    /// # }
    /// ```
    pub fn envelope(&self, id: &EnvelopeId) -> Request<Envelope> {
        self.connection.request(Operation::GetEnvelope, |_| v2::envelope(id))
    }

    #[doc = v2_only!()]
    /// Lists the templates. The path is inferred.
    ///
    /// ```no_run
    /// # async fn run(client: bandyer_client::Client) -> bandyer_client::Result<()> {
    /// let templates = client.signatures().templates().send().await?.items;
    /// # Ok(())
    /// # }
    /// ```
    pub fn templates(&self) -> List<SignatureTemplate> {
        List::new(&self.connection, Operation::ListSignatureTemplates, (), |_, (), window| Ok(v2::templates(window)))
    }

    #[doc = v2_only!()]
    /// Creates a template. Its fields are not documented, so the caller provides the body. Not retried once it may have
    /// reached the vendor. The path is inferred.
    ///
    /// ```no_run
    /// # async fn run(client: bandyer_client::Client) -> bandyer_client::Result<()> {
    /// let body = serde_json::json!({"name": "consent"});
    /// let template = client.signatures().create_template(&body).send().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn create_template(&self, body: &(impl Serialize + ?Sized)) -> Request<SignatureTemplate> {
        self.with_body(Operation::CreateSignatureTemplate, body, v2::create_template)
    }

    #[doc = v2_only!()]
    /// Reads one template. The path is inferred.
    ///
    /// ```no_run
    /// # use bandyer_client::{Client, TemplateId};
    /// # async fn run(client: Client, template: TemplateId) -> bandyer_client::Result<()> {
    /// let name = client.signatures().template(&template).send().await?.name;
    /// # Ok(())
    /// # }
    /// ```
    pub fn template(&self, id: &TemplateId) -> Request<SignatureTemplate> {
        self.connection.request(Operation::GetSignatureTemplate, |_| v2::template(id))
    }

    #[doc = v2_only!()]
    /// Changes a template. Its fields are not documented, so the caller provides the body. The path is inferred.
    ///
    /// ```no_run
    /// # use bandyer_client::{Client, TemplateId};
    /// # async fn run(client: Client, template: TemplateId) -> bandyer_client::Result<()> {
    /// let body = serde_json::json!({"name": "consent, second edition"});
    /// client.signatures().update_template(&template, &body).send().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn update_template(&self, id: &TemplateId, body: &(impl Serialize + ?Sized)) -> Request<SignatureTemplate> {
        self.with_body(Operation::UpdateSignatureTemplate, body, |body| v2::update_template(id, body))
    }

    #[doc = v2_only!()]
    /// Deletes a template. The path is inferred.
    ///
    /// ```no_run
    /// # use bandyer_client::{Client, TemplateId};
    /// # async fn run(client: Client, template: TemplateId) -> bandyer_client::Result<()> {
    /// client.signatures().delete_template(&template).send().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn delete_template(&self, id: &TemplateId) -> Request<()> {
        self.connection.request(Operation::DeleteSignatureTemplate, |_| v2::delete_template(id))
    }

    fn with_body<T>(
        &self,
        operation: Operation,
        body: &(impl Serialize + ?Sized),
        wire: impl FnOnce(&serde_json::Value) -> Wire<T>,
    ) -> Request<T> {
        // serde's message is left out, because it may quote a value.
        self.connection.try_request(operation, |_| {
            let body = serde_json::to_value(body).map_err(|_| "the body cannot be serialized to JSON")?;
            Ok(wire(&body))
        })
    }
}
