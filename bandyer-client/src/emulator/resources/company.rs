//! The company, its backgrounds, keys and tags.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{ApiResponse, Call, list_response};
use crate::company::{LogoTheme, Palette};
use crate::emulator::Operation;
use crate::emulator::refusal::Refusal;
use crate::emulator::state::{CompanyState, State, StoredBackground, StoredTag, slice};
use crate::types::api_version::ApiVersion;

pub(super) fn handle(state: &mut State, call: &Call<'_>) -> Result<Option<ApiResponse>, Refusal> {
    let version = call.version();
    let is_v1 = version == ApiVersion::V1;
    Ok(Some(match call.operation() {
        Operation::GetCompany => profile(state, is_v1),
        Operation::UpdateCompany => {
            state.update_company(call.input()?.company_change()?)?;
            profile(state, is_v1)
        }
        Operation::GetTheme => theme(state, is_v1),
        Operation::UpdateTheme => {
            let input = call.input()?;
            state.update_theme(input.theme_mode("light")?, input.theme_mode("dark")?)?;
            theme(state, is_v1)
        }
        Operation::SetLogo => {
            let form = call.form()?;
            let mode = form.text("theme").map_or(LogoTheme::All, |theme| LogoTheme::from(theme.as_str()));
            state.set_logo(form.file("logo")?, &mode)?;
            let company = state.company();
            ApiResponse::ok(if is_v1 {
                json!({"logo_url": company.light_logo, "logo_dark_url": company.dark_logo})
            } else {
                logos(company)
            })
        }
        Operation::ListBackgrounds => {
            let company = state.company();
            let default =
                company.backgrounds.iter().find(|one| Some(&one.alias) == company.default_background.as_ref());
            let all: Vec<Value> = company.backgrounds.iter().map(background).collect();
            ApiResponse::ok(json!({
                "virtual_backgrounds": {"default_background": default.map(background), "backgrounds": all},
            }))
        }
        Operation::AddBackground => {
            let added = state.add_background(call.form()?.file("virtual_background")?)?;
            ApiResponse::created(version, json!({"virtual_background": background(&added)}))
        }
        Operation::DeleteBackground => {
            let removed = state.delete_background(call.input()?.required("background_alias")?)?;
            ApiResponse::ok(json!({"virtual_background": background(&removed)}))
        }
        Operation::ListTranslations => {
            let span = call.span()?;
            let all = slice(state.company().translations.iter(), span);
            list_response(
                version,
                "translations",
                span,
                all,
                |(language, (url, at))| json!({"language": language, "url": url, "creation_date": format!("{at:.3}")}),
            )
        }
        Operation::SetTranslation => {
            state.set_translation(call.id(0), call.form()?.file("translation")?)?;
            ApiResponse::ok(json!({"language": call.id(0)}))
        }
        Operation::DeleteTranslation => {
            state.delete_translation(call.id(0))?;
            ApiResponse::ok(json!({"language": call.id(0)}))
        }
        Operation::GetRecordingSettings => recording_settings(state),
        Operation::UpdateRecordingSettings => {
            let input = call.input()?;
            let compression = input.flag("compression")?;
            let compression =
                compression.ok_or_else(|| crate::emulator::input::invalid("compression", "is required"))?;
            let (days, key) = (input.number("retention_days")?, input.clearable("encryption_key_id")?);
            state.update_recording_settings(compression, days, key)?;
            recording_settings(state)
        }
        Operation::ListEncryptionKeys => {
            let span = call.span()?;
            list_response(version, "keys", span, state.list_keys(span), |entry| key(entry, is_v1))
        }
        Operation::CreateEncryptionKey => {
            let created = state.create_key(call.input()?.required("public_key")?)?;
            ApiResponse::created(version, key(&created, is_v1))
        }
        Operation::GetEncryptionKey => ApiResponse::ok(key(state.key(call.id(0))?, is_v1)),
        _ => return tags(state, call),
    }))
}

