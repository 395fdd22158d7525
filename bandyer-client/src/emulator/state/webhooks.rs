//! Webhook settings and reports.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{Slice, Span, State, hex, slice};
use crate::emulator::refusal::Refusal;
use crate::webhooks::WebhookEvent;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::emulator) enum HookVersion {
    V0,
    V1,
    V2,
}

#[derive(Debug, Clone)]
pub(in crate::emulator) struct Hook {
    pub(in crate::emulator) id: String,
    pub(in crate::emulator) url: String,
    pub(in crate::emulator) event: String,
    pub(in crate::emulator) version: HookVersion,
    pub(in crate::emulator) created_at: Timestamp,
}

/// How a receiver verifies a report.
#[derive(Debug, Clone)]
pub(in crate::emulator) enum Proof {
    /// A signature over the time and the body.
    Body,
    /// A signature over the room id.
    RoomId(String),
}

/// A report that is ready to be delivered.
#[derive(Debug, Clone)]
pub(in crate::emulator) struct Delivery {
    pub(in crate::emulator) url: String,
    pub(in crate::emulator) event: String,
    pub(in crate::emulator) proof: Proof,
    pub(in crate::emulator) body: String,
}

/// An event in the formats of the webhook versions. It is not reported in a version whose data is absent.
pub(super) struct Report {
    pub(super) event: &'static str,
    pub(super) namespace: &'static str,
    pub(super) room_id: String,
    pub(super) v0: Option<Value>,
    /// In version 0, `data` of room and recording events is a string that contains JSON.
    pub(super) v0_in_text: bool,
    pub(super) v1: Option<Value>,
}

impl State {
    pub(super) fn report(&mut self, at: Timestamp, report: &Report) {
        let deliveries = self.hooks.iter().filter(|hook| hook.event == report.event).filter_map(|hook| {
            let (proof, body) = match hook.version {
                HookVersion::V0 => {
                    let data = report.v0.as_ref()?;
                    let data = if report.v0_in_text { Value::from(data.to_string()) } else { data.clone() };
                    let body = json!({"event": report.event, "room_id": report.room_id, "data": data});
                    (Proof::RoomId(report.room_id.clone()), body)
                }
                HookVersion::V1 | HookVersion::V2 => {
                    // Version 2 is not documented; the emulator uses version 1 with another version number.
                    let version = if hook.version == HookVersion::V1 { "1.0" } else { "2.0" };
                    let body = json!({
                        "event": report.event,
                        "event_version": version,
                        "namespace": report.namespace,
                        "timestamp": at.as_millisecond(),
                        "data": report.v1.as_ref()?,
                    });
                    (Proof::Body, body)
                }
            };
            Some(Delivery { url: hook.url.clone(), event: hook.event.clone(), proof, body: body.to_string() })
        });
        let deliveries: Vec<Delivery> = deliveries.collect();
        self.outbox.extend(deliveries);
    }

    /// Replaces all webhooks of a version.
    pub(in crate::emulator) fn configure_hooks(
        &mut self,
        version: HookVersion,
        url: &str,
        events: &[String],
    ) -> Result<Vec<Hook>, Refusal> {
        let mut hooks = Vec::new();
        for event in events {
            hooks.push(self.hook(version, url, event)?);
        }
        self.hooks.retain(|hook| hook.version != version);
        self.hooks.extend(hooks.iter().cloned());
        Ok(hooks)
    }

    pub(in crate::emulator) fn hooks_of(&self, version: HookVersion) -> impl Iterator<Item = &Hook> {
        self.hooks.iter().filter(move |hook| hook.version == version)
    }

    fn hook(&self, version: HookVersion, url: &str, event: &str) -> Result<Hook, Refusal> {
        check(url, event)?;
        let (url, event) = (url.to_owned(), event.to_owned());
        Ok(Hook { id: format!("wh_{}", hex(12)), url, event, version, created_at: self.now() })
    }

    pub(in crate::emulator) fn add_hook(
        &mut self,
        version: HookVersion,
        url: &str,
        event: &str,
    ) -> Result<Hook, Refusal> {
        let hook = self.hook(version, url, event)?;
        self.hooks.push(hook.clone());
        Ok(hook)
    }

    pub(in crate::emulator) fn list_hooks(&self, span: Span) -> Slice<&Hook> {
        slice(self.hooks.iter().rev(), span)
    }

    pub(in crate::emulator) fn hook_by_id(&self, id: &str) -> Result<&Hook, Refusal> {
        self.hooks.iter().find(|hook| hook.id == id).ok_or_else(unknown_hook)
    }

    pub(in crate::emulator) fn update_hook(
        &mut self,
        id: &str,
        version: Option<HookVersion>,
        url: Option<&str>,
        event: Option<&str>,
    ) -> Result<Hook, Refusal> {
        let hook = self.hooks.iter_mut().find(|hook| hook.id == id).ok_or_else(unknown_hook)?;
        check(url.unwrap_or(&hook.url), event.unwrap_or(&hook.event))?;
        hook.version = version.unwrap_or(hook.version);
        hook.url = url.map_or_else(|| hook.url.clone(), str::to_owned);
        hook.event = event.map_or_else(|| hook.event.clone(), str::to_owned);
        Ok(hook.clone())
    }

    pub(in crate::emulator) fn delete_hook(&mut self, id: &str) -> Result<(), Refusal> {
        let place = self.hooks.iter().position(|hook| hook.id == id).ok_or_else(unknown_hook)?;
        self.hooks.remove(place);
        Ok(())
    }
}

fn check(url: &str, event: &str) -> Result<(), Refusal> {
    let is_url = url::Url::parse(url).is_ok_and(|url| matches!(url.scheme(), "http" | "https"));
    if !is_url {
        return Err(Refusal::validation("invalid_webhook_url", "The address is not an absolute URL"));
    }
    match WebhookEvent::from(event) {
        WebhookEvent::Unknown(_) => Err(Refusal::validation("invalid_webhook_event", "The event does not exist")),
        _ => Ok(()),
    }
}

fn unknown_hook() -> Refusal {
    Refusal::not_found("webhook_not_found", "The webhook does not exist")
}
