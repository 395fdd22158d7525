//! The real binary in a separate process, which tests may kill.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, OnceLock};
use std::thread::JoinHandle;

use tokio::sync::watch;

use super::output;
use super::service::PATIENCE;

/// Builds the binary if it is not up to date, with the cargo that runs these tests, and returns its path.
pub fn path() -> &'static Path {
    static PATH: OnceLock<PathBuf> = OnceLock::new();
    PATH.get_or_init(|| {
        let output = Command::new(env!("CARGO"))
            .args([
                "build",
                "--quiet",
                "--offline",
                "-p",
                "teleconsult-server",
                "--features",
                "crash-points",
                "--message-format=json",
            ])
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .stderr(Stdio::inherit())
            .output()
            .expect("cargo can be run");
        assert!(output.status.success(), "the binary cannot be built");
        let messages = String::from_utf8(output.stdout).unwrap();
        let mut executable = messages.lines().rev().filter_map(|line| {
            let message: serde_json::Value = serde_json::from_str(line).ok()?;
            Some(PathBuf::from(message["executable"].as_str()?))
        });
        executable.next().expect("cargo reports the binary")
    })
}

/// The log message of a server that listens, up to the address.
const LISTENING: &str = "Server listening at ";

/// The binary, to be run with only some variables in its environment. Its output is kept.
pub struct Program(Command);

/// The binary with only these variables in its environment.
pub fn command(variables: &[(&str, &str)]) -> Program {
    Program::new(Command::new(path()), variables)
}

impl Program {
    fn new(mut command: Command, variables: &[(&str, &str)]) -> Self {
        command.env_clear().envs(variables.iter().copied()).stdin(Stdio::null());
        Self(command)
    }

