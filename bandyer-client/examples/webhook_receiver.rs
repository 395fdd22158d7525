//! A webhook receiver on hyper: verifies the signature over the raw bytes of the body, then parses the event.
//!
//! ```text
//! cargo run --example webhook_receiver
//! ```
//!
//! It sends itself one event with a valid signature and one without, and exits.

#![expect(clippy::print_stdout, reason = "it is a command-line program")]

use std::convert::Infallible;
use std::sync::Arc;

use bandyer_client::ApiKey;
use bandyer_client::events::{self, Event, Verifier};
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Empty, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use jiff::Timestamp;
use tokio::net::TcpListener;

type AnyError = Box<dyn std::error::Error + Send + Sync>;

#[tokio::main]
async fn main() -> Result<(), AnyError> {
    let key = ApiKey::from("ak_test_0123456789ab");
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}/", listener.local_addr()?);
    let verifier = Arc::new(Verifier::new(key.clone())?);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let verifier = Arc::clone(&verifier);
            let service = service_fn(move |request| receive(Arc::clone(&verifier), request));
            let serving =
                http1::Builder::new().timer(TokioTimer::new()).serve_connection(TokioIo::new(stream), service);
            tokio::spawn(serving);
        }
    });

    let body = r#"{"event":"on_room_deleted","event_version":"1.0","namespace":"room","data":{"room_id":"room_1"}}"#;
    let signature = events::sign(&key, body.as_bytes(), Timestamp::now());
    for signature in [signature.as_str(), "t=1,v0=00"] {
        let http = reqwest::Client::builder().timeout(std::time::Duration::from_secs(5)).build()?;
        let response = http.post(&url).header("bandyer-signature", signature).body(body).send().await?;
        println!("response: {}", response.status());
    }
    Ok(())
}

async fn receive(verifier: Arc<Verifier>, request: Request<Incoming>) -> Result<Response<Empty<Bytes>>, Infallible> {
    let mut response = Response::new(Empty::new());
    *response.status_mut() = handle(&verifier, request).await;
    Ok(response)
}

/// The vendor retries after any status but 200, so unknown events are accepted too.
async fn handle(verifier: &Verifier, request: Request<Incoming>) -> StatusCode {
    let (head, body) = request.into_parts();
    let Ok(body) = Limited::new(body, 1024 * 1024).collect().await else {
        return StatusCode::PAYLOAD_TOO_LARGE;
    };
    match verifier.receive(&head.headers, &body.to_bytes()).map(|notification| notification.event) {
        Ok(Event::RoomDeleted(room)) => println!("room {} was deleted", room.room_id),
        Ok(other) => println!("{}", other.name()),
        Err(error) => return error.status(),
    }
    StatusCode::OK
}
