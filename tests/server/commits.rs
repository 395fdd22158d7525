//! A COMMIT without a response: whether the change was carried out is unknown, and the response says so.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use reqwest::StatusCode;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::support::database::Kind;
use crate::support::in_minutes;
use crate::support::service::{consultation, doctor};
use crate::support::site::Site;

/// Passes connections on to PostgreSQL. Once it is armed, the connection that commits the next teleconsultation is cut when the
/// response arrives.
struct Proxy {
    address: SocketAddr,
    is_armed: Arc<AtomicBool>,
}

impl Proxy {
    async fn start(database: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, is_armed) = (listener.local_addr().unwrap(), Arc::new(AtomicBool::new(false)));
        let armed = Arc::clone(&is_armed);
        tokio::spawn(async move {
            while let Ok((server, _)) = listener.accept().await {
                let database = TcpStream::connect(&database).await.unwrap();
                tokio::spawn(pass_on(server, database, Arc::clone(&armed)));
            }
        });
        Self { address, is_armed }
    }
}

fn has(sent: &[u8], word: &[u8]) -> bool {
    sent.windows(word.len()).any(|one| one == word)
}

async fn pass_on(mut server: TcpStream, mut database: TcpStream, is_armed: Arc<AtomicBool>) {
    let (mut sent, mut received) = ([0; 8192], [0; 8192]);
    let (mut is_inserting, mut is_committing) = (false, false);
    loop {
        tokio::select! {
            Ok(count @ 1..) = server.read(&mut sent) => {
                is_inserting |= is_armed.load(Ordering::SeqCst) && has(&sent[..count], b"INSERT INTO teleconsultations");
                is_committing |= is_inserting && has(&sent[..count], b"COMMIT");
                if is_committing {
                    is_armed.store(false, Ordering::SeqCst);
                }
                database.write_all(&sent[..count]).await.unwrap();
            }
            // Once there is a response to COMMIT, PostgreSQL has committed.
            Ok(count @ 1..) = database.read(&mut received) => match is_committing {
                true => return,
                false => server.write_all(&received[..count]).await.unwrap(),
            },
            else => return,
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_response_to_commit_is_not_called_unchanged() {
    let site = Site::new(Kind::Postgres).await;
    let mut url: url::Url = site.database.url.parse().unwrap();
    let proxy = Proxy::start(format!("{}:{}", url.host_str().unwrap(), url.port().unwrap())).await;
    url.set_ip_host(proxy.address.ip()).unwrap();
    url.set_port(Some(proxy.address.port())).unwrap();
    url.set_query(Some("sslmode=disable"));
    // No background job commits in between.
    let server = site.start(&[
        ("DATABASE_URL", url.as_str()),
        ("TELECONSULT_SWEEP_INTERVAL_SECONDS", "3600"),
        ("TELECONSULT_RECOVERY_INTERVAL_SECONDS", "3600"),
    ]);
    let body = consultation(&in_minutes(60), 3, &[doctor()]);
    let create = || site.http.post(format!("{}/teleconsultation", server.url)).json(&body).send();
    assert_eq!(create().await.unwrap().status(), StatusCode::CREATED);

    let before = site.database.records().await.len();
    proxy.is_armed.store(true, Ordering::SeqCst);
    let response = create().await.unwrap();
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(response.headers()["retry-after"], "5");
    let body: Value = response.json().await.unwrap();
    assert_eq!(
        (&body["code"], &body["message"]),
        (
            &json!("store_unavailable"),
            &json!("the data store did not confirm the change; it may have been carried out")
        )
    );
    assert_eq!(site.database.records().await.len(), before + 1, "it was carried out");
    assert_eq!(create().await.unwrap().status(), StatusCode::CREATED, "the store works again");
}
