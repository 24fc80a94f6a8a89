//! Fills in what a script can't know in advance: `{key:shop}`, `{now}`, `@repeat(x,3000)`, `\xNN`.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Map, Value, json};
use sha2::Sha256;

/// The first words of placeholders; braces around anything else are left alone.
const WORDS: [&str; 10] =
    ["account", "basic", "key", "jwt", "md5", "now", "cookie", "session", "csrf", "fsid"];

/// Replaces every placeholder by what `value` gives for its words (`["key", "shop"]`), then `@repeat(text,count)`.
pub fn fill(text: &str, mut value: impl FnMut(&[&str]) -> Result<String, String>) -> Result<String, String> {
    let mut filled = String::new();
    let mut rest = text;
    while let Some(open) = rest.find('{') {
        filled.push_str(&rest[..open]);
        rest = &rest[open..];
        let inner = rest.find('}').map(|close| &rest[1..close]);
        let words: Vec<&str> = inner.unwrap_or_default().split(':').collect();
        match inner {
            Some(inner) if WORDS.contains(&words[0]) => {
                filled.push_str(&value(&words)?);
                rest = &rest[inner.len() + 2..];
            }
            _ => {
                filled.push('{');
                rest = &rest[1..];
            }
        }
    }
    filled.push_str(rest);
    repeat(&filled)
}

fn repeat(text: &str) -> Result<String, String> {
    let mut filled = String::new();
    let mut rest = text;
    while let Some(start) = rest.find("@repeat(") {
        filled.push_str(&rest[..start]);
        rest = &rest[start + "@repeat(".len()..];
        let (inside, after) = rest.split_once(')').ok_or("@repeat has no end")?;
        let (part, count) = inside.rsplit_once(',').ok_or("@repeat(text,count)")?;
        filled.push_str(&part.repeat(count.trim().parse().map_err(|_| "@repeat(text,count)")?));
        rest = after;
    }
    filled.push_str(rest);
    Ok(filled)
}

/// The bytes of a text in which `\xNN` stands for one raw byte.
pub fn bytes(text: &str) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((byte, after)) = rest.split_first() {
        let escaped = rest.strip_prefix(b"\\x").and_then(|hex| hex.get(..2));
        let escaped = escaped.and_then(|hex| u8::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok());
        out.push(escaped.unwrap_or(*byte));
        rest = if escaped.is_some() { &rest[4..] } else { after };
    }
    out
}

/// A pair of a name and a key as `Authorization: Basic` has it.
pub fn basic(key: &str) -> String {
    base64::engine::general_purpose::STANDARD.encode(format!("clicktally:{key}"))
}

/// A JWT as `{jwt:ACCOUNT:IAT:EXP:option=value…}` describes it; `sign` gives the key for `ACCOUNT` or `sign=…`.
pub fn jwt(
    words: &[&str],
    now_ms: i64,
    account_code: impl Fn(&str) -> Result<String, String>,
    mut sign: impl FnMut(&str) -> Result<String, String>,
) -> Result<String, String> {
    let [_, account, iat, exp, options @ ..] = words else {
        return Err("{jwt:ACCOUNT:IAT:EXP[:option=value]}".to_owned());
    };
    let instant = |offset: &str| -> Result<Value, String> {
        if let (0, Ok(offset)) = (now_ms % 1_000, offset.parse::<i64>()) {
            return Ok(json!(now_ms / 1_000 + offset));
        }
        let offset: f64 = offset.parse().map_err(|_| format!("`{offset}` is not a number of seconds"))?;
        Ok(json!(now_ms as f64 / 1_000.0 + offset))
    };
    let (mut header, mut claims, mut signer) = (Map::new(), Map::new(), (*account).to_owned());
    header.insert("alg".to_owned(), json!("HS256"));
    header.insert("typ".to_owned(), json!("JWT"));
    claims.insert("iat".to_owned(), instant(iat)?);
    claims.insert("exp".to_owned(), instant(exp)?);
    claims.insert("name".to_owned(), json!(account_code(account)?));
    let mut signed = true;
    for option in options {
        let (name, value) =
            option.split_once('=').ok_or_else(|| format!("`{option}` is not option=value"))?;
        match name {
            "alg" => {
                header.insert("alg".to_owned(), json!(value));
                signed = value != "none";
            }
            "crit" => drop(header.insert("crit".to_owned(), json!([value]))),
            "name" => drop(claims.insert("name".to_owned(), json!(value))),
            "nbf" => drop(claims.insert("nbf".to_owned(), instant(value)?)),
            "without" => drop(claims.remove(value)),
            "string" => {
                let text = claims.get(value).map(ToString::to_string);
                claims.insert(value.to_owned(), json!(text));
            }
            "sign" => value.clone_into(&mut signer),
            _ => return Err(format!("a JWT has no option `{name}`")),
        }
    }
    let part = |object: Map<String, Value>| URL_SAFE_NO_PAD.encode(Value::Object(object).to_string());
    let message = format!("{}.{}", part(header), part(claims));
    let key = sign(&signer)?;
    let mac = Hmac::<Sha256>::new_from_slice(key.as_bytes()).unwrap().chain_update(&message).finalize();
    let signature = if signed { URL_SAFE_NO_PAD.encode(mac.into_bytes()) } else { String::new() };
    Ok(format!("{message}.{signature}"))
}

#[test]
fn braces_of_json_are_left_alone() {
    let value = |words: &[&str]| Ok(words.join("/"));
    assert_eq!(
        fill("{\"a\":{\"b\":1}} {now} {key:shop:read} {keys}", value).unwrap(),
        "{\"a\":{\"b\":1}} now key/shop/read {keys}"
    );
    assert_eq!(fill("<@repeat(ab,3)>@repeat(,,2)", value).unwrap(), "<ababab>,,");
    assert_eq!(bytes("a\\xff\\xzz\\u00e9"), b"a\xff\\xzz\\u00e9");
}
