//! The answer: rows in, a response out, as JSON or as a table. A large one is written as the client takes it, so that
//! a million rows cost neither memory for their text nor a second of silence.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::{Body, Bytes, HttpBody};
use axum::http::HeaderValue;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use hyper::body::Frame;

use super::csv::Table;
use super::errors::Failure;
use super::rows::Rows;
use crate::query_params::Format;

/// The most rows that are written at once and sent with their `Content-Length`: more than a row for each day of the
/// longest period.
const WHOLE_ROWS_MAX: usize = 4_096;
/// The most rows of one piece of a longer answer: about 100 KB.
const PIECE_ROWS_MAX: usize = 1_024;

/// About how many bytes a row takes as JSON.
const ROW_BYTES: usize = 80;

/// Writes rows as an answer with status 200.
pub(super) fn answer(rows: Rows, format: Format) -> Result<Response, Failure> {
    let whole = rows.total() <= WHOLE_ROWS_MAX;
    let mut pieces = Pieces { rows, format, next: 0, ended: false };
    let body = if whole {
        pieces.piece(WHOLE_ROWS_MAX).map(Body::from).map_err(|error| {
            tracing::error!(%error, "an answer could not be written");
            Failure::Internal
        })?
    } else {
        Body::new(pieces)
    };
    let content_type = match format {
        Format::Json => "application/json",
        Format::Csv => "text/csv; charset=utf-8",
    };
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static(content_type)),
        (CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    Ok((headers, body).into_response())
}

/// An answer in pieces, each written when the one before it was taken.
struct Pieces {
    rows: Rows,
    format: Format,
    /// The place of the next row.
    next: usize,
    ended: bool,
}

impl Pieces {
    /// Writes the next piece: what comes before the first row, up to `rows_max` rows, and what comes after the last.
    fn piece(&mut self, rows_max: usize) -> io::Result<Vec<u8>> {
        let piece = match self.format {
            Format::Json => self.json(rows_max),
            Format::Csv => self.table(rows_max),
        };
        self.next = self.next.saturating_add(rows_max);
        self.ended = self.next >= self.rows.total();
        piece
    }

    fn json(&self, rows_max: usize) -> io::Result<Vec<u8>> {
        let rows_left = self.rows.total().saturating_sub(self.next).min(rows_max);
        let mut out = Vec::with_capacity(rows_left.saturating_mul(ROW_BYTES) + ROW_BYTES);
        if self.next == 0 {
            out.extend_from_slice(b"{\"results\":[");
        }
        let end = self.next.saturating_add(rows_max);
        for place in self.next..end {
            let Some(row) = self.rows.row(place) else { break };
            if place > 0 {
                out.push(b',');
            }
            row.put_json(&mut out)?;
        }
        let total = self.rows.total();
        if end >= total {
            let sums = format!("],\"total\":{total},\"total_count\":{}}}", self.rows.total_count());
            out.extend_from_slice(sums.as_bytes());
        }
        Ok(out)
    }

    fn table(&self, rows_max: usize) -> io::Result<Vec<u8>> {
        let mut table = Table::new();
        if self.next == 0 {
            table.header(self.rows.by_engine())?;
        }
        for place in self.next..self.next.saturating_add(rows_max) {
            let Some(row) = self.rows.row(place) else { break };
            table.row(&row)?;
        }
        table.into_bytes()
    }
}

impl HttpBody for Pieces {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        if self.ended {
            return Poll::Ready(None);
        }
        let piece = self.piece(PIECE_ROWS_MAX);
        Poll::Ready(Some(piece.map(|bytes| Frame::data(Bytes::from(bytes)))))
    }

    fn is_end_stream(&self) -> bool {
        self.ended
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Instant;

    use clicks::{AccountCode, ClickFilter, Grouping, Hashid, LocalDays, Period, Question, Tally, Zone};
    use http_body_util::BodyExt;

    use super::*;

    fn rows(days: usize, engines: u8) -> Rows {
        let to = 1_704_067_200_000 + 86_400_000 * i64::try_from(days - 1).unwrap();
        let period = Period { from: "20240101".parse().unwrap(), to: to.to_string().parse().unwrap() };
        let local = LocalDays::of(&period, &Zone::UTC).unwrap();
        assert_eq!(local.days().len(), days);
        let engines: Vec<Hashid> = (0..engines).map(|byte| Hashid::from_bytes([byte; 16])).collect();
        let counts = |day: usize| engines.iter().map(move |engine| (day, *engine, day as u64));
        let tally = Tally::DaysAndEngines((0..days).flat_map(counts).collect());
        let filter = ClickFilter::all(AccountCode::from_bytes([1; 8]), engines.clone());
        let question = Question::clicks(Arc::new(local), filter, Grouping::DayAndEngine);
        Rows::of(question, tally).unwrap()
    }

    async fn text(response: Response) -> String {
        String::from_utf8(response.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap()
    }

    #[tokio::test]
    async fn a_long_answer_in_pieces_is_the_same_text_as_one_at_once() {
        for format in [Format::Json, Format::Csv] {
            for (days, engines) in [(1_024, 5), (3_000, 3), (1_025, 4)] {
                let mut pieces = Pieces { rows: rows(days, engines), format, next: 0, ended: false };
                let whole = String::from_utf8(pieces.piece(usize::MAX).unwrap()).unwrap();
                assert!(pieces.ended);
                let response = answer(rows(days, engines), format).unwrap();
                assert!(response.body().size_hint().exact().is_none(), "it is sent in pieces");
                assert!(text(response).await == whole, "{format:?} {days} {engines}");
            }
        }
    }

    #[tokio::test]
    async fn a_json_answer_reads_back_with_its_sums() {
        let answer: serde_json::Value =
            serde_json::from_str(&text(answer(rows(2_000, 3), Format::Json).unwrap()).await).unwrap();
        assert_eq!(answer["total"], 6_000);
        assert_eq!(answer["results"].as_array().unwrap().len(), 6_000);
        assert_eq!(answer["total_count"], 3 * (0..2_000_u64).sum::<u64>());
        assert_eq!(answer["results"][5_999]["hashid"], "02".repeat(16));
        assert_eq!(answer["results"][5_999]["date"], "2029-06-22");
    }

    #[tokio::test]
    async fn a_million_rows_are_written_in_seconds_even_without_optimisation() {
        let rows = rows(3_660, 255);
        let (total, started) = (rows.total(), Instant::now());
        let lines = text(answer(rows, Format::Csv).unwrap()).await.matches("\r\n").count();
        assert_eq!(lines, total + 1);
        assert!(started.elapsed().as_secs() < 30, "{:?}", started.elapsed());
    }
}
