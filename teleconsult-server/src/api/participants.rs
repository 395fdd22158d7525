//! The participants of a teleconsultation: reading the list, and adding one.

use std::sync::Arc;

use http::StatusCode;

use super::idempotency::keyed;
use super::openapi::failures::{always, of_bodies, of_keys, of_the_store, of_the_vendor};
use super::openapi::operation::{Body, Context, Operation, Success, Tag, patient};
use super::openapi::requests::NewParticipant;
use super::state::ApiState;
use super::{Request, Result, teleconsultations};
use crate::domain::ids::ExternalId;
use crate::domain::participants::{Invitation, Invitations};
use crate::domain::teleconsultation::Refusal;
use crate::http::error::ApiError;
use crate::http::response::Response;
use crate::http::validation::Input;

pub(super) async fn add(api: &Arc<ApiState>, request: &Request) -> Result {
    let id = teleconsultations::id(request)?;
    let one = invitation(&request.input()?, api.people.are_told())?;
    api.use_cases.add(id, one, keyed(request)?).await?;
    Ok(Response::empty(StatusCode::CREATED))
}

pub(super) fn add_operation(context: &mut Context) -> Operation {
    let mut failures = [of_bodies(), of_keys(), always(), of_the_store(), of_the_vendor()].concat();
    failures.extend([
        ("The last participant is missing, and none is a plus user.", context.refusal(Refusal::NoPlusUser)),
        ("There is no such teleconsultation.", ApiError::not_found()),
        ("All participants are known already.", context.refusal(Refusal::AlreadyComplete)),
    ]);
    Operation {
        id: "addParticipant",
        tag: Tag::Teleconsultations,
        summary: "Add a participant",
        description: "The last one makes the list complete, and the vendor's room is created.",
        query: Vec::new(),
        body: Some(Body::json(context.schema::<NewParticipant>(), patient())),
        success: Success::empty(StatusCode::CREATED, "The person takes part."),
        failures,
    }
}

/// Reads a list; `told` says whether callers tell groups and names.
pub(super) fn invitations(list: &Input<'_>, told: bool) -> std::result::Result<Invitations, ApiError> {
    let people = |list: &Input<'_>| {
        list.array()?.iter().map(|one| invitation(one, told)).collect::<std::result::Result<Vec<_>, _>>()
    };
    if list.is_array() && !told {
        let known = people(list)?;
        return Ok(Invitations { number: known.len(), known });
    }
    if list.is_array() {
        // Groups and names would have to come from somewhere else than the caller.
        return Err(list.must("be object: a list of ids alone needs an auth service"));
    }
    let number = list.required("number")?.integer()?;
    let known = people(&list.required("data")?)?;
    // What does not fit is out of the range that the rules check.
    Ok(Invitations { number: usize::try_from(number).unwrap_or(0), known })
}

fn invitation(one: &Input<'_>, told: bool) -> std::result::Result<Invitation, ApiError> {
    // Where the auth service knows everything else, the id alone is enough, and what the caller tells is not asked for.
    let is_id_alone = !told && one.is_scalar();
    let user = if is_id_alone { one.clone() } else { one.required_as(&["userId", "userExternalId"])? };
    let external_id = ExternalId::parse(&user.text()?).ok_or_else(|| {
        user.must("have 1 to 128 characters of A-Z a-z 0-9 - . _ ~ ! $ & ' ( ) * + , ; = : @ | and not be . or ..")
    })?;
    let language = if is_id_alone { None } else { one.optional("language")? };
    let language = language.map(|language| language.text()).transpose()?;
    if !told {
        return Ok(Invitation { language, ..Invitation::of(external_id) });
    }
    let groups = one.required_as(&["groups", "group"])?.texts()?;
    let full_name = one.required("fullName")?.text()?;
    Ok(Invitation { external_id, groups, full_name, language })
}
