//! Runs the binary: a command to its end, or a server until it is stopped or killed. It must never know what a command
//! means.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::Value;

/// How long a server may take until it listens, or until it has stopped. Machines that build and test at the same time
/// are slow.
const STEP_TIME_MAX: Duration = Duration::from_secs(60);
const POLL_TIME: Duration = Duration::from_millis(5);

/// The binary, without what the caller's environment would change.
pub fn binary(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_clicktally"));
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("CLICKTALLY_"))
    {
        command.env_remove(name);
    }
    command.args(args).stdin(Stdio::null());
    command
}

/// What a command did.
#[derive(Debug)]
pub struct Done {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Done {
    /// Standard output as one JSON value, of a command that succeeded.
    #[track_caller]
    pub fn json(&self) -> Value {
        assert_eq!(self.code, Some(0), "{}", self.stderr);
        self.any_json()
    }

    /// Standard output as one JSON value, whatever the exit status.
    #[track_caller]
    pub fn any_json(&self) -> Value {
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|error| panic!("{error}: {} {}", self.stdout, self.stderr))
    }
}

/// Runs a command to its end.
pub fn run(args: &[&str]) -> Done {
    finish(binary(args))
}

/// Runs a command on a data directory to its end.
pub fn run_in(directory: &Path, args: &[&str]) -> Done {
    let mut command = binary(args);
    command.arg("--data-dir").arg(directory);
    finish(command)
}

/// Runs a command that was made ready to its end.
pub fn finish(mut command: Command) -> Done {
    let output = command.output().unwrap();
    Done {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// A running server. Dropping it kills it.
pub struct Server {
    pub address: SocketAddr,
    child: Child,
    log: Arc<Mutex<Vec<String>>>,
    log_ended: Receiver<()>,
}

impl Server {
    /// Starts a server on a free port and waits until it listens.
    pub fn start(directory: &Path, options: &[&str]) -> Self {
        let started = Self::try_start(directory, options, &[]);
        started.unwrap_or_else(|(_, log)| panic!("the server ended: {log}"))
    }

    /// Starts a server that may end before it listens, with more in its environment; then its status and all that it
    /// wrote to standard error.
    pub fn try_start(
        directory: &Path,
        options: &[&str],
        environment: &[(&str, &OsStr)],
    ) -> Result<Self, (ExitStatus, String)> {
        Self::listening(spawn("serve", directory, options, environment))
    }

    /// Starts `demo`, and waits until its directory is filled and it listens.
    pub fn start_demo(directory: &Path, options: &[&str]) -> Self {
        let started = Self::listening(spawn("demo", directory, options, &[]));
        started.unwrap_or_else(|(_, log)| panic!("the demo ended: {log}"))
    }

    fn listening((child, log, addresses, log_ended): Spawned) -> Result<Self, (ExitStatus, String)> {
        let mut server = Self { address: ([127, 0, 0, 1], 0).into(), child, log, log_ended };
        match addresses.recv_timeout(STEP_TIME_MAX) {
            Ok(address) => server.address = address,
            Err(RecvTimeoutError::Disconnected) => return Err(server.wait()),
            Err(RecvTimeoutError::Timeout) => panic!("the server does not listen: {}", server.log()),
        }
        Ok(server)
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What it has written to standard error so far.
    pub fn log(&self) -> String {
        self.log.lock().unwrap().join("\n")
    }

    /// Sends SIGTERM and goes on.
    pub fn ask_to_stop(&self) {
        let sent = Command::new("kill").args(["-TERM", &self.pid().to_string()]).status().unwrap();
        assert!(sent.success());
    }

    /// Waits until it has ended; returns its status and all that it wrote to standard error.
    pub fn wait(mut self) -> (ExitStatus, String) {
        let status = wait_for_end(&mut self.child)
            .unwrap_or_else(|| panic!("the server does not stop: {}", self.log()));
        // Its sender is gone once the pipe has been read to its end.
        let _ = self.log_ended.recv_timeout(STEP_TIME_MAX);
        (status, self.log())
    }

    /// Stops it with SIGTERM, which must succeed; returns its log.
    pub fn stop(self) -> String {
        self.ask_to_stop();
        let (status, log) = self.wait();
        assert_eq!(status.code(), Some(0), "{log}");
        log
    }

    /// Ends it with SIGKILL: nothing of it runs any more when this returns.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Starts a server and kills it that much later, wherever it is in its start.
pub fn start_and_kill(directory: &Path, later: Duration) {
    let (mut child, _, _, _) = spawn("serve", directory, &[], &[]);
    std::thread::sleep(later);
    child.kill().unwrap();
    child.wait().unwrap();
}

/// Starts a server that must refuse to; returns what it wrote.
pub fn refused_start(directory: &Path, options: &[&str]) -> Done {
    let (mut child, log, _, log_ended) = spawn("serve", directory, options, &[]);
    let ended = wait_for_end(&mut child);
    if ended.is_none() {
        child.kill().unwrap();
    }
    let status = ended.expect("the server started, or hangs");
    let _ = log_ended.recv_timeout(STEP_TIME_MAX);
    let stderr = log.lock().unwrap().join("\n");
    Done { code: status.code(), stdout: String::new(), stderr }
}

fn wait_for_end(child: &mut Child) -> Option<ExitStatus> {
    let deadline = Instant::now() + STEP_TIME_MAX;
    while Instant::now() < deadline {
        if let Some(status) = child.try_wait().unwrap() {
            return Some(status);
        }
        std::thread::sleep(POLL_TIME);
    }
    None
}

type Spawned = (Child, Arc<Mutex<Vec<String>>>, Receiver<SocketAddr>, Receiver<()>);

fn spawn(what: &str, directory: &Path, options: &[&str], environment: &[(&str, &OsStr)]) -> Spawned {
    let mut command = binary(&[what, "--listen", "127.0.0.1:0", "--log-format", "json"]);
    command.arg("--data-dir").arg(directory).args(options).stdout(Stdio::null()).stderr(Stdio::piped());
    command.envs(environment.iter().copied());
    let mut child = command.spawn().unwrap();
    let stderr = child.stderr.take().unwrap();
    let log = Arc::new(Mutex::new(Vec::new()));
    let (address_sender, addresses) = channel();
    let (end_sender, log_ended) = channel::<()>();
    let kept = Arc::clone(&log);
    std::thread::spawn(move || {
        let _until_read = end_sender;
        for line in BufReader::new(stderr).lines().map_while(Result::ok) {
            if let Some(address) = address_of(&line) {
                // A test that does not wait for the address has dropped the receiver.
                let _ = address_sender.send(address);
            }
            kept.lock().unwrap().push(line);
        }
    });
    (child, log, addresses, log_ended)
}

fn address_of(line: &str) -> Option<SocketAddr> {
    let line: Value = serde_json::from_str(line).ok()?;
    if line["message"] != "listening" {
        return None;
    }
    line["address"].as_str()?.parse().ok()
}
