//! `import`: loads logs, with a progress bar and a closing report.

use std::io::{Read, Seek, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use axum::body::Bytes;
use flate2::read::MultiGzDecoder;
use indicatif::{ProgressBar, ProgressStyle};
use server::bulk::FileDigest;
use server::control::{ImportAsk, ImportReply, Importer, ParquetLines};

use crate::cli::{ImportArgs, ImportFormat};
use crate::commands::remote::Remote;
use crate::control_client::ControlClient;
use crate::failure::Failure;
use crate::output;
use crate::reach::{Missing, Reach, Reached};

/// How many bytes of a file are handed on at a time.
const CHUNK_BYTES: usize = 256 * 1024;
/// The first bytes of every gzip file (RFC 1952).
const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];
/// How many rejections are printed; JSON has more.
const REJECTED_SHOWN_MAX: usize = 20;

pub fn import(args: ImportArgs) -> Result<ExitCode, Failure> {
    let mut target = Target::of(&args)?;
    let mut done = Vec::new();
    for path in &args.files {
        let imported = one(&mut target, &args, path);
        match imported {
            Ok(reply) => done.push((path.display().to_string(), reply)),
            Err(failure) => {
                target.close();
                let name = path.display();
                return Err(Failure::new(format!("{name}: {failure}")));
            }
        }
    }
    target.close();
    report(&args, &done)
}

/// Where the lines go.
enum Target {
    Directory(Box<Reached>),
    Remote(Box<Remote>),
}

impl Target {
    fn of(args: &ImportArgs) -> Result<Self, Failure> {
        match (&args.url, &args.key) {
            (Some(url), Some(key)) => Ok(Self::Remote(Box::new(Remote::new(url, key, args)?))),
            _ => Ok(Self::Directory(Box::new(Reached::directory(&args.directory, Missing::Make)?))),
        }
    }

    fn close(self) {
        if let Self::Directory(reached) = self {
            reached.close();
        }
    }
}

fn one(target: &mut Target, args: &ImportArgs, path: &Path) -> Result<ImportReply, Failure> {
    let digest = digest(path)?;
    let ask = ImportAsk {
        format: match args.format {
            // A file's rows go in as lines: see `ParquetLines`.
            ImportFormat::Events | ImportFormat::Parquet => server::control::ImportFormat::Events,
            ImportFormat::Ubi => server::control::ImportFormat::Ubi,
            ImportFormat::Fess => server::control::ImportFormat::Fess,
        },
        account: args.account.clone(),
        hashid: args.hashid.clone(),
        index: args.index.clone(),
        tz: args.tz.clone(),
        digest: digest.to_string(),
    };
    let (mut source, bar) = match args.format {
        ImportFormat::Parquet => open_parquet(path)?,
        ImportFormat::Events | ImportFormat::Ubi | ImportFormat::Fess => open(path, "importing")?,
    };
    let reply = match target {
        Target::Remote(remote) => remote.import(&mut source, digest),
        Target::Directory(reached) => match &mut reached.reach {
            Reach::House(house) => {
                let app = Arc::clone(&house.app);
                reached.runtime.block_on(in_process(Importer::new(app, ask)?, &mut source))
            }
            Reach::Server(client) => over_socket(&reached.runtime, client, &ask, source),
        },
    };
    bar.finish_and_clear();
    reply
}

fn unreadable(error: impl std::fmt::Display) -> Failure {
    Failure::new(format!("it can't be read: {error}"))
}

/// Opens a file, plain or gzip, with a progress bar over the bytes that lie on disk.
#[expect(clippy::disallowed_methods, reason = "the user's own file, not one of the data directory")]
fn open(path: &Path, what: &'static str) -> Result<(Box<dyn Read + Send>, ProgressBar), Failure> {
    let mut file = std::fs::File::open(path).map_err(unreadable)?;
    let bytes = file.metadata().map_err(unreadable)?.len();
    let mut magic = Vec::new();
    (&mut file).take(2).read_to_end(&mut magic).map_err(unreadable)?;
    file.rewind()
        .map_err(|_| Failure::new("it can't be read twice, as a pipe can't: save it to a file first"))?;
    let bar = ProgressBar::new(bytes);
    if let Ok(style) =
        ProgressStyle::with_template("{msg} {wide_bar} {decimal_bytes}/{decimal_total_bytes} {eta}")
    {
        bar.set_style(style);
    }
    bar.set_message(what);
    let file = bar.wrap_read(std::io::BufReader::with_capacity(CHUNK_BYTES, file));
    let source: Box<dyn Read + Send> =
        if magic == GZIP_MAGIC { Box::new(MultiGzDecoder::new(file)) } else { Box::new(file) };
    Ok((source, bar))
}

