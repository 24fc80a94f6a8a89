//! Users of the dashboard, from the command line to the end of their sessions: made while a server runs and while none does,
//! signed in, throttled, given another password, removed.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::http::{self, Answer};
use crate::running::{Done, Server, binary, run_in};
use crate::shop;

const PASSWORD: &str = "correct horse battery";
const OTHER_PASSWORD: &str = "staple battery horse";

/// A server that is stopped while nobody waits for an answer must not wait for its drain time (10 s).
const PROMPT_STOP_TIME_MAX: Duration = Duration::from_secs(8);
/// A stream finds out within its heartbeat of 15 s.
const STREAM_END_TIME_MAX: Duration = Duration::from_secs(25);

/// Runs a command that reads a password from standard input.
fn with_password(directory: &Path, args: &[&str], password: &str) -> Done {
    let mut command = binary(args);
    command.args(["--account", "shop", "--json", "--data-dir"]).arg(directory);
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // It may refuse before it has read.
    let _ = child.stdin.take().unwrap().write_all(format!("{password}\n").as_bytes());
    let output = child.wait_with_output().unwrap();
    Done {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

fn sign_in(address: SocketAddr, credentials: &Value) -> Answer {
    let headers = [("Content-Type", "application/json")];
    http::ask(address, "POST", "/v1/session", &headers, Some(credentials.to_string().as_bytes()))
}

/// A session's cookie and token.
struct Session {
    cookie: String,
    csrf: String,
}

impl Session {
    fn open(address: SocketAddr, user: &str, password: &str) -> Self {
        let answer = sign_in(address, &json!({"user": user, "password": password}));
        assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
        let set = answer.headers_named("set-cookie").next().unwrap();
        assert!(set.contains("HttpOnly") && set.contains("SameSite=Strict"), "{set}");
        let cookie = set.split(';').next().unwrap().to_owned();
        let told = answer.json();
        assert_eq!((&told["user"], &told["key"]), (&user.into(), &Value::Null));
        Self { cookie, csrf: told["csrf"].as_str().unwrap().to_owned() }
    }

    fn status(&self, address: SocketAddr) -> u16 {
        http::ask(address, "GET", "/v1/session", &[("Cookie", &self.cookie)], None).status
    }

    fn sign_out(&self, address: SocketAddr) -> u16 {
        let origin = format!("http://{address}");
        let headers =
            [("Cookie", self.cookie.as_str()), ("Origin", &origin), ("X-ClickTally-CSRF", &self.csrf)];
        http::ask(address, "DELETE", "/v1/session", &headers, None).status
    }

    /// Opens the live stream and waits for its first event.
    fn watch(&self, address: SocketAddr) -> TcpStream {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(STREAM_END_TIME_MAX)).unwrap();
        let request = format!(
            "GET /v1/live HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nCookie: {}\r\n\r\n",
            self.cookie
        );
        stream.write_all(request.as_bytes()).unwrap();
        let mut seen = Vec::new();
        while !String::from_utf8_lossy(&seen).contains("event: hello") {
            let mut piece = [0; 1_024];
            let read = stream.read(&mut piece).unwrap();
            assert!(read > 0, "{}", String::from_utf8_lossy(&seen));
            seen.extend_from_slice(&piece[..read]);
        }
        stream
    }
}

/// What a stream tells until it ends.
fn rest(mut stream: TcpStream) -> String {
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).unwrap();
    String::from_utf8(rest).unwrap()
}

fn click(address: SocketAddr, key: &str) {
    let click = json!({"type": "click", "at": shop::now_ms(), "hashid": shop::HASHID, "index": shop::INDEX, "doc_id": "sku1"});
    shop::stock(address, key, &shop::lines(&[click]));
}

