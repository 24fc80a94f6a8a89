//! On a terminal: colours, its width, and a screen that is given back. Python makes the terminal, since Rust's own library has none.

use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;

use super::stock;
use crate::running::{Server, binary};

/// Runs a command on a terminal of so many columns and rows, sends it SIGINT once it has gone to the upper left corner three times, and
/// prints what it wrote and its status as JSON.
const SCRIPT: &str = r#"
import fcntl, json, os, pty, select, signal, struct, sys, termios, time
told = json.loads(sys.argv[1])
pid, terminal = pty.fork()
if pid == 0:
    os.environ.update(told["environment"])
    for name in told["without"]:
        os.environ.pop(name, None)
    fcntl.ioctl(1, termios.TIOCSWINSZ, struct.pack("HHHH", told["rows"], told["columns"], 0, 0))
    os.execv(told["args"][0], told["args"])
written, asked, end = b"", False, time.monotonic() + 60
while True:
    ready, _, _ = select.select([terminal], [], [], 0.05)
    if ready:
        try:
            piece = os.read(terminal, 65536)
        except OSError:
            break
        if not piece:
            break
        written += piece
    if not asked and (written.count(b"\x1b[H") >= 3 or time.monotonic() > end):
        os.kill(pid, signal.SIGINT)
        asked = True
_, status = os.waitpid(pid, 0)
print(json.dumps({"written": written.decode(), "status": os.waitstatus_to_exitcode(status)}))
"#;

/// The Python of the fuller tests; `None` leaves this out, unless it must not be.
pub fn python() -> Option<PathBuf> {
    let python = std::env::var_os("CLICKTALLY_TESTS_PYTHON").map_or_else(|| "python3".into(), PathBuf::from);
    let found = Command::new(&python).args(["-c", "import pty, os; os.waitstatus_to_exitcode"]).output();
    if found.is_ok_and(|output| output.status.success()) {
        return Some(python);
    }
    assert!(
        std::env::var_os("CLICKTALLY_TESTS_COMPLETE").is_none(),
        "{} is no Python 3.9 or newer",
        python.display()
    );
    eprintln!("left out: there is no Python 3.9 or newer");
    None
}

/// What a command writes to a terminal, and its status.
fn on_a_terminal(
    python: &PathBuf,
    args: &[&str],
    columns: u16,
    environment: &[(&str, &str)],
) -> (String, i64) {
    let ready = binary(args);
    let args: Vec<String> = std::iter::once(ready.get_program())
        .chain(ready.get_args())
        .map(|arg| arg.to_string_lossy().into_owned())
        .collect();
    let environment: serde_json::Map<String, Value> =
        environment.iter().map(|(name, value)| ((*name).to_owned(), Value::from(*value))).collect();
    let without: Vec<String> = ["NO_COLOR", "COLUMNS"]
        .iter()
        .map(|name| (*name).to_owned())
        .chain(ready.get_envs().map(|(name, _)| name.to_string_lossy().into_owned()))
        .filter(|name| !environment.contains_key(name))
        .collect();
    let told = serde_json::json!({"args": args, "columns": columns, "rows": 30, "environment": environment, "without": without});
    let done = Command::new(python).args(["-c", SCRIPT, &told.to_string()]).output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let said: Value = serde_json::from_slice(&done.stdout).unwrap();
    (said["written"].as_str().unwrap().to_owned(), said["status"].as_i64().unwrap())
}

#[test]
fn a_terminal_gets_colours_its_own_width_and_its_screen_back() {
    let Some(python) = python() else { return };
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &[]);
    stock(&server, folder.path());
    let directory = folder.path().to_str().unwrap();
    let stats = ["stats", "clicks", "--from", "2d", "--data-dir", directory];
    let xterm = ("TERM", "xterm-256color");
    let shown = |columns, environment: &[(&str, &str)]| {
        let (shown, status) = on_a_terminal(&python, &stats, columns, environment);
        assert_eq!(status, 0, "{shown}");
        shown
    };
    let wide = shown(100, &[xterm]);
    assert!(wide.contains("\u{1b}[34m█"), "{wide}");
    let narrow = shown(40, &[xterm, ("NO_COLOR", "1")]);
    assert!(!narrow.contains('\u{1b}') && narrow.contains('█'), "{narrow}");
    assert!(narrow.lines().all(|line| line.chars().count() <= 40), "{narrow}");
    assert!(!shown(80, &[("TERM", "dumb")]).contains('\u{1b}'));

    let top = ["top", "--interval", "1", "--data-dir", directory];
    let (drawn, status) = on_a_terminal(&python, &top, 80, &[xterm]);
    assert_eq!(status, 0, "stopped by Ctrl-C, which is how it is left: {drawn}");
    assert!(drawn.starts_with("\u{1b}[?1049h\u{1b}[?25l"), "{drawn}");
    assert!(drawn.ends_with("\u{1b}[?25h\u{1b}[?1049l"), "{drawn}");
    assert!(drawn.matches("\u{1b}[H").count() >= 3 && drawn.contains("clicks/s"), "{drawn}");
    server.stop();
}
