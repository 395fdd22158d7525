//! The vendor is away for a while, under load: it is left alone, callers are told at once, and soon after its end
//! everything is as before.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bandyer_client::emulator::Fault;
use reqwest::Method;

use crate::support::database::Kind;
use crate::support::in_minutes;
use crate::support::service::{consultation, doctor, patient};
use crate::support::site::Site;

/// How long the vendor is away, in seconds. Longer: `TELECONSULT_TEST_OUTAGE_SECONDS=300 tests/run.sh outage`.
const SECONDS: u64 = 5;
const CALLERS: usize = 16;
/// Within which time after its end everything must be as before.
const BACK_WITHIN: Duration = Duration::from_secs(30);

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_outage_is_answered_with_fewer_calls_than_there_are_requests_and_is_over_soon_after_its_end() {
    #[expect(clippy::disallowed_methods, reason = "whoever runs the tests chooses how long")]
    let seconds = std::env::var("TELECONSULT_TEST_OUTAGE_SECONDS").map_or(SECONDS, |text| text.parse().unwrap());
    let site = Arc::new(Site::new(Kind::Embedded).await);
    let server = site.start(&[]);
    let url: Arc<str> = server.url.as_str().into();
    // Both people are known, so that each request wants one thing of the vendor: a room.
    let ask = {
        let (site, url) = (Arc::clone(&site), Arc::clone(&url));
        move || {
            let (site, url) = (Arc::clone(&site), Arc::clone(&url));
            async move {
                let body = consultation(&in_minutes(60), 2, &[doctor(), patient()]);
                site.call(&url, Method::POST, "/teleconsultation", &[], Some(&body)).await.expect("an answer").0
            }
        }
    };
    assert_eq!(ask().await, 201);

    site.emulator.faults().add(Fault::on_any().always().status(503));
    let before = site.emulator.calls().len();
    let (stop, asked, refused_at_once) =
        (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let callers: Vec<_> = (0..CALLERS)
        .map(|_| {
            let (ask, stop, asked, refused) =
                (ask.clone(), Arc::clone(&stop), Arc::clone(&asked), Arc::clone(&refused_at_once));
            tokio::spawn(async move {
                while !stop.load(Ordering::Relaxed) {
                    let status = ask().await;
                    assert!((502..=503).contains(&status), "{status}");
                    asked.fetch_add(1, Ordering::Relaxed);
                    refused.fetch_add(usize::from(status == 503), Ordering::Relaxed);
                }
            })
        })
        .collect();
    // The outage itself is time.
    tokio::time::sleep(Duration::from_secs(seconds)).await;
    let attempts = site.emulator.calls().len() - before;
    stop.store(true, Ordering::Relaxed);
    for caller in callers {
        caller.await.unwrap();
    }
    let traffic = asked.load(Ordering::Relaxed);
    assert!(attempts * 10 <= traffic * 11, "{attempts} calls for {traffic} requests");
    assert!(refused_at_once.load(Ordering::Relaxed) * 2 > traffic, "most callers are told at once");

    site.emulator.faults().clear();
    let end = Instant::now();
    let back = async { while ask().await != 201 {} };
    tokio::time::timeout(BACK_WITHIN, back).await.expect("everything is as before in time");
    let back = end.elapsed();
    site.until_settled(&url).await.unwrap();
    site.check_invariants().await.unwrap();
    println!(
        "{seconds} s without vendor: {traffic} requests, {attempts} calls ({:.3} a request), back after {:.1} s",
        attempts as f64 / traffic as f64,
        back.as_secs_f64()
    );
}
