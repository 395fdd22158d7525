//! The field names are inferred from the vendor's naming conventions.

use serde_json::Value;

use crate::http::call::{Call, Wire};
use crate::http::decode::{json, json_or, nothing, page, page_named};
use crate::http::multipart::Part;
use crate::operations::Operation;
use crate::signatures::{Envelope, NewSignature, RequestedSignature, SignatureTemplate};
use crate::types::ids::{EnvelopeId, TemplateId};
use crate::types::page::Page;
use crate::types::page::Window;

pub(crate) fn request(new: &NewSignature) -> Wire<RequestedSignature> {
    let mut parts = vec![Part::Text("envelope_name", &new.envelope_name), Part::Text("room_id", new.room.as_str())];
    parts.extend(new.operator.as_ref().map(|user| Part::Text("operator_user_id", user.as_str())));
    parts.extend(new.template.as_ref().map(|template| Part::Text("template_id", template.as_str())));
    let copies = new.client.as_ref().map(|(_, signer)| signer.copies_to.join(",")).unwrap_or_default();
    if let Some((user, signer)) = &new.client {
        parts.extend([
            Part::Text("client_user_id", user.as_str()),
            Part::Text("email", &signer.email),
            Part::Text("phone", &signer.phone),
            Part::Text("first_name", &signer.first_name),
            Part::Text("last_name", &signer.last_name),
        ]);
        parts.extend(signer.tax_code.as_deref().map(|code| Part::Text("tax_code", code)));
    }
    if !copies.is_empty() {
        parts.push(Part::Text("extra_emails", &copies));
    }
    parts.push(Part::File("document", &new.document));
    Call::v2(Operation::RequestSignature, &[]).form(&parts).decode_with(json)
}

pub(crate) fn envelopes(window: Window) -> Wire<Page<Envelope>> {
    Call::v2(Operation::ListEnvelopes, &[]).offset_and_limit(window).decode_with(page(window, "envelopes"))
}

pub(crate) fn envelope(id: &EnvelopeId) -> Wire<Envelope> {
    Call::v2(Operation::GetEnvelope, &[id.as_str()]).decode_with(json)
}

fn one(operation: Operation, id: &TemplateId) -> Call {
    Call::v2(operation, &[id.as_str()])
}

pub(crate) fn templates(window: Window) -> Wire<Page<SignatureTemplate>> {
    Call::v2(Operation::ListSignatureTemplates, &[])
        .offset_and_limit(window)
        .decode_with(page_named(window, &["templates", "signature_templates"]))
}

pub(crate) fn create_template(body: &Value) -> Wire<SignatureTemplate> {
    Call::v2(Operation::CreateSignatureTemplate, &[]).json(body).decode_with(json)
}

pub(crate) fn template(id: &TemplateId) -> Wire<SignatureTemplate> {
    one(Operation::GetSignatureTemplate, id).decode_with(json)
}

pub(crate) fn update_template(id: &TemplateId, body: &Value) -> Wire<SignatureTemplate> {
    let id = id.clone();
    one(Operation::UpdateSignatureTemplate, &id).json(body).decode_with(move |body| {
        let as_requested = || SignatureTemplate::new(id.clone());
        json_or(body, json, as_requested)
    })
}

pub(crate) fn delete_template(id: &TemplateId) -> Wire<()> {
    one(Operation::DeleteSignatureTemplate, id).decode_with(nothing)
}
