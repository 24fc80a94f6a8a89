//! A visitor's browser: it opens a session, keeps its cookies and token, and clicks.

use std::io;
use std::net::SocketAddr;

use serde_json::{Value, json};

use crate::http::{self, Answer, Connection};

/// A session, as a browser keeps it.
#[derive(Debug, Clone)]
pub struct Browser {
    pub cookies: String,
    pub token: String,
}

impl Browser {
    /// Opens a session.
    pub fn visit(address: SocketAddr) -> Self {
        let answer = http::ask(address, "GET", "/api/v2/ui/config", &[], None);
        assert_eq!(answer.status, 200);
        let pair = |cookie: &str| cookie.split(';').next().unwrap_or_default().to_owned();
        let cookies = answer.headers_named("set-cookie").map(pair).collect::<Vec<_>>().join("; ");
        let token = answer.json()["response"]["csrf_token"].as_str().unwrap().to_owned();
        Self { cookies, token }
    }

    /// Clicks, over a connection that stays open.
    pub fn click(&self, connection: &mut Connection, body: &Value, once: Option<&str>) -> io::Result<Answer> {
        let mut headers = vec![
            ("Cookie", self.cookies.as_str()),
            ("X-Fess-CSRF-Token", self.token.as_str()),
            ("Content-Type", "application/json"),
        ];
        headers.extend(once.map(|key| ("Idempotency-Key", key)));
        connection.ask("POST", "/api/v2/click", &headers, Some(body.to_string().as_bytes()))
    }

    /// Clicks, over a connection of its own.
    pub fn click_once(&self, address: SocketAddr, body: &Value) -> Answer {
        let clicked =
            Connection::open(address).and_then(|mut connection| self.click(&mut connection, body, None));
        clicked.unwrap()
    }
}

/// Whether an answer says that the click is on disk.
pub fn is_logged(answer: &Answer) -> bool {
    answer.status == 200 && answer.json() == json!({"response": {"status": 0, "ok": true, "logged": true}})
}
