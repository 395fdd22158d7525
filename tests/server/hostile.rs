//! The real binary under many malicious clients: their connections are bounded, closed and logged once, while
//! well-behaved clients are served as usual.

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::binary::{Process, Program};
use crate::support::raw::{exchange, until_closed};
use crate::support::service::{consultation, doctor, patient};
use crate::support::site::Site;
use crate::support::{Setup, http_client, in_minutes};

async fn site() -> Site {
    Setup::default().variables(&[("TELECONSULT_IDENTITY_PROXIES", "loopback")]).binary().await
}

/// A server with a limit on its open files.
fn start_server(site: &Site, files: u32, more: &[(&str, &str)]) -> Process {
    Program::with_files(&site.variables(more), files).start()
}

/// Creates a teleconsultation and views it, each over a new connection.
async fn real_work(server: &Process) {
    let body = consultation(&in_minutes(0), 2, &[doctor(), patient()]);
    let response = http_client().post(format!("{}/teleconsultation", server.url)).json(&body).send().await.unwrap();
    assert_eq!(response.status(), 201);
    let id = response.json::<Value>().await.unwrap()["roomId"].as_str().unwrap().to_owned();
    let view = http_client().get(format!("{}/teleconsultation/{id}", server.url)).header("miauserid", "patient-42");
    assert_eq!(view.send().await.unwrap().status(), 200);
}

/// The value of a metric without labels.
async fn metric(server: &Process, name: &str) -> f64 {
    let text = http_client().get(format!("{}/-/metrics", server.url)).send().await.unwrap().text().await.unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("there is no metric {name}")).parse().unwrap()
}

