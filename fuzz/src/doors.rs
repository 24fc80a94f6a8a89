//! The doors that record: their methods and paths, where a key stands, and in which form they answer.

/// In which form a door answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// `{"status","message"}`.
    Insights,
    /// A report of lines.
    Native,
    /// What became of each document.
    Documents,
    /// What became of one.
    Document,
    /// `{"status"}`, or `{"error"}`.
    Doofinder,
    /// `{"response"}`.
    Fess,
    /// A way to go, or `{"response"}`.
    Link,
}

/// A door.
#[derive(Debug, Clone, Copy)]
pub struct Door {
    /// Its method.
    pub method: &'static str,
    /// Its path.
    pub path: &'static str,
    /// In which form it answers.
    pub form: Form,
    /// The key stands in `Authorization`.
    pub key_in_header: bool,
    /// Whatever is sent is one thing.
    pub is_one: bool,
}

const fn door(method: &'static str, path: &'static str, form: Form) -> Door {
    let key_in_header = !matches!(form, Form::Insights | Form::Fess | Form::Link);
    let is_one = matches!(form, Form::Document | Form::Doofinder | Form::Fess | Form::Link);
    Door { method, path, form, key_in_header, is_one }
}

/// All of them. An input names one by its place: new ones go to the end.
pub const DOORS: &[Door] = &[
    door("POST", "/1/events", Form::Insights),
    Door { key_in_header: false, ..door("POST", "/v1/collect", Form::Native) },
    door("POST", "/v1/events", Form::Native),
    door("POST", "/_bulk", Form::Documents),
    door("POST", "/ubi_events/_bulk", Form::Documents),
    door("PUT", "/ubi_queries/_bulk", Form::Documents),
    door("POST", "/ubi_events", Form::Documents),
    door("POST", "/ubi_queries", Form::Documents),
    door("POST", "/ubi_events/_doc", Form::Document),
    door("PUT", "/ubi_events/_doc/e1", Form::Document),
    door("PUT", "/ubi_queries/_create/q1", Form::Document),
    door("PUT", "/6/11111111111111111111111111111111/stats/click", Form::Doofinder),
    door("PUT", "/6/11111111111111111111111111111111/stats/image", Form::Doofinder),
    door("PUT", "/6/11111111111111111111111111111111/stats/init", Form::Doofinder),
    door("PUT", "/6/11111111111111111111111111111111/stats/redirect", Form::Doofinder),
    door("GET", "/5/stats/click", Form::Doofinder),
    door("GET", "/5/stats/img_click", Form::Doofinder),
    door("GET", "/5/stats/init", Form::Doofinder),
    door("GET", "/5/stats/redirect", Form::Doofinder),
    door("POST", "/api/v2/click", Form::Fess),
    door("GET", "/go/", Form::Link),
];

/// What a call of a door asks for: its path, what a key needs in an address, and a query string of whatever bytes.
pub fn target(door: Door, key: &str, query: &[u8]) -> String {
    let known = match door.form {
        Form::Insights => format!("X-Algolia-Application-Id=shop&X-Algolia-API-Key={key}"),
        Form::Native if !door.key_in_header => format!("key={key}"),
        _ => String::new(),
    };
    let path = door.path;
    format!("{path}?{known}&{}", escaped(query))
}

/// Bytes as an address may have them: those that it may not are escaped.
pub fn escaped(bytes: &[u8]) -> String {
    let may_stand = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@/?%".contains(&byte);
    let mut text = String::with_capacity(bytes.len());
    for byte in bytes {
        if may_stand(*byte) {
            text.push((*byte).into());
        } else {
            text.push_str(&format!("%{byte:02x}"));
        }
    }
    text
}
