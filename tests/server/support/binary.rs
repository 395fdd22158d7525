//! The real binary in a process of its own, to be killed.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::mpsc::{Receiver, channel};

use tokio::sync::watch;

use super::service::PATIENCE;

/// Builds the binary if it is not up to date, with the cargo that runs these tests, and tells where it is.
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
        executable.next().expect("cargo names the binary")
    })
}

/// A running server. It is killed when this is dropped.
pub struct Process {
    child: Child,
    lines: Receiver<String>,
    /// Closed once its standard output is.
    output: watch::Receiver<()>,
    /// Everything it has written to standard output so far.
    pub seen: Vec<String>,
    pub url: String,
}

impl Process {
    /// Starts the server with nothing but these variables and waits until it listens.
    pub fn start(variables: &[(&str, &str)]) -> Self {
        Self::spawned(command(variables))
    }

    /// As [`Process::start`], as a process that outlives writing more than it may: it is told of it instead of being killed.
    pub fn start_for_limits(variables: &[(&str, &str)]) -> Self {
        let mut shell = Command::new("sh");
        shell.args(["-c", r#"trap "" XFSZ; exec "$0""#]).arg(path());
        Self::spawned(with_variables(shell, variables))
    }

    fn spawned(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let output = child.stdout.take().unwrap();
        let (sender, lines) = channel();
        let (open, output_ends) = watch::channel(());
        std::thread::spawn(move || {
            let _open = open;
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        let mut process = Self { child, lines, output: output_ends, seen: Vec::new(), url: String::new() };
        let line = process.until_line("Server listening at ");
        let line: serde_json::Value = serde_json::from_str(&line).unwrap();
        process.url = line["msg"].as_str().unwrap().trim_start_matches("Server listening at ").to_owned();
        process
    }

    /// Waits for a line of the log that holds a text.
    pub fn until_line(&mut self, text: &str) -> String {
        loop {
            match self.lines.recv_timeout(PATIENCE) {
                Ok(line) => {
                    self.seen.push(line.clone());
                    if line.contains(text) {
                        return line;
                    }
                }
                Err(error) => {
                    let complaints = self.complaints();
                    panic!("no line with {text:?} ({error}): {:#?} {complaints}", self.seen)
                }
            }
        }
    }

    fn complaints(&mut self) -> String {
        let _ = self.child.kill();
        let mut text = String::new();
        if let Some(mut errors) = self.child.stderr.take() {
            let _ = errors.read_to_string(&mut text);
        }
        text
    }

    /// Waits until it ends, if it does.
    pub fn end(&self) -> impl Future<Output = ()> + use<> {
        let mut output = self.output.clone();
        async move { while output.changed().await.is_ok() {} }
    }

    /// Whether it has ended by itself.
    pub fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    /// Limits how far into a file it may write, in bytes; nothing means no limit. The system's word for a disk that is full
    /// is another one, and the way it fails is the same.
    pub fn limit_files(&self, bytes: Option<u64>) {
        let limit = bytes.map_or_else(|| "unlimited".to_owned(), |bytes| bytes.to_string());
        let arguments = [format!("--pid={}", self.child.id()), format!("--fsize={limit}:")];
        let limited = Command::new("prlimit").args(arguments).status().expect("prlimit is there; it is in util-linux");
        assert!(limited.success());
    }

    /// Stops it in its tracks until [`Process::wake`].
    pub fn pause(&self) {
        self.signal("-STOP");
    }

    pub fn wake(&self) {
        self.signal("-CONT");
    }

    fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([name, &self.child.id().to_string()]).status().unwrap();
        assert!(sent.success());
    }

    /// `kill -9`, at any moment.
    pub fn kill_now(&self) {
        self.signal("-KILL");
    }

    /// Asks it to end and waits; gives the exit code and everything it wrote.
    pub fn terminate(mut self) -> (Option<i32>, Vec<String>) {
        self.signal("-TERM");
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
    }
}

/// The binary with nothing but these variables in its environment.
pub fn command(variables: &[(&str, &str)]) -> Command {
    with_variables(Command::new(path()), variables)
}

fn with_variables(mut command: Command, variables: &[(&str, &str)]) -> Command {
    command.env_clear().envs(variables.iter().copied()).stdin(Stdio::null());
    command
}
