//! Clients that are slow, silent or ambiguous.

use bandyer_client::ApiVersion;
use bandyer_client::emulator::{Fault, Operation};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::raw::{exchange, until_closed};
use crate::support::service::{consultation, doctor, patient};
use crate::support::{Service, in_minutes};

async fn impatient() -> Service {
    let second = "1";
    Service::start(
        ApiVersion::V2,
        &[("TELECONSULT_HEADER_TIMEOUT_SECONDS", second), ("TELECONSULT_BODY_TIMEOUT_SECONDS", second)],
    )
    .await
}

#[tokio::test]
async fn a_silent_client_and_a_slow_head_are_closed() {
    let service = impatient().await;
    for start in ["", "GET / HTT", "GET / HTTP/1.1\r\nhost: x\r\nx-slow: "] {
        let answer = exchange(service.address(), start.as_bytes()).await;
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 408"), "{answer}");
    }
}

#[tokio::test]
async fn a_head_may_be_slow_only_once_it_has_begun() {
    let service = impatient().await;
    let mut stream = TcpStream::connect(service.address()).await.unwrap();
    let mut buffer = [0; 4096];
    stream.write_all(b"GET /-/healthz HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    assert!(stream.read(&mut buffer).await.unwrap() > 0);
    // Idle for longer than a head may take, as a gateway's pool is; nothing happens, and that takes time to see.
    let idle = tokio::time::timeout(Duration::from_millis(1500), stream.read(&mut buffer)).await;
    assert!(idle.is_err(), "the connection was closed while idle");
    stream.write_all(b"GET /-/healthz HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    assert!(stream.read(&mut buffer).await.unwrap() > 0);
    stream.write_all(b"GET /-/he").await.unwrap();
    until_closed(&mut stream).await;
}

#[tokio::test]
async fn a_slow_body_is_408() {
    let service = impatient().await;
    let head = "POST /teleconsultation HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n";
    for framing in ["content-length: 100\r\n\r\n{", "transfer-encoding: chunked\r\n\r\n1\r\n{\r\n"] {
        let answer = exchange(service.address(), format!("{head}{framing}").as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
        assert!(answer.contains("connection: close"), "{answer}");
    }
}

#[tokio::test]
async fn a_request_without_one_host_or_one_length_is_refused() {
    let service = impatient().await;
    let post = "POST /credentials HTTP/1.1\r\n";
    for head in [
        format!("{post}content-length: 0\r\n\r\n"),
        format!("{post}host: x\r\nhost: y\r\ncontent-length: 0\r\n\r\n"),
        format!("{post}host: x\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\n"),
        format!("{post}host: x\r\ntransfer-encoding: chunked, identity\r\n\r\n"),
    ] {
        let answer = exchange(service.address(), head.as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 400 "), "{head}: {answer}");
    }
}

#[tokio::test]
async fn nothing_is_read_behind_a_body_with_two_lengths() {
    let service = impatient().await;
    let smuggled = "GET /-/healthz HTTP/1.1\r\nhost: x\r\n\r\n";
    let head = "POST /credentials HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n";
    let chunks = "2\r\n{}\r\n0\r\n\r\n";
    // In either order, in any case, with lengths that end before, at and behind the chunks, and by chunks alone: who looks
    // at the length and who looks at the chunks must both find nothing behind them.
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
        // Alone, and behind another request of the same connection.
        for (before, answers) in [("", 1), (smuggled, 2)] {
            let bytes = format!("{before}{head}{framing}\r\n{chunks}{smuggled}");
            let answer = exchange(service.address(), bytes.as_bytes()).await;
            assert_eq!(answer.matches("HTTP/1.1 ").count(), answers, "{framing}: {answer}");
            let last = answer.rsplit("HTTP/1.1 ").next().unwrap();
            assert!(last.starts_with("40") && last.contains("connection: close"), "{framing}: {answer}");
        }
    }
}

#[tokio::test]
async fn what_comes_later_behind_a_body_with_two_lengths_is_not_read_either() {
    let service = impatient().await;
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
    // The server may be gone already.
    let _ = stream.write_all(b"GET /-/healthz HTTP/1.1\r\nhost: x\r\n\r\n").await;
    let rest = until_closed(&mut stream).await;
    assert!(rest.contains("connection: close") && !rest.contains("HTTP/1.1 "), "{rest}");
}

#[tokio::test]
async fn a_body_beyond_its_limit_is_not_read_to_its_end_however_it_is_framed() {
    let service = Service::start(ApiVersion::V2, &[]).await;
    let head = "POST /teleconsultation HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n";
    // Announced: refused before anything of it is sent.
    let announced = format!("{head}content-length: 10000000000\r\n\r\n");
    let answer = exchange(service.address(), announced.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 413 ") && answer.contains("connection: close"), "{answer}");
    // Not announced: read for a while, so that an honest client sees the answer, and no longer.
    let mut stream = TcpStream::connect(service.address()).await.unwrap();
    stream.write_all(format!("{head}transfer-encoding: chunked\r\n\r\n").as_bytes()).await.unwrap();
    let chunk = format!("10000\r\n{}\r\n", " ".repeat(0x10000));
    let mut sent = 0;
    while sent < 1 << 30 && stream.write_all(chunk.as_bytes()).await.is_ok() {
        sent += chunk.len();
    }
    assert!(sent < 1 << 28, "{sent} bytes were taken");
    let _ = until_closed(&mut stream).await;
}

#[tokio::test]
async fn idle_connections_make_room_for_those_who_wait() {
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
        assert_eq!(until_closed(&mut stream).await, "", "an idle connection ends without a word");
    }
}

#[tokio::test]
async fn a_head_beyond_its_limit_is_431() {
    let service = impatient().await;
    let head = format!("GET / HTTP/1.1\r\nhost: x\r\nx-long: {}\r\n\r\n", "a".repeat(64 * 1024));
    let answer = exchange(service.address(), head.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 431 "), "{answer}");
}

#[tokio::test]
async fn beyond_the_limit_connections_wait_and_are_served_in_turn() {
    let service = Service::start(ApiVersion::V2, &[("TELECONSULT_MAX_CONNECTIONS", "2")]).await;
    let first = TcpStream::connect(service.address()).await.unwrap();
    let second = TcpStream::connect(service.address()).await.unwrap();
    let mut third = TcpStream::connect(service.address()).await.unwrap();
    third.write_all(b"GET /-/healthz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await.unwrap();
    drop((first, second));
    assert!(until_closed(&mut third).await.starts_with("HTTP/1.1 200 "));
}

#[tokio::test]
async fn a_change_whose_caller_leaves_is_finished_and_waited_for() {
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
    // Waits for the change, and the next start finds nothing to settle.
    service.restart().await;
    assert_eq!(service.emulator.live_rooms().len(), 1);
    assert_eq!(service.emulator.calls_of(Operation::DeleteRoom), 0);
}
