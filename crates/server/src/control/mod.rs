//! The control socket: what the command line asks of a running server. The same commands run in process where no
//! server runs, so a command means the same either way. Whoever can open the socket owns the data: no keys here.

mod commands;
mod export;
mod import;
mod parquet;
mod routes;
mod state;
mod stats;
mod users;

pub use commands::{
    AccountReply, BackupAsk, BackupReply, CheckReply, Command, ControlError, EngineReply, EraseReply,
    Finding, KeyReply, Maintenance, NewKeyReply, Reply, execute,
};
pub use export::{ExportAsk, ExportFormat, ExportLines};
pub use import::{ImportAsk, ImportFormat, ImportReply, Importer, RecordedReply, RejectedReply};
pub use parquet::ParquetLines;
pub use routes::{COMMAND_PATH, ControlFailure, EXPORT_PATH, IMPORT_PATH, routes};
pub use state::StateReply;
pub use stats::{StatRow, StatsAsk, StatsBy, StatsOf, StatsReply};
pub use users::{Secret, UserReply};
