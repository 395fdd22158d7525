//! Who takes part: reading the list, and adding one more.

use http::StatusCode;

use super::idempotency::keyed;
use super::teleconsultations::id;
use super::{Operation, failure};
use crate::api::state::App;
use crate::domain::ids::ExternalId;
use crate::domain::participants::{ParticipantList, Profile, RequestedParticipant};
use crate::http::error::ApiError;
use crate::http::input::Input;
use crate::http::request::Request;
use crate::http::response::Reply;

pub(super) async fn add(app: &App, request: &Request) -> Result<Reply, ApiError> {
    let id = id(request).ok_or_else(ApiError::not_found)?;
    let label = format!("POST /teleconsultation/{id}/participants/data");
    let operation = Operation { short: label.clone(), full: label };
    let one = requested(&request.input()?, app.profiles.is_caller())?;
    app.use_cases.add_participant(&id, one, keyed(request)?).await.map_err(|error| failure(error, &operation))?;
    Ok(Reply::empty(StatusCode::CREATED))
}

/// Reads a list; `told` says whether callers tell groups and names.
pub(super) fn requested_list(list: &Input<'_>, told: bool) -> Result<ParticipantList<RequestedParticipant>, ApiError> {
    let people = |list: &Input<'_>| list.array()?.iter().map(|one| requested(one, told)).collect::<Result<Vec<_>, _>>();
    if list.is_array() && !told {
        let known = people(list)?;
        return Ok(ParticipantList { number: known.len(), known });
    }
    if list.is_array() {
        // Groups and names would have to come from somewhere else than the caller.
        return Err(list.must("be object: a list of ids alone needs an auth service"));
    }
    let number = list.required("number")?.integer()?;
    let known = people(&list.required("data")?)?;
    // What does not fit is out of the range that the rules check.
    Ok(ParticipantList { number: usize::try_from(number).unwrap_or(0), known })
}

fn requested(one: &Input<'_>, told: bool) -> Result<RequestedParticipant, ApiError> {
    // Where the auth service knows everything else, the id alone is enough, and what the caller tells is not asked for.
    let is_id_alone = !told && one.is_scalar();
    let user = if is_id_alone { one.clone() } else { one.required_as(&["userId", "userExternalId"])? };
    let external_id = ExternalId::parse(&user.text()?).ok_or_else(|| {
        user.must("have 1 to 128 characters of A-Z a-z 0-9 - . _ ~ ! $ & ' ( ) * + , ; = : @ | and not be . or ..")
    })?;
    let language = if is_id_alone { None } else { one.optional("language")? };
    let language = language.map(|language| language.text()).transpose()?;
    if !told {
        return Ok(RequestedParticipant { external_id, language, profile: None });
    }
    let groups = one.required_as(&["groups", "group"])?.texts()?;
    let full_name = one.required("fullName")?.text()?;
    Ok(RequestedParticipant { external_id, language, profile: Some(Profile { groups, full_name }) })
}