fn profile(state: &State, is_v1: bool) -> ApiResponse {
    let company = state.company();
    let default = company.backgrounds.iter().find(|one| Some(&one.alias) == company.default_background.as_ref());
    let body = json!({
        "name": company.name,
        "default_language": company.default_language,
        "default_background": default.map(background),
        "end_call_redirect_url": company.end_call_redirect_url,
        "end_call_redirect_timeout_ms": company.end_call_redirect_ms,
        "user_details_provider_url": company.user_details_provider_url,
        "logos": logos(company),
    });
    ApiResponse::ok(if is_v1 { json!({"company": body}) } else { body })
}

fn logos(company: &CompanyState) -> Value {
    json!({"light_url": company.light_logo, "dark_url": company.dark_logo})
}

fn theme(state: &State, is_v1: bool) -> ApiResponse {
    let company = state.company();
    let palette = |palette: &Option<Palette>| json!(palette);
    let mut body = json!({"light": palette(&company.light), "dark": palette(&company.dark)});
    if is_v1 {
        return ApiResponse::ok(json!({"theme": body}));
    }
    body["logos"] = logos(company);
    ApiResponse::ok(body)
}

/// The vendor writes this date without a time zone.
fn background(background: &StoredBackground) -> Value {
    let date = format!("{:.3}", background.created_at);
    json!({"background_alias": background.alias, "url": background.url, "creation_date": date.trim_end_matches('Z')})
}

fn recording_settings(state: &State) -> ApiResponse {
    let company = state.company();
    ApiResponse::ok(json!({
        "retention_days": company.retention_days,
        "compression": company.compression,
        "encryption_key_id": company.encryption_key,
    }))
}

fn key((id, at): &(String, Timestamp), is_v1: bool) -> Value {
    let mut body = json!({"creation_date": format!("{at:.3}")});
    body[if is_v1 { "key_id" } else { "id" }] = id.clone().into();
    body
}

fn tags(state: &mut State, call: &Call<'_>) -> Result<Option<ApiResponse>, Refusal> {
    let is_v1 = call.version() == ApiVersion::V1;
    let tag = |tag: &StoredTag| {
        let mut body = json!({"creation_date": format!("{:.3}", tag.created_at)});
        body[if is_v1 { "tag" } else { "name" }] = tag.name.clone().into();
        body
    };
    Ok(Some(match call.operation() {
        Operation::ListTags if is_v1 => {
            ApiResponse::ok(json!({"tags": state.tags().iter().map(tag).collect::<Vec<_>>()}))
        }
        Operation::ListTags => {
            let span = call.span()?;
            list_response(ApiVersion::V2, "tags", span, slice(state.tags().iter(), span), tag)
        }
        Operation::CreateTags if is_v1 => {
            let added = state.add_tags(&call.input()?.texts("tags")?)?;
            ApiResponse::ok(json!({"added_tags": added.iter().map(tag).collect::<Vec<_>>()}))
        }
        Operation::CreateTags => {
            let name = call.input()?.required("name")?.to_owned();
            let added = state.add_tags(std::slice::from_ref(&name))?;
            let body = added.first().map_or_else(|| json!({"name": name}), tag);
            ApiResponse::created(ApiVersion::V2, body)
        }
        Operation::DeleteTags if is_v1 => {
            let removed = state.remove_tags(&call.input()?.texts("tags")?)?;
            let removed: Vec<Value> = removed.into_iter().map(|name| json!({"tag": name})).collect();
            ApiResponse::ok(json!({"removed_tags": removed}))
        }
        Operation::DeleteTags => {
            let name = call.id(0).to_owned();
            if state.remove_tags(std::slice::from_ref(&name))?.is_empty() {
                return Err(Refusal::not_found("tag_not_found", "The tag does not exist"));
            }
            ApiResponse::ok(json!({"name": name}))
        }
        _ => return Ok(None),
    }))
}
