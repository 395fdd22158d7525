//! The description of the API, for programs and for people. Everything it needs is in the binary.

use std::sync::Arc;

use bytes::Bytes;
use http::{StatusCode, header};

use super::state::ApiState;
use super::{Request, Result, openapi};
use crate::http::response::Response;

/// The page loads what is beside it and connects to its own server, nothing else.
const PAGE_POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; \
                           img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The OpenAPI document in both notations.
#[derive(Debug)]
pub struct Description {
    json: Bytes,
    /// All JSON is YAML; this is spread over lines, because YAML is read by people.
    yaml: Bytes,
}

fn description(api: &ApiState) -> &Description {
    api.description.get_or_init(|| {
        let document = openapi::document(api);
        Description { json: document.to_string().into(), yaml: format!("{document:#}\n").into() }
    })
}

pub(super) async fn json(api: &Arc<ApiState>, _: &Request) -> Result {
    Ok(Response::content("application/json; charset=utf-8", description(api).json.clone()))
}

pub(super) async fn yaml(api: &Arc<ApiState>, _: &Request) -> Result {
    Ok(Response::content("application/x-yaml", description(api).yaml.clone()))
}

pub(super) async fn page(_: &Arc<ApiState>, _: &Request) -> Result {
    Ok(Response::content("text/html; charset=utf-8", include_str!("documentation/page/page.html"))
        .with(header::CONTENT_SECURITY_POLICY, PAGE_POLICY))
}

pub(super) async fn style(_: &Arc<ApiState>, _: &Request) -> Result {
    Ok(Response::content("text/css; charset=utf-8", include_str!("documentation/page/page.css")))
}

pub(super) async fn script(_: &Arc<ApiState>, _: &Request) -> Result {
    Ok(Response::content("text/javascript; charset=utf-8", include_str!("documentation/page/page.js")))
}

pub(super) async fn without_slash(_: &Arc<ApiState>, _: &Request) -> Result {
    Ok(moved("./documentation/"))
}

pub(super) async fn predecessors_page(_: &Arc<ApiState>, _: &Request) -> Result {
    Ok(moved("../"))
}

/// Relative, so that it stays true behind a gateway that takes a prefix away.
fn moved(to: &'static str) -> Response {
    Response::empty(StatusCode::FOUND).with(header::LOCATION, to)
}
