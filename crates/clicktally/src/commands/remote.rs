//! Importing into a server somewhere else, over `POST /v1/events`.

use std::io::{BufRead, BufReader, Read};

use clicks::{Hashid, Zone};
use serde::Deserialize;
use server::bulk::{Batch, FileDigest, LogReader, Skipped};
use server::control::{ImportReply, RecordedReply, RejectedReply};
use server::dialects::fess::{FessOptions, FessReader};
use server::dialects::native::{Defaults, EventsReader, Unnamed, write_line};
use server::dialects::ubi::{UbiOptions, UbiReader};
use server::feed::{REJECTED_LISTED_MAX, Rejection};

use crate::cli::{ImportArgs, ImportFormat};
use crate::failure::Failure;

/// How many bytes are sent together: under the 8,388,608 that a body may have.
const BODY_BYTES_MAX: usize = 6 * 1024 * 1024;
/// How often a body is sent before the import gives up: every line has an id or is a search or an item, so sending it
/// again counts nothing twice.
const TRIES_MAX: u32 = 5;

/// A server somewhere else.
pub struct Remote {
    url: String,
    key: String,
    format: ImportFormat,
    defaults: Defaults,
    zone: Zone,
    agent: ureq::Agent,
}

#[derive(Deserialize)]
struct EventsReply {
    recorded: RecordedReply,
    duplicates: u64,
    rejected_total: u64,
    rejected: Vec<RejectedReply>,
}

/// Lines that wait to be sent, and their numbers in the file.
#[derive(Default)]
struct Parcel {
    body: Vec<u8>,
    numbers: Vec<u64>,
}

impl Remote {
    /// Checks the options; nothing is sent yet.
    ///
    /// # Errors
    /// A [`Failure`] that names the option.
    pub fn new(url: &str, key: &str, args: &ImportArgs) -> Result<Self, Failure> {
        if !url.starts_with("http://") && !url.starts_with("https://") {
            return Err(Failure::usage("--url: http://… or https://…"));
        }
        let engine = args.hashid.as_deref().map(str::parse::<Hashid>).transpose();
        let engine = engine.map_err(|error| Failure::usage(format!("--hashid: {error}")))?;
        if args.format == ImportFormat::Ubi && engine.is_none() {
            return Err(Failure::usage(
                "--format ubi with --url needs --hashid: a key can't make search engines",
            ));
        }
        if args.format == ImportFormat::Fess && engine.is_none() {
            return Err(Failure::usage(
                "--format fess with --url needs --hashid: these logs name no search engine",
            ));
        }
        let zone = args.tz.as_deref().map_or(Ok(Zone::UTC), Zone::parse);
        let zone = zone.map_err(|error| Failure::usage(format!("--tz: {error}")))?;
        let index = args.index.as_deref().map(str::parse).transpose();
        let index = index.map_err(|error| Failure::usage(format!("--index: {error}")))?;
        let config = ureq::Agent::config_builder().http_status_as_error(false).build();
        Ok(Self {
            url: format!("{}/v1/events", url.trim_end_matches('/')),
            key: key.to_owned(),
            format: args.format,
            defaults: Defaults { engine, index },
            zone,
            agent: config.into(),
        })
    }

