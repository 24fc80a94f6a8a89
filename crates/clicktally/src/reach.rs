//! How a command reaches a data directory: through the server that runs on it, else by opening it itself.

use serde::de::DeserializeOwned;
use server::control::{Command, execute};

use crate::cli::Directory;
use crate::config::{Config, Typed};
use crate::control_client::ControlClient;
use crate::failure::Failure;
use crate::house::{CONTROL_SOCKET, House, OpenError, Opening};

/// A data directory, reached.
pub enum Reach {
    /// Nobody has it: it's ours until the command ends.
    House(Box<House>),
    /// A server has it, and is asked.
    Server(ControlClient),
}

/// A directory reached, and a runtime to ask it on.
pub struct Reached {
    pub reach: Reach,
    pub runtime: tokio::runtime::Runtime,
}

/// Whether a directory that does not exist is made or refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Missing {
    /// A command that writes makes it.
    Make,
    /// A command that only reads would find nothing in it.
    Refuse,
}

impl Reached {
    /// Reaches the directory.
    ///
    /// # Errors
    /// A [`Failure`] that says who has it, or what is wrong with it.
    pub fn directory(directory: &Directory, missing: Missing) -> Result<Self, Failure> {
        let runtime = runtime()?;
        let config = configuration(directory)?;
        let path = &config.data_dir;
        if missing == Missing::Refuse && !path.is_dir() {
            return Err(Failure::new(format!(
                "there is no data directory {}: give another --data-dir, or make one with `clicktally serve`",
                path.display()
            )));
        }
        let reach = match House::open(path, Opening::of(&config), "a clicktally command") {
            Ok(house) => Reach::House(Box::new(house)),
            Err(OpenError::Held { pid, note }) => {
                let client = runtime.block_on(ControlClient::connect(&path.join(CONTROL_SOCKET)));
                Reach::Server(client.map_err(|_| OpenError::Held { pid, note }.into_failure(path))?)
            }
            Err(OpenError::Failed(failure)) => return Err(failure),
        };
        Ok(Self { reach, runtime })
    }

    /// Reaches the server that runs on the directory, and nothing else.
    ///
    /// # Errors
    /// A [`Failure`] when there is none.
    pub fn server(directory: &Directory) -> Result<Self, Failure> {
        let runtime = runtime()?;
        let path = configuration(directory)?.data_dir;
        let client = runtime.block_on(ControlClient::connect(&path.join(CONTROL_SOCKET)));
        let client = client.map_err(|_| {
            Failure::new(format!(
                "no server runs on {}, or it is not yours to ask: give its --data-dir, or start it with `clicktally serve`",
                path.display()
            ))
        })?;
        Ok(Self { reach: Reach::Server(client), runtime })
    }

    /// Has a command done.
    ///
    /// # Errors
    /// The command's own [`Failure`].
    pub fn ask<T: DeserializeOwned>(&mut self, command: Command) -> Result<T, Failure> {
        let value = match &mut self.reach {
            Reach::House(house) => {
                let reply = self.runtime.block_on(execute(&house.app, &house.maintenance(), command))?;
                serde_json::to_value(reply).map_err(|error| Failure::new(error.to_string()))?
            }
            Reach::Server(client) => self.runtime.block_on(client.command(&command))?,
        };
        serde_json::from_value(value).map_err(|error| Failure::new(format!("an unexpected reply: {error}")))
    }

    /// Puts the directory down.
    pub fn close(self) {
        let Self { reach, runtime } = self;
        // Work in the background may still hold parts of the house.
        runtime.shutdown_timeout(std::time::Duration::from_secs(10));
        if let Reach::House(house) = reach {
            house.close();
        }
    }
}

fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|error| Failure::new(format!("no threads: {error}")))
}

/// What a server would be configured to, with the command's own flags before everything else.
///
/// # Errors
/// A [`Failure`] that names the option and its rule.
pub fn configuration(directory: &Directory) -> Result<Config, Failure> {
    let Directory { data_dir, config, secret_file, json: _ } = directory.clone();
    let flags = Typed { data_dir, config, secret_file, ..Typed::default() };
    let environment = Typed::from_environment().map_err(|error| Failure::usage(error.to_string()))?;
    Config::check(flags.or(environment), "./clicktally-data")
}
