//! Clients that are slow, silent or send ambiguous framing.

use bandyer_client::ApiVersion;
use bandyer_client::emulator::{Fault, Operation};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::raw::{exchange, until_closed};
use crate::support::service::{consultation, doctor, patient};
use crate::support::{Service, in_minutes};

async fn with_short_timeouts() -> Service {
    let one_second = "1";
    Service::start(
        ApiVersion::V2,
        &[("TELECONSULT_HEADER_TIMEOUT_SECONDS", one_second), ("TELECONSULT_BODY_TIMEOUT_SECONDS", one_second)],
    )
    .await
}

#[tokio::test]
async fn silent_clients_and_slow_request_heads_are_disconnected() {
    let service = with_short_timeouts().await;
    for start in ["", "GET / HTT", "GET / HTTP/1.1\r\nhost: x\r\nx-slow: "] {
        let response = exchange(service.address(), start.as_bytes()).await;
        assert!(response.is_empty() || response.starts_with("HTTP/1.1 408"), "{response}");
    }
}

#[tokio::test]
async fn the_header_timeout_starts_with_the_first_byte() {
    let service = with_short_timeouts().await;
    let mut stream = TcpStream::connect(service.address()).await.unwrap();
    let mut buffer = [0; 4096];
    stream.write_all(b"GET /-/healthz HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    assert!(stream.read(&mut buffer).await.unwrap() > 0);
    // Idle for longer than the header timeout, like a gateway's pooled connection. Only waiting shows that it stays
    // open.
    let idle = tokio::time::timeout(Duration::from_millis(1500), stream.read(&mut buffer)).await;
    assert!(idle.is_err(), "the connection was closed while idle");
    stream.write_all(b"GET /-/healthz HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    assert!(stream.read(&mut buffer).await.unwrap() > 0);
    stream.write_all(b"GET /-/he").await.unwrap();
    until_closed(&mut stream).await;
}

#[tokio::test]
async fn a_slow_body_is_408() {
    let service = with_short_timeouts().await;
    let head = "POST /teleconsultation HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n";
    for framing in ["content-length: 100\r\n\r\n{", "transfer-encoding: chunked\r\n\r\n1\r\n{\r\n"] {
        let response = exchange(service.address(), format!("{head}{framing}").as_bytes()).await;
        assert!(response.starts_with("HTTP/1.1 408 "), "{response}");
        assert!(response.contains("connection: close"), "{response}");
    }
}

#[tokio::test]
async fn a_wrong_chunk_size_is_not_called_an_early_end() {
    let service = with_short_timeouts().await;
    let head = "POST /teleconsultation HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n\
                transfer-encoding: chunked\r\n\r\n";
    for chunk in ["zz\r\n{}\r\n0\r\n\r\n", "2\r\n{}xx0\r\n\r\n"] {
        let response = exchange(service.address(), format!("{head}{chunk}").as_bytes()).await;
        assert!(response.starts_with("HTTP/1.1 400 "), "{response}");
        assert!(response.contains("the request body is not validly chunked"), "{response}");
    }
}

#[tokio::test]
async fn a_request_without_exactly_one_host_and_length_is_refused() {
    let service = with_short_timeouts().await;
    let post = "POST /credentials HTTP/1.1\r\n";
    for head in [
        format!("{post}content-length: 0\r\n\r\n"),
        format!("{post}host: x\r\nhost: y\r\ncontent-length: 0\r\n\r\n"),
        format!("{post}host: x\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\n"),
        format!("{post}host: x\r\ntransfer-encoding: chunked, identity\r\n\r\n"),
    ] {
        let response = exchange(service.address(), head.as_bytes()).await;
        assert!(response.starts_with("HTTP/1.1 400 "), "{head}: {response}");
    }
}

#[tokio::test]
async fn nothing_is_read_after_a_body_with_two_lengths() {
    let service = with_short_timeouts().await;
    let smuggled = "GET /-/healthz HTTP/1.1\r\nhost: x\r\n\r\n";
    let head = "POST /credentials HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n";
    let chunks = "2\r\n{}\r\n0\r\n\r\n";
    // In either order, in any case, with lengths that end before, at and after the chunks, and with chunks alone: a
    // reader that goes by the length and one that goes by the chunks must both find no request after the body.
    let framings = [
        "content-length: 6\r\ntransfer-encoding: chunked\r\n",
        "transfer-encoding: chunked\r\ncontent-length: 6\r\n",
        "Content-LENGTH: 0\r\nTRANSFER-encoding: Chunked\r\n",
        "content-length: 12\r\ntransfer-encoding: chunked\r\n",
        "content-length: 50\r\ntransfer-encoding: chunked\r\n",
        "content-length: 6\r\ncontent-length: 7\r\ntransfer-encoding: chunked\r\n",
        "transfer-encoding: chunked\r\n",
    ];
    for framing in framings {
        // As the only request of a connection, and after another one.
        for (before, responses) in [("", 1), (smuggled, 2)] {
            let bytes = format!("{before}{head}{framing}\r\n{chunks}{smuggled}");
            let response = exchange(service.address(), bytes.as_bytes()).await;
            assert_eq!(response.matches("HTTP/1.1 ").count(), responses, "{framing}: {response}");
            let last = response.rsplit("HTTP/1.1 ").next().unwrap();
            assert!(last.starts_with("40") && last.contains("connection: close"), "{framing}: {response}");
        }
    }
}

#[tokio::test]
async fn bytes_sent_later_after_a_body_with_two_lengths_are_not_read() {
    let service = with_short_timeouts().await;
    let mut stream = TcpStream::connect(service.address()).await.unwrap();
    let head = "POST /credentials HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n";
    let both = format!("{head}content-length: 12\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{{}}\r\n0\r\n\r\n");
    // One byte at a time, so that no header arrives in one piece.
    for byte in both.as_bytes() {
        stream.write_all(std::slice::from_ref(byte)).await.unwrap();
    }
    let mut first = [0; 12];
    stream.read_exact(&mut first).await.unwrap();
    assert_eq!(&first, b"HTTP/1.1 401");
    // The server may have closed the connection already.
    let _ = stream.write_all(b"GET /-/healthz HTTP/1.1\r\nhost: x\r\n\r\n").await;
    let rest = until_closed(&mut stream).await;
    assert!(rest.contains("connection: close") && !rest.contains("HTTP/1.1 "), "{rest}");
}

#[tokio::test]
async fn an_oversized_body_is_not_read_to_its_end_in_any_framing() {
    let service = Service::start(ApiVersion::V2, &[]).await;
    let head = "POST /teleconsultation HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n";
    // With a declared length: refused before any of the body is sent.
    let declared = format!("{head}content-length: 10000000000\r\n\r\n");
    let response = exchange(service.address(), declared.as_bytes()).await;
    assert!(response.starts_with("HTTP/1.1 413 ") && response.contains("connection: close"), "{response}");
    // Without one: read for a limited time, so that a well-behaved client sees the response.
    let mut stream = TcpStream::connect(service.address()).await.unwrap();
    stream.write_all(format!("{head}transfer-encoding: chunked\r\n\r\n").as_bytes()).await.unwrap();
    let chunk = format!("10000\r\n{}\r\n", " ".repeat(0x10000));
    let mut sent = 0;
    while sent < 1 << 30 && stream.write_all(chunk.as_bytes()).await.is_ok() {
        sent += chunk.len();
    }
    assert!(sent < 1 << 28, "{sent} bytes were accepted");
    let _ = until_closed(&mut stream).await;
}

#[tokio::test]
async fn idle_connections_are_closed_for_waiting_ones() {
    let limits = [("TELECONSULT_MAX_CONNECTIONS", "4"), ("TELECONSULT_IDLE_TIMEOUT_SECONDS", "1")];
    let service = Service::start(ApiVersion::V2, &limits).await;
    let request = b"GET /-/healthz HTTP/1.1\r\nhost: x\r\n\r\n";
    let mut idle = Vec::new();
    for _ in 0..4 {
        let mut stream = TcpStream::connect(service.address()).await.unwrap();
        stream.write_all(request).await.unwrap();
        assert!(stream.read(&mut [0; 4096]).await.unwrap() > 0);
        idle.push(stream);
    }
    assert_eq!(service.get("/-/healthz", "").await.status, 200);
    for mut stream in idle {
        assert_eq!(until_closed(&mut stream).await, "", "an idle connection is closed without a response");
    }
}

#[tokio::test]
async fn a_request_head_over_the_limit_is_431() {
    let service = with_short_timeouts().await;
    let head = format!("GET / HTTP/1.1\r\nhost: x\r\nx-long: {}\r\n\r\n", "a".repeat(64 * 1024));
    let response = exchange(service.address(), head.as_bytes()).await;
    assert!(response.starts_with("HTTP/1.1 431 "), "{response}");
}

#[tokio::test]
async fn connections_over_the_limit_wait_and_are_then_served() {
    let service = Service::start(ApiVersion::V2, &[("TELECONSULT_MAX_CONNECTIONS", "2")]).await;
    let first = TcpStream::connect(service.address()).await.unwrap();
    let second = TcpStream::connect(service.address()).await.unwrap();
    let mut third = TcpStream::connect(service.address()).await.unwrap();
    third.write_all(b"GET /-/healthz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await.unwrap();
    drop((first, second));
    assert!(until_closed(&mut third).await.starts_with("HTTP/1.1 200 "));
}

#[tokio::test]
async fn an_abandoned_change_is_finished_before_shutdown() {
    let mut service = Service::start(ApiVersion::V2, &[]).await;
    service.emulator.faults().add(
        Fault::on(Operation::CreateRoom).action(bandyer_client::emulator::Action::Delay(Duration::from_millis(300))),
    );
    let body = consultation(&in_minutes(60), 2, &[doctor(), patient()]).to_string();
    let mut stream = TcpStream::connect(service.address()).await.unwrap();
    let head = "POST /teleconsultation HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n";
    stream.write_all(format!("{head}content-length: {}\r\n\r\n{body}", body.len()).as_bytes()).await.unwrap();
    service.until_called(Operation::CreateUser, 2).await;
    drop(stream);
    // Shutdown waits for the change, so the next start has nothing to recover.
    service.restart().await;
    assert_eq!(service.emulator.live_rooms().len(), 1);
    assert_eq!(service.emulator.calls_of(Operation::DeleteRoom), 0);
}
