//! Signatures, envelopes and templates.

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::{Slice, Span, State, hex, slice};
use crate::emulator::refusal::Refusal;
use crate::users::Role;

#[derive(Debug, Clone)]
pub(in crate::emulator) struct EnvelopeState {
    pub(in crate::emulator) id: String,
    pub(in crate::emulator) name: String,
    pub(in crate::emulator) room_id: String,
    pub(in crate::emulator) provider_id: String,
    pub(in crate::emulator) created_at: Timestamp,
}

#[derive(Debug, Clone)]
pub(in crate::emulator) struct TemplateState {
    pub(in crate::emulator) id: String,
    /// All fields as received, because they are not documented.
    pub(in crate::emulator) fields: Map<String, Value>,
    pub(in crate::emulator) created_at: Timestamp,
}

pub(in crate::emulator) struct NewSignature {
    pub(in crate::emulator) envelope_name: String,
    pub(in crate::emulator) room_id: String,
    pub(in crate::emulator) operator: String,
    pub(in crate::emulator) client: String,
    pub(in crate::emulator) template: String,
}

impl State {
    pub(in crate::emulator) fn request_signature(&mut self, new: NewSignature) -> Result<EnvelopeState, Refusal> {
        self.template(&new.template)?;
        let room = self.open_room(&new.room_id)?.clone();
        if room.session.is_none() {
            return Err(Refusal::precondition("room_not_active", "The room is not in use"));
        }
        let signs = room.participants.iter().any(|one| one.user_id == *new.operator && one.tools.sign);
        if !signs || self.role_of(&new.operator) != Some(&Role::Plus) {
            let message = "The operator is not a plus user with the tool sign";
            return Err(Refusal::validation("invalid_operator", message));
        }
        if !room.participants.iter().any(|one| one.user_id == *new.client) {
            return Err(Refusal::validation("invalid_client", "The client is not a participant of the room"));
        }
        let envelope = EnvelopeState {
            id: format!("env_{}", hex(12)),
            name: new.envelope_name,
            room_id: new.room_id,
            provider_id: hex(32),
            created_at: self.now(),
        };
        self.envelopes.push(envelope.clone());
        self.report_envelope(&envelope);
        Ok(envelope)
    }

    pub(in crate::emulator) fn envelope(&self, id: &str) -> Result<&EnvelopeState, Refusal> {
        let found = self.envelopes.iter().find(|envelope| envelope.id == id);
        found.ok_or_else(|| Refusal::not_found("envelope_not_found", "The envelope does not exist"))
    }

    pub(in crate::emulator) fn list_envelopes(&self, room: Option<&str>, span: Span) -> Slice<&EnvelopeState> {
        slice(self.envelopes.iter().rev().filter(|one| room.is_none_or(|room| one.room_id == room)), span)
    }

    pub(in crate::emulator) fn create_template(&mut self, fields: Map<String, Value>) -> TemplateState {
        let template = TemplateState { id: format!("tpl_{}", hex(12)), fields, created_at: self.now() };
        self.templates.push(template.clone());
        template
    }

    pub(in crate::emulator) fn template(&self, id: &str) -> Result<&TemplateState, Refusal> {
        self.templates.iter().find(|template| template.id == id).ok_or_else(unknown_template)
    }

    pub(in crate::emulator) fn list_templates(&self, span: Span) -> Slice<&TemplateState> {
        slice(self.templates.iter().rev(), span)
    }

    /// Fields that are not sent stay unchanged.
    pub(in crate::emulator) fn update_template(
        &mut self,
        id: &str,
        fields: Map<String, Value>,
    ) -> Result<TemplateState, Refusal> {
        let template = self.templates.iter_mut().find(|template| template.id == id).ok_or_else(unknown_template)?;
        template.fields.extend(fields);
        Ok(template.clone())
    }

    pub(in crate::emulator) fn delete_template(&mut self, id: &str) -> Result<(), Refusal> {
        let place = self.templates.iter().position(|template| template.id == id).ok_or_else(unknown_template)?;
        self.templates.remove(place);
        Ok(())
    }
}

fn unknown_template() -> Refusal {
    Refusal::not_found("signature_template_not_found", "The template does not exist")
}