    /// Imports one file.
    ///
    /// # Errors
    /// A [`Failure`] when the server refuses, or does not answer.
    pub fn import(&mut self, source: &mut dyn Read, digest: FileDigest) -> Result<ImportReply, Failure> {
        let now_ms = jiff::Timestamp::now().as_millisecond();
        let defaults = self.defaults.clone();
        let mut reader: Box<dyn LogReader> = match self.format {
            ImportFormat::Events | ImportFormat::Parquet => {
                Box::new(EventsReader::new(defaults, Unnamed::File(digest), now_ms))
            }
            ImportFormat::Ubi => {
                Box::new(UbiReader::new(UbiOptions { defaults, digest, now_ms }, Box::new(|_| None)))
            }
            ImportFormat::Fess => {
                let engine = defaults.engine.ok_or_else(|| Failure::usage("--hashid is missing"))?;
                let zone = self.zone.clone();
                Box::new(FessReader::new(FessOptions { engine, defaults, digest, zone, now_ms }))
            }
        };
        let mut reply = ImportReply::default();
        let (mut batch, mut parcel, mut skipped) = (Batch::default(), Parcel::default(), Skipped::default());
        let (mut lines, mut line, mut number) = (BufReader::new(source), Vec::new(), 0);
        loop {
            line.clear();
            let read = lines.read_until(b'\n', &mut line).map_err(|error| Failure::new(error.to_string()))?;
            if read == 0 {
                reader.finish(&mut batch);
            } else {
                number += 1;
                reader.line(number, line.strip_suffix(b"\n").unwrap_or(&line), &mut batch);
            }
            skipped.add(&std::mem::take(&mut batch.skipped));
            for (number, told) in batch.lines.drain(..) {
                match told {
                    Ok(told) => {
                        write_line(&mut parcel.body, &told);
                        parcel.numbers.push(number);
                    }
                    Err(rejection) => reject(&mut reply, number, rejection),
                }
                if parcel.body.len() >= BODY_BYTES_MAX {
                    self.deliver(&mut parcel, &mut reply)?;
                }
            }
            if read == 0 {
                break;
            }
        }
        self.deliver(&mut parcel, &mut reply)?;
        reply.received += skipped.total();
        reply.skipped = skipped.kinds().map(|(kind, many)| (kind.to_owned(), many)).collect();
        reply.rejected.sort_by_key(|rejected| rejected.line);
        reply.rejected.truncate(REJECTED_LISTED_MAX);
        Ok(reply)
    }

    fn deliver(&self, parcel: &mut Parcel, reply: &mut ImportReply) -> Result<(), Failure> {
        let Parcel { body, numbers } = std::mem::take(parcel);
        if body.is_empty() {
            return Ok(());
        }
        let answer = self.send(&body)?;
        reply.received += numbers.len() as u64;
        reply.recorded.items += answer.recorded.items;
        reply.recorded.searches += answer.recorded.searches;
        reply.recorded.clicks += answer.recorded.clicks;
        reply.duplicates += answer.duplicates;
        reply.rejected_total += answer.rejected_total;
        for mut rejected in answer.rejected {
            // The server counts the lines of this body; people look for the line of the file.
            let place = usize::try_from(rejected.line).unwrap_or(usize::MAX).wrapping_sub(1);
            rejected.line = numbers.get(place).copied().unwrap_or(rejected.line);
            reply.rejected.push(rejected);
        }
        Ok(())
    }

    fn send(&self, body: &[u8]) -> Result<EventsReply, Failure> {
        let mut pause = std::time::Duration::from_millis(250);
        for attempt in 1..=TRIES_MAX {
            let sent = self
                .agent
                .post(&self.url)
                .header("Authorization", format!("Token {}", self.key))
                .header("Content-Type", "application/x-ndjson")
                .send(body);
            let trouble = match sent {
                Ok(mut response) if response.status() == 200 => {
                    return response
                        .body_mut()
                        .read_json()
                        .map_err(|error| Failure::new(format!("{}: {error}", self.url)));
                }
                Ok(mut response) => {
                    let status = response.status();
                    let text = response.body_mut().read_to_string().unwrap_or_default();
                    if !(status.is_server_error() || status == 429) {
                        return Err(Failure::new(format!(
                            "{} answered {status}: {}",
                            self.url,
                            crate::output::tame(&text)
                        )));
                    }
                    format!("status {status}")
                }
                Err(error) => error.to_string(),
            };
            if attempt == TRIES_MAX {
                return Err(Failure::new(format!(
                    "{}: {trouble}, {TRIES_MAX} times; import the same file again to go on: nothing counts twice",
                    self.url
                )));
            }
            std::thread::sleep(pause);
            pause *= 2;
        }
        Err(Failure::new("not sent"))
    }
}

fn reject(reply: &mut ImportReply, line: u64, rejection: Rejection) {
    reply.received += 1;
    reply.rejected_total += 1;
    let Rejection { code, message, .. } = rejection;
    reply.rejected.push(RejectedReply { line, code: code.to_owned(), message });
    reply.rejected.truncate(REJECTED_LISTED_MAX);
}