fn parsed(lines: &[String]) -> Vec<Value> {
    lines.iter().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Raises the limit of this process, which needs a descriptor for its end of each connection.
fn allow_files(most: u32) {
    let pid = std::process::id().to_string();
    let raised = std::process::Command::new("prlimit").args(["--pid", &pid, &format!("--nofile={most}:")]).status();
    assert!(raised.unwrap().success(), "the system does not allow {most} open files");
}

#[tokio::test(flavor = "multi_thread")]
async fn thousands_of_unused_connections_do_not_starve_real_work() {
    const SILENT: usize = 1500;
    const IDLE: usize = 1500;
    allow_files(8000);
    let site = site().await;
    let server = start_server(
        &site,
        8000,
        &[("TELECONSULT_HEADER_TIMEOUT_SECONDS", "5"), ("TELECONSULT_MAX_CONNECTIONS", "5000")],
    );
    real_work(&server).await;
    let before = metric(&server, "process_open_fds").await;
    let mut idle = Vec::new();
    for _ in 0..IDLE {
        let mut stream = TcpStream::connect(server.address()).await.unwrap();
        stream.write_all(b"GET /-/healthz HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
        assert!(stream.read(&mut [0; 1024]).await.unwrap() > 0);
        idle.push(stream);
    }
    let mut silent = Vec::new();
    for n in 0..SILENT {
        let mut stream = TcpStream::connect(server.address()).await.unwrap();
        // Some send nothing; the others begin a request and stop.
        stream.write_all(&b"GET /teleconsultation/x HTTP/1.1\r\nhost: x\r\nx-slow: "[..n % 50]).await.unwrap();
        silent.push(stream);
    }
    // All idle connections are still open, whether or not the silent ones have been closed.
    assert!(metric(&server, "process_open_fds").await >= before + IDLE as f64);
    for _ in 0..5 {
        real_work(&server).await;
    }
    for stream in &mut silent {
        assert_eq!(until_closed(stream).await, "");
    }
    real_work(&server).await;
    let (code, lines) = server.terminate();
    assert_eq!(code, Some(0));
    for stream in &mut idle {
        assert_eq!(until_closed(stream).await, "");
    }
    let lines = parsed(&lines);
    let warnings = lines.iter().filter(|line| line["level"].as_u64() > Some(30));
    assert_eq!(warnings.count(), 0, "{lines:#?}");
    // Silent connections are not logged; requests are.
    let completed = lines.iter().filter(|line| line["msg"] == json!("request completed")).count();
    assert_eq!(completed, 14);
    assert_eq!(lines.last().unwrap()["cutConnections"], json!(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_flood_leaves_descriptors_for_store_and_vendor() {
    let site = site().await;
    let server = start_server(&site, 256, &[("TELECONSULT_HEADER_TIMEOUT_SECONDS", "1")]);
    // More than may be open; the rest waits in the system's queue, together with the real work.
    let mut silent = Vec::new();
    for _ in 0..600 {
        silent.push(TcpStream::connect(server.address()).await.unwrap());
    }
    for _ in 0..3 {
        real_work(&server).await;
    }
    for stream in &mut silent {
        assert_eq!(until_closed(stream).await, "");
    }
    let (code, lines) = server.terminate();
    assert_eq!(code, Some(0));
    let lines = parsed(&lines);
    let warnings: Vec<&Value> = lines.iter().filter(|line| line["level"].as_u64() > Some(30)).collect();
    assert!(
        warnings.len() == 1 && warnings[0]["served"] == json!(192) && warnings[0]["level"] == json!(40),
        "{warnings:#?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn running_out_of_descriptors_is_logged_once_and_survived() {
    let site = site().await;
    let server = start_server(&site, FEW_FILES, &[("TELECONSULT_HEADER_TIMEOUT_SECONDS", "1")]);
    let health = b"GET /-/healthz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
    for _ in 0..3 {
        let mut silent = Vec::new();
        for _ in 0..40 {
            silent.push(TcpStream::connect(server.address()).await.unwrap());
        }
        let response = exchange(server.address(), health).await;
        assert!(response.starts_with("HTTP/1.1 200 "), "{response}");
        for stream in &mut silent {
            assert_eq!(until_closed(stream).await, "");
        }
    }
    real_work(&server).await;
    let (code, lines) = server.terminate();
    assert_eq!(code, Some(0));
    let lines = parsed(&lines);
    let message = json!("connections cannot be accepted; trying again");
    let errors: Vec<&Value> = lines.iter().filter(|line| line["msg"] == message).collect();
    assert_eq!((errors.len(), errors.first().map(|line| &line["level"])), (1, Some(&json!(50))), "{lines:#?}");
    assert!(errors[0]["error"].as_str().unwrap().contains("Too many open files"), "{}", errors[0]);
}

/// The server reserves a quarter of its descriptors for itself but needs about 17, much more than a quarter of these.
const FEW_FILES: u32 = 32;

#[tokio::test]
async fn faults_of_clients_are_logged_once_each_and_never_as_errors() {
    let site = site().await;
    let limits = [
        ("TELECONSULT_HEADER_TIMEOUT_SECONDS", "1"),
        ("TELECONSULT_BODY_TIMEOUT_SECONDS", "1"),
        ("LOG_LEVEL", "debug"),
        ("TELECONSULT_MAX_CONNECTIONS", "100"),
    ];
    let server = start_server(&site, 1024, &limits);
    let post = "POST /teleconsultation HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n";
    let faults = [
        // These never become a request.
        (String::new(), false),
        ("GET / HTT".to_owned(), false),
        ("\u{16}\u{3}\u{1}\u{2}".to_owned(), false),
        (format!("GET / HTTP/1.1\r\nhost: x\r\nx-long: {}\r\n\r\n", "a".repeat(64 * 1024)), false),
        (format!("{post}content-length: 5\r\ncontent-length: 6\r\n\r\n"), false),
        // These become a request, which is refused.
        ("GET /-/healthz HTTP/1.1\r\n\r\n".to_owned(), true),
        ("GET / HTTP/1.1\r\nhost: x\r\nhost: y\r\n\r\n".to_owned(), true),
        (format!("{post}content-length: 100\r\n\r\n{{"), true),
        (format!("{post}transfer-encoding: chunked\r\n\r\n1\r\n{{\r\n"), true),
        (format!("{post}content-length: 999999999\r\n\r\n"), true),
        (format!("{post}transfer-encoding: chunked\r\n\r\nzz\r\n"), true),
        (format!("{post}transfer-encoding: chunked\r\ncontent-length: 3\r\n\r\n0\r\n\r\n"), true),
    ];
    for (bytes, _) in &faults {
        exchange(server.address(), bytes.as_bytes()).await;
    }
    let (code, lines) = server.terminate();
    assert_eq!(code, Some(0));
    let lines = parsed(&lines);
    assert!(lines.iter().all(|line| line["level"].as_u64() <= Some(30)), "{lines:#?}");
    let with = |msg: &str| lines.iter().filter(|line| line["msg"] == json!(msg)).count();
    // Requests to status routes are logged only if the route fails; a missing Host header is not its failure.
    assert_eq!(
        with("request completed"),
        faults.iter().filter(|(_, is_request)| *is_request).count() - 1,
        "{lines:#?}"
    );
    assert!(with("a connection ended early") <= faults.len());
}
