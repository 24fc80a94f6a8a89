//! `export`: the clicks themselves, oldest first.

use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use indicatif::{ProgressBar, ProgressStyle};
use server::control::{ExportAsk, ExportLines};

use crate::cli::{ExportArgs, ExportFormat};
use crate::control_client;
use crate::failure::Failure;
use crate::output;
use crate::reach::{Missing, Reach, Reached};

pub fn export(args: ExportArgs) -> Result<ExitCode, Failure> {
    let ask = ExportAsk {
        account: args.account,
        from: args.from,
        to: args.to,
        tz: Some(args.tz),
        hashids: args.hashids,
        format: match args.format {
            ExportFormat::Ndjson => server::control::ExportFormat::Ndjson,
            ExportFormat::Csv => server::control::ExportFormat::Csv,
            ExportFormat::Parquet => server::control::ExportFormat::Parquet,
        },
    };
    let mut reached = Reached::directory(&args.directory, Missing::Refuse)?;
    let done = match &args.output {
        None => chunks(&mut reached, &ask, &mut std::io::stdout().lock()),
        Some(path) => to_file(&mut reached, &ask, path),
    };
    reached.close();
    done.map(|()| ExitCode::SUCCESS)
}

#[expect(clippy::disallowed_methods, reason = "the user's own file, not one of the data directory")]
fn to_file(reached: &mut Reached, ask: &ExportAsk, path: &Path) -> Result<(), Failure> {
    let refused = |error: std::io::Error| Failure::new(format!("{}: {error}", path.display()));
    let file = std::fs::File::create(path).map_err(refused)?;
    let bar = ProgressBar::new_spinner();
    if let Ok(style) =
        ProgressStyle::with_template("{spinner} {decimal_bytes} written, {decimal_bytes_per_sec}")
    {
        bar.set_style(style);
    }
    let mut out = bar.wrap_write(std::io::BufWriter::new(&file));
    chunks(reached, ask, &mut out)?;
    out.flush().and_then(|()| file.sync_all()).map_err(refused)?;
    bar.finish_and_clear();
    Ok(())
}

fn chunks(reached: &mut Reached, ask: &ExportAsk, out: &mut dyn Write) -> Result<(), Failure> {
    match &mut reached.reach {
        Reach::House(house) => {
            let mut lines = ExportLines::open(&house.app, ask)?;
            while let Some(chunk) = lines.next_chunk()? {
                output::write(out, &chunk)?;
            }
        }
        Reach::Server(client) => {
            let mut body = reached.runtime.block_on(client.export(ask))?;
            while let Some(chunk) = reached.runtime.block_on(control_client::next_chunk(&mut body))? {
                output::write(out, &chunk)?;
            }
        }
    }
    Ok(())
}
