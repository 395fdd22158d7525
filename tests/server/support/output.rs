//! Keeps all output of the server in a folder, which `tests/scan-output.sh` scans after the tests: no name, link, key or
//! token may be in there.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Condvar, LazyLock, Mutex, Once, PoisonError};

use teleconsult_server::telemetry::logs::{self, Level};

use super::service::PATIENCE;

/// The folder for all output: the one that `tests/run.sh` sets, else one in the target folder.
fn folder() -> &'static Path {
    static FOLDER: LazyLock<PathBuf> = LazyLock::new(|| {
        let chosen = std::env::var_os("TELECONSULT_TEST_OUTPUT").map(PathBuf::from);
        let folder = chosen.unwrap_or_else(|| Path::new(env!("CARGO_TARGET_TMPDIR")).join("output"));
        std::fs::create_dir_all(&folder).unwrap();
        folder
    });
    &FOLDER
}

/// A new file, named after the running test, so that the next run of the same test replaces it.
pub fn file(kind: &str) -> File {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let thread = std::thread::current();
    let test = thread.name().unwrap_or("unnamed").replace("::", ".");
    File::create(folder().join(format!("{test}.{count}.{kind}"))).unwrap()
}

/// Keeps the body of an error response or of the metrics, which may show internals to callers.
pub fn keep_response(path: &str, status: u16, text: &str) {
    static RESPONSES: LazyLock<Mutex<File>> = LazyLock::new(|| Mutex::new(file("responses")));
    if status >= 400 || path.ends_with("/-/metrics") {
        let mut responses = RESPONSES.lock().unwrap_or_else(PoisonError::into_inner);
        writeln!(responses, "{text}").unwrap();
    }
}

/// Keeps the whole log of the servers in this process, as the binary writes it.
pub fn keep_log() {
    static STARTED: Once = Once::new();
    // Dropping the guard would stop the writer.
    STARTED.call_once(|| std::mem::forget(logs::start(Level::parse("trace"), Log(file("log")))));
}

/// Marks that have been written, and with them everything that was logged before.
static MARKS: (Mutex<BTreeSet<u64>>, Condvar) = (Mutex::new(BTreeSet::new()), Condvar::new());

/// Waits until everything that was logged is in the file: lines are written by a thread that ends with the process.
pub fn until_log_is_kept() {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let mark = COUNT.fetch_add(1, Ordering::Relaxed);
    tracing::trace!(target: "teleconsult_server", mark, "the test is over");
    let marks = MARKS.0.lock().unwrap_or_else(PoisonError::into_inner);
    let waited = MARKS.1.wait_timeout_while(marks, PATIENCE, |marks| !marks.contains(&mark));
    assert!(std::thread::panicking() || !waited.unwrap().1.timed_out(), "the log was not written");
}

struct Log(File);

impl Write for Log {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0.write_all(line)?;
        if line.windows(7).any(|part| part == b"\"mark\":") {
            let line: serde_json::Value = serde_json::from_slice(line)?;
            MARKS.0.lock().unwrap_or_else(PoisonError::into_inner).extend(line["mark"].as_u64());
            MARKS.1.notify_all();
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}
