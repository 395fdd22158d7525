//! The description of the API, for programs and for people. Everything it needs is in the binary.

use bytes::Bytes;
use http::{StatusCode, header};

use crate::api::state::App;
use crate::http::response::Reply;

mod failures;
mod openapi;
mod operations;
mod requests;
mod yaml;

/// The page loads what is beside it and talks to its own server, nothing else.
const PAGE_POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; \
                           img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The description in both notations.
#[derive(Debug)]
pub struct Description {
    json: Bytes,
    yaml: Bytes,
}

fn description(app: &App) -> &Description {
    app.description.get_or_init(|| {
        let document = openapi::document(&app.settings, app.metrics.is_some(), app.profiles.is_caller());
        Description { json: document.to_string().into(), yaml: yaml::written(&document).into() }
    })
}

pub(super) fn json(app: &App) -> Reply {
    Reply::content("application/json; charset=utf-8", description(app).json.clone())
}

pub(super) fn yaml(app: &App) -> Reply {
    Reply::content("application/x-yaml", description(app).yaml.clone())
}

pub(super) fn page() -> Reply {
    Reply::content("text/html; charset=utf-8", include_str!("documentation/page/page.html"))
        .with(header::CONTENT_SECURITY_POLICY, PAGE_POLICY)
}

pub(super) fn style() -> Reply {
    Reply::content("text/css; charset=utf-8", include_str!("documentation/page/page.css"))
}

pub(super) fn script() -> Reply {
    Reply::content("text/javascript; charset=utf-8", include_str!("documentation/page/page.js"))
}

/// Relative, so that it stays true behind a gateway that takes a prefix away.
pub(super) fn moved(to: &'static str) -> Reply {
    Reply::empty(StatusCode::FOUND).with(header::LOCATION, to)
}