#[test]
fn users_come_and_go_while_the_server_runs() {
    let folder = tempfile::tempdir().unwrap();
    let directory = folder.path();
    let key = shop::found(directory);
    let server = Server::start(directory, &[]);
    let address = server.address;
    shop::stock(address, &key, &shop::catalogue(3, shop::now_ms()));

    let create = |name: &str| with_password(directory, &["user", "create", "--name", name], PASSWORD);
    let made = create("Anna").json();
    assert_eq!(
        (&made["user"], &made["account"], &made["scopes"]),
        (&"Anna".into(), &"shop".into(), &"read".into())
    );
    assert!(create("ANNA").stderr.contains("already"), "a name in other letters is the same");
    let short = with_password(directory, &["user", "create", "--name", "Bert"], "elevenchars");
    assert!(short.code == Some(1) && short.stderr.contains("12 to 256"), "{short:?}");
    create("Guessed").json();

    let anna = Session::open(address, "Anna", PASSWORD);
    assert_eq!(anna.status(address), 200);
    for _ in 0..5 {
        assert_eq!(sign_in(address, &json!({"user": "guessed", "password": OTHER_PASSWORD})).status, 401);
    }
    let throttled = sign_in(address, &json!({"user": "Guessed", "password": PASSWORD}));
    assert_eq!(throttled.status, 429);
    let wait: u64 = throttled.headers_named("retry-after").next().unwrap().parse().unwrap();
    assert!((1..=600).contains(&wait), "{wait}");
    assert_eq!(Session::open(address, "Anna", PASSWORD).sign_out(address), 204, "others are let in");

    let out = Session::open(address, "Anna", PASSWORD);
    let watched = out.watch(address);
    assert_eq!((out.sign_out(address), out.status(address), anna.status(address)), (204, 401, 200));
    click(address, &key);
    assert!(!rest(watched).contains("event: click"), "who has signed out sees no click more");

    let watched = anna.watch(address);
    let changed = with_password(directory, &["user", "password", "--name", "anna"], OTHER_PASSWORD);
    assert_eq!(changed.json()["user"], "Anna");
    assert_eq!(anna.status(address), 401, "another password ends what the one before has opened");
    assert!(!rest(watched).contains("event: click"), "by itself, at its next heartbeat");

    let again = Session::open(address, "Anna", OTHER_PASSWORD);
    run_in(directory, &["user", "delete", "--account", "shop", "--name", "Anna", "--json"]).json();
    assert_eq!(again.status(address), 401);
    assert_eq!(sign_in(address, &json!({"user": "anna", "password": OTHER_PASSWORD})).status, 401);
    let log = server.stop();
    for password in [PASSWORD, OTHER_PASSWORD] {
        assert!(!log.contains(password), "a log has a password");
    }
}

#[test]
fn a_stop_with_an_open_stream_is_prompt_and_a_restart_knows_the_users() {
    let folder = tempfile::tempdir().unwrap();
    let directory = folder.path();
    shop::found(directory);
    // Nobody has the directory: the command opens it itself.
    let file = directory.join("password.txt");
    std::fs::write(&file, format!("{PASSWORD}\r\n")).unwrap();
    let from_file = ["--password-file", file.to_str().unwrap(), "--json"];
    let create = ["user", "create", "--account", "shop", "--name", "Anna", "--scope", "read,manage"];
    run_in(directory, &[&create[..], &from_file].concat()).json();
    std::fs::remove_file(&file).unwrap();
    for file in directory.join("registry").read_dir().unwrap() {
        let text = String::from_utf8_lossy(&std::fs::read(file.unwrap().path()).unwrap()).into_owned();
        assert!(!text.contains(PASSWORD) && !text.contains("argon2"), "what is kept is sealed");
    }

    let server = Server::start(directory, &[]);
    let anna = Session::open(server.address, "Anna", PASSWORD);
    // The shortest of three is the work itself: without a hash it would be a hundredth.
    let refused_in = |user: &str| {
        let times = (0..3).map(|_| {
            let began = Instant::now();
            let wrong = sign_in(server.address, &json!({"user": user, "password": OTHER_PASSWORD}));
            assert_eq!(wrong.status, 401);
            began.elapsed()
        });
        times.min().unwrap()
    };
    let (known, unknown) = (refused_in("anna"), refused_in("nobody"));
    assert!(unknown > known / 3, "{unknown:?} tells that there is no such user: others take {known:?}");

    let watched = anna.watch(server.address);
    let began = Instant::now();
    server.stop();
    assert!(began.elapsed() < PROMPT_STOP_TIME_MAX, "{:?}", began.elapsed());
    rest(watched);

    let listed = run_in(directory, &["user", "list", "--json"]).json();
    assert_eq!((&listed[0]["user"], &listed[0]["scopes"]), (&"Anna".into(), &"read,manage".into()));
    let server = Server::start(directory, &[]);
    assert_eq!(anna.status(server.address), 200, "a session outlives a restart");
    server.stop();
    with_password(directory, &["user", "password", "--name", "anna"], OTHER_PASSWORD).json();
    assert_eq!(run_in(directory, &["check", "--json"]).code, Some(0));
    let server = Server::start(directory, &[]);
    assert_eq!(anna.status(server.address), 401);
    assert_eq!(Session::open(server.address, "Anna", OTHER_PASSWORD).status(server.address), 200);
    server.stop();
}