/// Opens a Parquet file, with a progress bar over the lines that are made of it.
#[expect(clippy::disallowed_methods, reason = "the user's own file, not one of the data directory")]
fn open_parquet(path: &Path) -> Result<(Box<dyn Read + Send>, ProgressBar), Failure> {
    let file: Arc<dyn days::Source> = Arc::new(UserFile(std::fs::File::open(path).map_err(unreadable)?));
    let lines = ParquetLines::open(&file, "it")?;
    let bar = ProgressBar::new_spinner();
    if let Ok(style) = ProgressStyle::with_template("importing {spinner} {decimal_bytes} of lines") {
        bar.set_style(style);
    }
    let source = bar.wrap_read(lines);
    Ok((Box::new(source), bar))
}

/// A file of the user's.
struct UserFile(std::fs::File);

impl days::Source for UserFile {
    fn len(&self) -> std::io::Result<u64> {
        self.0.metadata().map(|metadata| metadata.len())
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> std::io::Result<usize> {
        FileExt::read_at(&self.0, buffer, offset)
    }
}

fn digest(path: &Path) -> Result<FileDigest, Failure> {
    let (source, bar) = open(path, "reading  ")?;
    let digest = FileDigest::of(source).map_err(unreadable);
    bar.finish_and_clear();
    digest
}

/// The next bytes; empty at the end.
fn chunk(source: &mut dyn Read) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::with_capacity(CHUNK_BYTES);
    source.take(CHUNK_BYTES as u64).read_to_end(&mut bytes).map_err(unreadable)?;
    Ok(bytes)
}

async fn in_process(mut importer: Importer, source: &mut dyn Read) -> Result<ImportReply, Failure> {
    loop {
        let bytes = chunk(source)?;
        if bytes.is_empty() {
            return Ok(importer.finish().await?);
        }
        importer.push(&bytes).await?;
    }
}

/// The file is read on a thread of its own, as fast as the server takes it.
fn over_socket(
    runtime: &tokio::runtime::Runtime,
    client: &mut ControlClient,
    ask: &ImportAsk,
    mut source: Box<dyn Read + Send>,
) -> Result<ImportReply, Failure> {
    let (sender, receiver) = ControlClient::chunks();
    let reading = std::thread::spawn(move || {
        loop {
            match chunk(&mut *source) {
                Ok(bytes) if bytes.is_empty() => return Ok(()),
                Ok(bytes) => {
                    if sender.blocking_send(Ok(Bytes::from(bytes))).is_err() {
                        return Ok(());
                    }
                }
                Err(failure) => {
                    // The server must not take a part of the file for all of it.
                    let _ = sender.blocking_send(Err(std::io::Error::other(failure.to_string())));
                    return Err(failure);
                }
            }
        }
    });
    let reply = runtime.block_on(client.import(ask, receiver));
    reading.join().map_err(|_| unreadable("the reading thread died"))??;
    reply
}

fn report(args: &ImportArgs, done: &[(String, ImportReply)]) -> Result<ExitCode, Failure> {
    let rejected: u64 = done.iter().map(|(_, reply)| reply.rejected_total).sum();
    let received: u64 = done.iter().map(|(_, reply)| reply.received).sum();
    if args.directory.json {
        let replies: Vec<&ImportReply> = done.iter().map(|(_, reply)| reply).collect();
        let text =
            if let [only] = replies.as_slice() { output::json(only)? } else { output::json(&replies)? };
        output::print(&text)?;
    } else {
        for (name, reply) in done {
            output::print(&words(name, reply))?;
        }
    }
    std::io::stdout().flush().map_err(|error| Failure::new(error.to_string()))?;
    // Good lines are in when others are bad, and the report names those. Nothing but bad lines is the wrong file.
    Ok(if rejected > 0 && rejected == received { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn words(name: &str, reply: &ImportReply) -> String {
    let number = output::thousands;
    let recorded = reply.recorded;
    let mut text = format!(
        "{name}: {} received\n  recorded   {} items, {} searches, {} clicks\n  duplicates {}\n",
        number(reply.received),
        number(recorded.items),
        number(recorded.searches),
        number(recorded.clicks),
        number(reply.duplicates),
    );
    let skipped: u64 = reply.skipped.values().sum();
    text.push_str(&format!("  skipped    {}\n", number(skipped)));
    for (kind, many) in &reply.skipped {
        text.push_str(&format!("    {:>9} {}\n", number(*many), output::tame(kind)));
    }
    text.push_str(&format!("  rejected   {}\n", number(reply.rejected_total)));
    for line in reply.rejected.iter().take(REJECTED_SHOWN_MAX) {
        text.push_str(&format!("    line {}: {}: {}\n", line.line, line.code, output::tame(&line.message)));
    }
    if reply.rejected_total > REJECTED_SHOWN_MAX as u64 {
        text.push_str("    … (--json lists up to 1,000)\n");
    }
    text
}
