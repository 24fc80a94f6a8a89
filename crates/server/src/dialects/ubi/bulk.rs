//! The body of `_bulk`: pairs of an action line and its document, and the array of documents that UBI's collector for
//! browsers sends. Knows what may be asked for and where, and nothing of what a document tells.

use serde_json::Value;

use super::http::Index;
use crate::bulk::{is_blank, without_mark};
use crate::json::{Json, in_place};

/// The most documents of one call.
pub(super) const DOCUMENTS_MAX: usize = 10_000;

/// How a document is to be put.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Action {
    /// Whatever is there.
    Index,
    /// Only where nothing is there.
    Create,
    /// What can't be done here.
    Update,
    /// What can't be done here.
    Delete,
}

impl Action {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Index => "index",
            Self::Create => "create",
            Self::Update => "update",
            Self::Delete => "delete",
        }
    }
}

/// One thing that is asked for.
#[derive(Debug, PartialEq)]
pub(super) struct Wanted<'b> {
    pub(super) action: Action,
    /// The index as it was named; it may not be one of ours.
    pub(super) index: String,
    pub(super) id: Option<String>,
    /// The document's line.
    pub(super) document: &'b [u8],
}

/// Reads pairs. What is malformed refuses the whole body, as in OpenSearch: nobody knows any more which line is which.
pub(super) fn pairs(body: &[u8], of_path: Option<Index>) -> Result<Vec<Wanted<'_>>, String> {
    let lines = (1_u64..).zip(without_mark(1, body).split(|byte| *byte == b'\n'));
    let mut lines = lines.filter(|(_, line)| !is_blank(line));
    let mut wanted = Vec::new();
    while let Some((number, line)) = lines.next() {
        if wanted.len() == DOCUMENTS_MAX {
            return Err(format!("a bulk request must have at most {DOCUMENTS_MAX} documents"));
        }
        let (action, index, id) = action(line, of_path).map_err(|why| format!("line {number}: {why}"))?;
        let document = match action {
            Action::Delete => &[][..],
            _ => lines.next().ok_or_else(|| format!("line {number}: the action line has no document"))?.1,
        };
        wanted.push(Wanted { action, index, id, document });
    }
    if wanted.is_empty() { Err("the bulk request has no documents".to_owned()) } else { Ok(wanted) }
}

fn action(line: &[u8], of_path: Option<Index>) -> Result<(Action, String, Option<String>), String> {
    let json = in_place(line).map_err(|error| error.to_string())?;
    let kinds = [Action::Index, Action::Create, Action::Update, Action::Delete];
    let named = |action: &Action| json.get(action.as_str()).map(|meta| (*action, meta));
    let (action, meta) =
        kinds.iter().find_map(named).ok_or("must be an action: index, create, update or delete")?;
    if !matches!(meta, Json::Object(_)) {
        return Err("the action must be an object".to_owned());
    }
    let text = |key: &str| match meta.get(key) {
        None => Ok(None),
        Some(Json::Text(text)) => Ok(Some(text.clone().into_owned())),
        Some(Json::Natural(number)) => Ok(Some(number.to_string())),
        Some(_) => Err(format!("{key} must be a string")),
    };
    let index = text("_index")?.or_else(|| of_path.map(|index| index.as_str().to_owned()));
    Ok((action, index.ok_or("_index is required")?, text("_id")?))
}

/// The documents of an array, each as a line of its own; one document alone counts as an array of it.
pub(super) fn documents(body: &[u8]) -> Result<Vec<Vec<u8>>, String> {
    let value = crate::json::strict(body).map_err(|error| error.to_string())?;
    let values = match value {
        Value::Array(values) => values,
        one => vec![one],
    };
    if values.len() > DOCUMENTS_MAX {
        return Err(format!("a call must have at most {DOCUMENTS_MAX} documents"));
    }
    Ok(values.iter().map(|value| value.to_string().into_bytes()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_read_with_their_index_and_id() {
        let body = b"\xef\xbb\xbf{\"index\":{\"_index\":\"ubi_events\",\"_id\":\"e1\"}}\r\n{\"a\":1}\n\n{\"create\":{\"_id\":7}}\n{}\n{\"delete\":{\"_index\":\"x\",\"_id\":\"1\"}}\n";
        let read = pairs(body, Some(Index::Queries)).unwrap();
        let told: Vec<_> =
            read.iter().map(|wanted| (wanted.action, wanted.index.as_str(), wanted.id.as_deref())).collect();
        assert_eq!(
            told,
            [
                (Action::Index, "ubi_events", Some("e1")),
                (Action::Create, "ubi_queries", Some("7")),
                (Action::Delete, "x", Some("1")),
            ]
        );
        assert_eq!(read[0].document, b"{\"a\":1}");
    }

    #[test]
    fn a_body_that_can_not_be_told_apart_is_refused_whole_by_its_line() {
        let refused = |body: &str| pairs(body.as_bytes(), None).unwrap_err();
        assert_eq!(refused(""), "the bulk request has no documents");
        assert_eq!(refused("{\"index\":{}}\n{}"), "line 1: _index is required");
        assert_eq!(refused("\n{\"index\":{\"_index\":\"a\"}}"), "line 2: the action line has no document");
        assert!(refused("{\"x\":1}\n{}").starts_with("line 1: must be an action"));
        assert!(refused("{\"index\":7}\n{}").starts_with("line 1: the action must be an object"));
        assert!(refused("{\"index\":{\"_index\":[]}}\n{}").starts_with("line 1: _index must be a string"));
        assert!(refused("no json\n{}").starts_with("line 1: invalid JSON"));
        let many = "{\"index\":{\"_index\":\"a\"}}\n{}\n".repeat(DOCUMENTS_MAX + 1);
        assert!(refused(&many).contains("at most 10000"));
    }

    #[test]
    fn an_array_and_one_document_alone_are_documents() {
        assert_eq!(documents(b"[{\"a\":1},{}]").unwrap(), [b"{\"a\":1}".to_vec(), b"{}".to_vec()]);
        assert_eq!(documents(b" {\"a\":1}").unwrap().len(), 1);
        assert!(documents(b"[").is_err());
        assert!(documents(format!("[{}0]", "0,".repeat(DOCUMENTS_MAX)).as_bytes()).is_err());
    }
}