/// Answers each prompt of a command on a terminal, and prints as JSON what it wrote, its status, and whether the terminal shows
/// what is typed afterwards.
const SCRIPT: &str = r#"
import json, os, select, subprocess, sys, termios, time
told = json.loads(sys.argv[1])
terminal, theirs = os.openpty()
command = subprocess.Popen(told["args"], stdin=theirs, stdout=theirs, stderr=theirs)
written, seen, end = b"", 0, time.monotonic() + 60
answers = [answer.encode() for answer in told["answers"]]
while time.monotonic() < end:
    ended = command.poll() is not None
    if select.select([terminal], [], [], 0.05)[0]:
        written += os.read(terminal, 65536)
        if answers and written[seen:].endswith(b": "):
            seen = len(written)
            os.write(terminal, answers.pop(0))
    elif ended:
        break
shows = bool(termios.tcgetattr(theirs)[3] & termios.ECHO)
print(json.dumps({"written": written.decode(), "status": command.poll(), "shows": shows}))
"#;

#[test]
fn a_terminal_shows_nothing_of_a_password_and_is_given_back() {
    let Some(python) = crate::terminal::python() else { return };
    let folder = tempfile::tempdir().unwrap();
    shop::found(folder.path());
    let directory = folder.path().to_str().unwrap();
    let type_in = |name: &str, answers: &[&str]| {
        let ready = binary(&["user", "create", "--account", "shop", "--name", name, "--data-dir", directory]);
        let args: Vec<_> = std::iter::once(ready.get_program())
            .chain(ready.get_args())
            .map(|arg| arg.to_string_lossy())
            .collect();
        let told = json!({"args": args, "answers": answers}).to_string();
        let done = std::process::Command::new(&python).args(["-c", SCRIPT, &told]).output().unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        let said: Value = serde_json::from_slice(&done.stdout).unwrap();
        let written = said["written"].as_str().unwrap().to_owned();
        assert_eq!(said["shows"], true, "the terminal is given back: {written}");
        assert!(!written.contains("horse"), "{written}");
        (said["status"].as_i64().unwrap(), written)
    };
    let same = format!("{PASSWORD}\r");
    let (status, written) = type_in("Anna", &[&same, &same]);
    assert_eq!(status, 0, "{written}");
    assert!(written.starts_with("Password: ") && written.contains("The same again: "), "{written}");
    let (status, written) = type_in("Bert", &[&same, "another horse entirely\r"]);
    assert!(status == 1 && written.contains("two different passwords"), "{written}");
    let (status, written) = type_in("Carl", &["correct horse\u{3}"]);
    assert!(status == 1 && written.contains("stopped"), "{written}");
    let listed = run_in(folder.path(), &["user", "list", "--json"]).json();
    assert_eq!(listed.as_array().unwrap().len(), 1, "{listed}");
    let server = Server::start(folder.path(), &[]);
    assert_eq!(Session::open(server.address, "Anna", PASSWORD).status(server.address), 200);
    server.stop();
}
