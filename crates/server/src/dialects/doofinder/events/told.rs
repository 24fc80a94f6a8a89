//! The fields of an event, whichever way they were sent: in the query string, as a JSON body, or both, where the body
//! counts. Knows the spelling of values, and no field.

use serde_json::Value;

use super::refusal::Refusal;
use crate::json;
use crate::query_string::parameters;

/// What was told: names and values in their order. `None` is a JSON value that no field has.
pub(super) struct Told {
    in_query: Vec<(String, String)>,
    in_body: Vec<(String, Option<String>)>,
}

impl Told {
    /// Reads the query string and the body.
    pub(super) fn read(query: &str, body: Option<&[u8]>) -> Result<Self, Refusal> {
        let pair = |(name, value): (std::borrow::Cow<'_, str>, std::borrow::Cow<'_, str>)| {
            (name.into_owned(), value.into_owned())
        };
        let in_query = parameters(query).map(|read| read.map(pair)).collect::<Result<_, _>>();
        let in_query = in_query.map_err(|unreadable| Refusal::Bad(unreadable.to_string()))?;
        Ok(Self { in_query, in_body: body.map(fields).transpose()?.unwrap_or_default() })
    }

    /// The text of a field; a number counts as its digits, nothing and an empty text as absent.
    pub(super) fn text(&self, name: &str) -> Result<Option<&str>, Refusal> {
        if let Some((_, value)) = self.in_body.iter().find(|(field, _)| field == name) {
            let value = value.as_deref().ok_or_else(|| Refusal::Bad(format!("{name} is invalid")))?;
            return Ok(Some(value).filter(|value| !value.is_empty()));
        }
        let mut values =
            self.in_query.iter().filter(|(field, _)| field == name).map(|(_, value)| value.as_str());
        let value = values.next();
        // Of two values nobody could say which one is meant.
        if values.next().is_some() {
            return Err(Refusal::Bad(format!("{name} is given more than once")));
        }
        Ok(value.filter(|value| !value.is_empty()))
    }
}

fn fields(body: &[u8]) -> Result<Vec<(String, Option<String>)>, Refusal> {
    let text = |value: Value| match value {
        Value::String(text) => Some(text),
        Value::Number(number) if number.is_u64() => Some(number.to_string()),
        _ => None,
    };
    match json::strict(body) {
        Ok(Value::Object(fields)) => {
            let told = fields.into_iter().filter(|(_, value)| !value.is_null());
            Ok(told.map(|(name, value)| (name, text(value))).collect())
        }
        Ok(_) => Err(Refusal::Bad("the body must be a JSON object".to_owned())),
        Err(error) => Err(Refusal::Bad(error.to_string())),
    }
}
