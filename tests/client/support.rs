//! Clients of mock servers, and a server that sends raw bytes.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bandyer_client::{ApiVersion, Client, ClientBuilder, File, RetryPolicy, RoomId, UserId};
use httpmock::MockServer;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

pub const KEY: &str = "ak_test_0123456789ab";

/// The standard policy without delays.
pub fn no_backoff() -> RetryPolicy {
    RetryPolicy::standard().backoff(Duration::from_millis(1), Duration::from_millis(1))
}

pub fn builder(url: &str) -> ClientBuilder {
    Client::builder(KEY).base_url(url).retry(no_backoff())
}

pub fn client_of(server: &MockServer, version: ApiVersion) -> Client {
    builder(&server.base_url()).api_version(version).build().unwrap()
}

pub fn v2(server: &MockServer) -> Client {
    client_of(server, ApiVersion::V2)
}

pub fn user(id: &str) -> UserId {
    UserId::new(id).unwrap()
}

pub fn room(id: &str) -> RoomId {
    RoomId::new(id).unwrap()
}

/// What a raw server does after it has received a request.
#[derive(Clone, Copy)]
pub enum Then {
    /// Sends these bytes and closes.
    Send(&'static str),
    /// Sends these bytes and keeps the connection open.
    SendAndStall(&'static str),
    /// Never responds.
    Stall,
}

/// A server that performs scripted steps, one connection per request.
pub struct RawServer {
    pub address: SocketAddr,
    requests: Arc<Mutex<Vec<String>>>,
}

impl RawServer {
    /// Performs one step per request, and repeats the last step.
    pub async fn start(steps: &'static [Then]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let requests = Arc::default();
        let seen: Arc<Mutex<Vec<String>>> = Arc::clone(&requests);
        tokio::spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                let seen = Arc::clone(&seen);
                tokio::spawn(async move {
                    let mut buffer = [0; 16 * 1024];
                    let length = stream.read(&mut buffer).await.unwrap_or(0);
                    if length == 0 {
                        return;
                    }
                    let n = {
                        let mut seen = seen.lock().unwrap();
                        seen.push(String::from_utf8_lossy(&buffer[..length]).into_owned());
                        seen.len() - 1
                    };
                    match steps[n.min(steps.len() - 1)] {
                        Then::Send(bytes) => stream.write_all(bytes.as_bytes()).await.unwrap(),
                        Then::SendAndStall(bytes) => {
                            stream.write_all(bytes.as_bytes()).await.unwrap();
                            std::future::pending().await
                        }
                        Then::Stall => std::future::pending().await,
                    }
                });
            }
        });
        Self { address, requests }
    }

    pub fn requests(&self) -> usize {
        self.requests.lock().unwrap().len()
    }

    /// The requests as they arrived, oldest first.
    pub fn received(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }

    pub fn client(&self) -> ClientBuilder {
        builder(&format!("http://{}", self.address)).attempt_timeout(Duration::from_millis(300))
    }
}

/// The header of a PNG of this size, which is the only part that is read.
pub fn png(width: u32, height: u32) -> File {
    let mut bytes = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR".to_vec();
    bytes.extend(width.to_be_bytes());
    bytes.extend(height.to_be_bytes());
    bytes.extend([8, 6, 0, 0, 0, 0, 0, 0, 0]);
    File::png(bytes).unwrap()
}

/// The header of a JPEG of this size.
pub fn jpeg(width: u16, height: u16) -> File {
    let mut bytes = b"\xff\xd8\xff\xc0\0\x11\x08".to_vec();
    bytes.extend(height.to_be_bytes());
    bytes.extend(width.to_be_bytes());
    bytes.extend([3, 1, 0x22, 0, 2, 0x11, 1, 3, 0x11, 1, 0xff, 0xd9]);
    File::jpeg(bytes).unwrap()
}
