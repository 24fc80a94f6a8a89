//! A directory, a plan of what is done to its disk, and the server that lives through it; and what must hold afterwards,
//! whatever the plan was.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::visitors::{Sent, Visitors};
use super::{ITEMS, OPTIONS};
use crate::browser::Browser;
use crate::http;
use crate::kill;
use crate::running::{Server, run_in};
use crate::shop;

/// After a fault that has passed; what could not be sealed is tried again every 5 s.
const RECOVERY_TIME_MAX: Duration = Duration::from_secs(30);

/// Whether something comes to be, within the time that a fault's end may take to be noticed.
fn soon(mut is_so: impl FnMut() -> bool) -> bool {
    let deadline = Instant::now() + RECOVERY_TIME_MAX;
    loop {
        if is_so() {
            return true;
        }
        if Instant::now() >= deadline {
            return false;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// What every trial begins with: a shop with its catalogue and journals, and no click.
pub struct Template {
    folder: TempDir,
    pub visitors: Visitors,
}

impl Template {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        let key = shop::found(&data);
        let now_ms = shop::now_ms();
        let server = Server::start(&data, &OPTIONS);
        shop::stock(server.address, &key, &shop::catalogue(usize::try_from(ITEMS).unwrap(), now_ms));
        let browser = Browser::visit(server.address);
        server.stop();
        copy(&data, &folder.path().join("template"));
        Self { folder, visitors: Visitors { key, browser, now_ms } }
    }

    /// A directory of its own.
    pub fn trial(&self) -> Trial<'_> {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().canonicalize().unwrap().join("data");
        copy(&self.folder.path().join("template"), &data);
        Trial { template: self, data, sent: Sent::default(), folder }
    }
}

/// Journals are zeros for the most part: holes make a copy a matter of milliseconds.
fn copy(from: &Path, to: &Path) {
    let copied = Command::new("cp").args(["-a", "--sparse=always"]).args([from, to]).status().unwrap();
    assert!(copied.success());
}

/// One directory with its server.
pub struct Trial<'t> {
    template: &'t Template,
    data: PathBuf,
    pub sent: Sent,
    folder: TempDir,
}

/// How a server ended.
pub struct Ended {
    pub status: ExitStatus,
    pub log: String,
}

impl Ended {
    /// The file that the plan met, below the data directory; `None` when it met none.
    pub fn met(&self) -> Option<&str> {
        Self::met_in(&self.log)
    }

    /// The same, by the log of a server that runs.
    pub fn met_in(log: &str) -> Option<&str> {
        let line = log.lines().find_map(|line| line.strip_prefix("saboteur: at "))?;
        let file = line.split_once("/data").map_or(line, |(_, file)| file);
        Some(file.strip_prefix('/').unwrap_or("the folder"))
    }
}

impl Trial<'_> {
    /// A path that no file has, outside of the data directory.
    pub fn signal(&self) -> PathBuf {
        self.folder.path().join("space")
    }

    /// Starts a server whose disk is sabotaged.
    pub fn start(&self, plan: &str) -> Result<Server, Ended> {
        let library = std::env::current_exe().unwrap().parent().unwrap().join("libsaboteur.so");
        assert!(library.exists(), "{} was not built", library.display());
        let environment = [
            ("LD_PRELOAD", library.as_os_str()),
            ("SABOTEUR_FOLDER", self.data.as_os_str()),
            ("SABOTEUR_PLAN", OsStr::new(plan)),
        ];
        let started = Server::try_start(&self.data, &OPTIONS, &environment);
        started.map_err(|(status, log)| Ended { status, log })
    }

    /// Sends until there are so many bodies or the connection breaks; whether it did.
    pub fn send_until(&mut self, server: &Server, bodies: usize) -> bool {
        self.template.visitors.send_until(server.address, bodies, &mut self.sent)
    }

    /// Sends what was refused again until it is taken, as it must be soon.
    pub fn resend_until_taken(&mut self, server: &Server, plan: &str) {
        let visitors = &self.template.visitors;
        let taken = soon(|| visitors.resend(server.address, &mut self.sent));
        assert!(taken, "{plan}: recording does not go on: {}", server.log());
    }

    /// Waits until the server says that it is able to record, as it must soon.
    pub fn wait_until_ready(&self, server: &Server, plan: &str) {
        let ready = soon(|| http::ask(server.address, "GET", "/readyz", &[], None).status == 200);
        assert!(ready, "{plan}: /readyz says 503: {}", server.log());
    }

    /// Lives through a plan with so many bodies, to the server's end.
    pub fn live(&mut self, plan: &str, bodies: usize) -> Ended {
        let server = match self.start(plan) {
            Ok(server) => server,
            Err(ended) => return ended,
        };
        if !self.send_until(&server, bodies) {
            server.ask_to_stop();
        }
        let (status, log) = server.wait();
        Ended { status, log }
    }

    /// What must hold once the server is gone: nothing is damaged; acknowledged ⊆ counted ⊆ sent, each once; and after
    /// a resending with the same ids counted = sent.
    pub fn settle(mut self, plan: &str) {
        let checked = run_in(&self.data, &["check", "--json"]);
        assert_eq!(checked.code, Some(0), "{plan}: {} {}", checked.stdout, checked.stderr);
        for finding in checked.json()["findings"].as_array().unwrap() {
            assert_eq!(finding["damage"], false, "{plan}: {finding}");
        }
        let server = Server::start(&self.data, &OPTIONS);
        self.compare(&server, plan);
        let visitors = &self.template.visitors;
        assert!(visitors.resend(server.address, &mut self.sent), "{plan}: {:?}", self.sent);
        let counted = self.compare(&server, plan);
        assert_eq!(counted, self.sent.tags().count(), "{plan}: what was resent is not counted exactly once");
        assert_eq!(visitors.explained(server.address), self.sent.explained(), "{plan}: late searches");
        drop(server);
    }

    /// Compares what is counted with what was sent and acknowledged; returns how many are counted.
    pub fn compare(&self, server: &Server, plan: &str) -> usize {
        let counted = kill::exported(&self.data);
        let sent: HashSet<u64> = self.sent.tags().collect();
        for (tag, times) in &counted {
            assert_eq!(*times, 1, "{plan}: {tag} is counted more than once");
            assert!(sent.contains(tag), "{plan}: {tag} is counted and was never sent");
        }
        let lost: Vec<_> = self.sent.acknowledged().filter(|tag| !counted.contains_key(tag)).collect();
        assert!(lost.is_empty(), "{plan}: acknowledged and lost: {lost:?}");
        let total = shop::clicks_counted(server.address, &self.template.visitors.key);
        assert_eq!(total, counted.len() as u64, "{plan}: statistics and export differ");
        counted.len()
    }
}