    /// The same, but writing beyond a file size limit is an error instead of a fatal signal.
    pub fn for_limits(variables: &[(&str, &str)]) -> Self {
        let mut shell = Command::new("/bin/sh");
        shell.args(["-c", r#"trap "" XFSZ; exec "$0""#]).arg(path());
        Self::new(shell, variables)
    }

    /// The same, with a limit of open files, which includes connections.
    pub fn with_files(variables: &[(&str, &str)], files: u32) -> Self {
        let mut shell = Command::new("/bin/sh");
        shell.args(["-c", &format!("ulimit -n {files} && exec \"$0\"")]).arg(path());
        Self::new(shell, variables)
    }

    pub fn arg(mut self, argument: &str) -> Self {
        self.0.arg(argument);
        self
    }

    /// Runs it until it exits.
    pub fn output(mut self) -> io::Result<Output> {
        let output = self.0.output()?;
        let mut kept = output::file("process");
        kept.write_all(&output.stdout)?;
        kept.write_all(&output.stderr)?;
        Ok(output)
    }

    /// Starts it and waits until it listens.
    pub fn start(self) -> Process {
        let mut process = self.spawn();
        let line = process.until_line(LISTENING);
        process.listens(&line);
        process
    }

    /// The same, or `None` if a crash point kills it before it listens. Any other early exit is a failure.
    pub fn try_start(self) -> Option<Process> {
        let mut process = self.spawn();
        match process.next_line(LISTENING) {
            Ok(line) => process.listens(&line),
            Err(RecvTimeoutError::Disconnected) => {
                let (code, seen) = process.until_end();
                assert_eq!(code, None, "it exited by itself: {seen:#?}");
                return None;
            }
            Err(RecvTimeoutError::Timeout) => panic!("it neither listens nor exits: {:#?}", process.seen),
        }
        Some(process)
    }

    /// Starts it without waiting.
    pub fn spawn(mut self) -> Process {
        let mut child = self.0.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let kept = Arc::new(Mutex::new(output::file("process")));
        let (sender, lines) = channel();
        let (error_sender, errors) = channel();
        let (open, ends) = watch::channel(());
        let readers = vec![
            read_lines(child.stdout.take().unwrap(), Arc::clone(&kept), sender, Some(open)),
            read_lines(child.stderr.take().unwrap(), kept, error_sender, None),
        ];
        Process { child, lines, errors, ends, readers, seen: Vec::new(), url: String::new() }
    }
}

/// Keeps each line, and sends it on while the receiver exists. `open` is dropped at the end of the stream.
fn read_lines(
    from: impl Read + Send + 'static,
    kept: Arc<Mutex<File>>,
    to: Sender<String>,
    open: Option<watch::Sender<()>>,
) -> JoinHandle<()> {
    std::thread::spawn(move || {
        let _open = open;
        for line in BufReader::new(from).lines().map_while(Result::ok) {
            writeln!(kept.lock().unwrap(), "{line}").unwrap();
            let _ = to.send(line);
        }
    })
}

/// A running server. It is killed when this is dropped.
pub struct Process {
    child: Child,
    lines: Receiver<String>,
    errors: Receiver<String>,
    /// Closed when its standard output is closed.
    ends: watch::Receiver<()>,
    readers: Vec<JoinHandle<()>>,
    /// Everything it has written to standard output so far.
    pub seen: Vec<String>,
    pub url: String,
}

impl Process {
    /// Starts the server with only these variables and waits until it listens.
    pub fn start(variables: &[(&str, &str)]) -> Self {
        command(variables).start()
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.url.trim_start_matches("http://").parse().unwrap()
    }

    fn listens(&mut self, line: &str) {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        self.url = line["msg"].as_str().unwrap().trim_start_matches(LISTENING).to_owned();
    }

    fn next_line(&mut self, text: &str) -> Result<String, RecvTimeoutError> {
        loop {
            let line = self.lines.recv_timeout(PATIENCE)?;
            self.seen.push(line.clone());
            if line.contains(text) {
                return Ok(line);
            }
        }
    }

    /// Waits for a log line that contains the text.
    pub fn until_line(&mut self, text: &str) -> String {
        self.next_line(text).unwrap_or_else(|error| {
            let _ = self.child.kill();
            let errors: Vec<String> = self.errors.iter().collect();
            panic!("no line with {text:?} ({error}): {:#?} {errors:#?}", self.seen)
        })
    }

    /// Waits until it exits.
    pub fn end(&self) -> impl Future<Output = ()> + use<> {
        let mut ends = self.ends.clone();
        async move { while ends.changed().await.is_ok() {} }
    }

    /// Whether it has exited.
    pub fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    /// Limits the size of the files it writes, in bytes; `None` means no limit. The error code differs from that of a full
    /// disk, but writes fail in the same way.
    pub fn limit_files(&self, bytes: Option<u64>) {
        let limit = bytes.map_or_else(|| "unlimited".to_owned(), |bytes| bytes.to_string());
        let arguments = [format!("--pid={}", self.child.id()), format!("--fsize={limit}:")];
        let limited = Command::new("prlimit").args(arguments).status().expect("prlimit is there; it is in util-linux");
        assert!(limited.success());
    }

    /// Sends a signal, such as `TERM`.
    pub fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([&format!("-{name}"), &self.child.id().to_string()]).status().unwrap();
        assert!(sent.success(), "{name}");
    }

    /// `kill -9`, at any moment.
    pub fn kill_now(&self) {
        self.signal("KILL");
    }

    /// Sends `TERM` and waits; returns the exit code and all lines of standard output.
    pub fn terminate(self) -> (Option<i32>, Vec<String>) {
        self.signal("TERM");
        self.until_end()
    }

    /// Waits until it exits; returns the exit code and all lines of standard output.
    pub fn until_end(mut self) -> (Option<i32>, Vec<String>) {
        let code = self.child.wait().unwrap().code();
        let rest: Vec<String> = self.lines.iter().collect();
        self.seen.extend(rest);
        (code, std::mem::take(&mut self.seen))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        // The last lines are kept too.
        for reader in self.readers.drain(..) {
            let _ = reader.join();
        }
    }
}
