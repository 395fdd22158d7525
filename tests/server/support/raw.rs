//! Sends raw bytes to the server, including requests that no HTTP client sends.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::service::PATIENCE;

/// Sends bytes and reads until the server closes the connection.
pub async fn exchange(address: SocketAddr, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    // The server may close before it has read everything.
    let _ = stream.write_all(bytes).await;
    until_closed(&mut stream).await
}

/// Reads until the server closes the connection.
pub async fn until_closed(stream: &mut TcpStream) -> String {
    let mut response = Vec::new();
    let read = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut response)).await;
    // A reset after the response also ends the connection.
    let _ = read.expect("the server closes the connection");
    String::from_utf8_lossy(&response).into_owned()
}
