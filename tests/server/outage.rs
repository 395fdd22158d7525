//! A vendor outage under load: the vendor gets few calls, requests are refused immediately, and service resumes soon after
//! the outage ends.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bandyer_client::emulator::Fault;
use reqwest::Method;

use crate::support::database::Kind;
use crate::support::in_minutes;
use crate::support::service::{consultation, doctor, patient};
use crate::support::site::Site;

/// How long the outage lasts, in seconds. A longer one: `TELECONSULT_TEST_OUTAGE_SECONDS=300 tests/run.sh outage`.
const SECONDS: u64 = 5;
const CALLERS: usize = 16;
/// The time after the outage within which requests must succeed again.
const BACK_WITHIN: Duration = Duration::from_secs(30);

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_outage_costs_few_vendor_calls_and_recovery_is_quick() {
    #[expect(clippy::disallowed_methods, reason = "the environment sets the duration")]
    let seconds = std::env::var("TELECONSULT_TEST_OUTAGE_SECONDS").map_or(SECONDS, |text| text.parse().unwrap());
    let site = Arc::new(Site::new(Kind::Embedded).await);
    let server = site.start(&[]);
    let url: Arc<str> = server.url.as_str().into();
    // Both people have vendor users, so that each request needs one vendor call: the room's creation.
    let create = {
        let (site, url) = (Arc::clone(&site), Arc::clone(&url));
        move || {
            let (site, url) = (Arc::clone(&site), Arc::clone(&url));
            async move {
                let body = consultation(&in_minutes(60), 2, &[doctor(), patient()]);
                site.call(&url, Method::POST, "/teleconsultation", &[], Some(&body)).await.expect("a response").0
            }
        }
    };
    assert_eq!(create().await, 201);

    site.emulator.faults().add(Fault::on_any().always().status(503));
    let before = site.emulator.calls().len();
    let (stop, sent, refused_immediately) =
        (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let callers: Vec<_> = (0..CALLERS)
        .map(|_| {
            let (create, stop, sent, refused) =
                (create.clone(), Arc::clone(&stop), Arc::clone(&sent), Arc::clone(&refused_immediately));
            tokio::spawn(async move {
                while !stop.load(Ordering::Relaxed) {
                    let status = create().await;
                    assert!((502..=503).contains(&status), "{status}");
                    sent.fetch_add(1, Ordering::Relaxed);
                    refused.fetch_add(usize::from(status == 503), Ordering::Relaxed);
                }
            })
        })
        .collect();
    // The outage itself is a span of time.
    tokio::time::sleep(Duration::from_secs(seconds)).await;
    let attempts = site.emulator.calls().len() - before;
    stop.store(true, Ordering::Relaxed);
    for caller in callers {
        caller.await.unwrap();
    }
    let traffic = sent.load(Ordering::Relaxed);
    assert!(attempts * 10 <= traffic * 11, "{attempts} calls for {traffic} requests");
    assert!(refused_immediately.load(Ordering::Relaxed) * 2 > traffic, "most requests are refused immediately");

    site.emulator.faults().clear();
    let end = Instant::now();
    let back = async { while create().await != 201 {} };
    tokio::time::timeout(BACK_WITHIN, back).await.expect("requests succeed again in time");
    let back = end.elapsed();
    site.until_settled(&url).await.unwrap();
    site.check_invariants().await.unwrap();
    println!(
        "{seconds} s without vendor: {traffic} requests, {attempts} calls ({:.3} a request), back after {:.1} s",
        attempts as f64 / traffic as f64,
        back.as_secs_f64()
    );
}
