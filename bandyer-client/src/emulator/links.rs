//! The pages behind personal links. Instead of a call they show the participants and their permissions.

use std::fmt::Write;

use http::{Method, Response, StatusCode};

use super::server::{self, EmulatedBody, Shared, html, is_read_only};
use super::state::{EmulatedParticipant, EmulatedRoom, EmulatedUser, State};
use crate::rooms::{Tools, Whiteboard};
use crate::users::Role;

/// The page behind a personal link, or `None` for other paths.
pub(super) fn call_page_response(
    shared: &Shared,
    method: &Method,
    segments: &[String],
    query: Option<&str>,
) -> Option<Response<EmulatedBody>> {
    let parts: Vec<&str> = segments.iter().map(String::as_str).collect();
    let token = match parts.as_slice() {
        ["connect" | "attach" | "eu", "rest-call-handler" | "direct-rest-call-handler", token] => *token,
        _ => return None,
    };
    if !is_read_only(method) {
        return Some(html(StatusCode::METHOD_NOT_ALLOWED, gone_page()));
    }
    let state = shared.state();
    Some(match state.find_by_link(token) {
        Some((room, participant, user)) => {
            html(StatusCode::OK, call_page(&state, room, participant, user, &options(query)))
        }
        None => html(StatusCode::NOT_FOUND, gone_page()),
    })
}

/// The file behind a file link, or `None` for other paths.
pub(super) fn file(shared: &Shared, method: &Method, segments: &[String]) -> Option<Response<EmulatedBody>> {
    let parts: Vec<&str> = segments.iter().map(String::as_str).collect();
    let (["_emulator", "files", token], true) = (parts.as_slice(), is_read_only(method)) else { return None };
    Some(match shared.state().file(token) {
        Some(file) => server::file(StatusCode::OK, &file.content_type, file.bytes.clone()),
        None => html(StatusCode::FORBIDDEN, gone_page()),
    })
}

/// The link options that the vendor documents, with display names.
fn options(query: Option<&str>) -> Vec<(&'static str, String)> {
    let pairs = url::form_urlencoded::parse(query.unwrap_or_default().as_bytes());
    pairs
        .filter_map(|(name, value)| {
            let shown = match name.as_ref() {
                "l" | "language" => "Language",
                "vb" | "virtual_background" => "Background",
                "dn" | "display_name" => "Display name",
                "t" | "theme" => "Theme",
                _ => return None,
            };
            Some((shown, value.into_owned()))
        })
        .collect()
}

fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            c => safe.push(c),
        }
    }
    safe
}

const STYLE: &str = "\
:root{color-scheme:light dark;--back:#f4f5f8;--card:#fff;--text:#1c1e26;--soft:#666c7c;--line:#e2e5ec;--accent:#480ca8;--on:#12805c}\
@media(prefers-color-scheme:dark){:root{--back:#14161c;--card:#1e212a;--text:#eceef4;--soft:#9aa1b3;--line:#333845;--accent:#b79cff;--on:#4fd1a5}}\
*{box-sizing:border-box}body{margin:0;min-height:100vh;display:grid;place-items:center;padding:1.5rem;background:var(--back);color:var(--text);font:16px/1.5 system-ui,sans-serif}\
main{width:min(36rem,100%);background:var(--card);border:1px solid var(--line);border-radius:16px;padding:1.75rem 2rem}\
h1{font-size:1.2rem;margin:.2rem 0 0;overflow-wrap:anywhere}h2{font-size:.8rem;letter-spacing:.06em;text-transform:uppercase;color:var(--soft);margin:1.6rem 0 .5rem}\
p{margin:.2rem 0;color:var(--soft);overflow-wrap:anywhere}.tag{display:inline-block;border:1px solid var(--accent);color:var(--accent);border-radius:99px;padding:.05rem .7rem;font-size:.85rem;margin-right:.3rem}\
ul{list-style:none;margin:0;padding:0;display:grid;grid-template-columns:1fr 1fr;gap:.3rem 1rem}li{overflow-wrap:anywhere}.on{color:var(--on)}.off{color:var(--soft);text-decoration:line-through}\
footer{margin-top:1.6rem;padding-top:1rem;border-top:1px solid var(--line);font-size:.85rem;color:var(--soft)}";

fn page(title: &str, content: &str) -> String {
    format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\
         <title>{}</title><style>{STYLE}</style></head><body><main>{content}</main></body></html>",
        escaped(title)
    )
}

fn gone_page() -> String {
    page(
        "Link not valid",
        "<h1>This link is not valid</h1><p>The room was deleted or disabled, or the link does not exist.</p>\
         <footer>Bandyer emulator</footer>",
    )
}

fn call_page(
    state: &State,
    room: &EmulatedRoom,
    participant: &EmulatedParticipant,
    user: &EmulatedUser,
    options: &[(&'static str, String)],
) -> String {
    let mut content = format!(
        "<p>You are in the call as</p><h1>{}</h1><p style=\"margin-top:.6rem\"><span class=\"tag\">{}</span>",
        escaped(user.id.as_str()),
        role_text(&user.role),
    );
    if participant.is_admin {
        content.push_str("<span class=\"tag\">admin</span>");
    }
    content.push_str("</p><h2>Room</h2>");
    // Writing to a string cannot fail.
    let _ = write!(content, "<p>{} · {} · {}</p>", escaped(room.id.as_str()), room.status(), room.call_type);
    if let Some(description) = &room.description {
        let _ = write!(content, "<p>{}</p>", escaped(description));
    }
    content.push_str("<h2>Invited</h2><ul>");
    for one in &room.participants {
        let role = state.role_of(one.user_id.as_str()).map_or("deleted", role_text);
        let you = if one.user_id == user.id { " (you)" } else { "" };
        let _ = write!(content, "<li>{} · {role}{you}</li>", escaped(one.user_id.as_str()));
    }
    content.push_str("</ul><h2>Your tools</h2><ul>");
    for (name, on) in tools(&participant.tools) {
        let _ = write!(content, "<li class=\"{}\">{name}</li>", if on { "on" } else { "off" });
    }
    content.push_str("</ul>");
    if !options.is_empty() {
        content.push_str("<h2>Link options</h2><ul>");
        for (name, value) in options {
            let _ = write!(content, "<li>{name}: {}</li>", escaped(value));
        }
        content.push_str("</ul>");
    }
    content.push_str("<footer>Bandyer emulator: there is no audio or video, only the list of participants.</footer>");
    page(&format!("{} in {}", user.id, room.id), &content)
}

const fn role_text(role: &Role) -> &'static str {
    match role {
        Role::Plus => "plus user",
        Role::Basic => "basic user",
        Role::Unknown(_) => "unknown role",
    }
}

fn tools(tools: &Tools) -> [(&'static str, bool); 8] {
    [
        ("chat", tools.chat),
        ("screen sharing", tools.screen_sharing),
        ("file upload", tools.file_upload),
        ("whiteboard", tools.whiteboard != Whiteboard::none()),
        ("snapshot", tools.snapshot),
        ("live edit", tools.live_edit),
        ("live pointer", tools.live_pointer),
        ("present to everyone", tools.present_to_everyone),
    ]
}
