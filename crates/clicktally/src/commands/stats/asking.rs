//! Asking: a data directory is reached once, and asked as often as a statistic needs.

use server::control::{Command, StatsAsk, StatsReply};

use crate::cli::Common;
use crate::failure::Failure;
use crate::reach::{Missing, Reached};

/// A directory that is asked for statistics.
pub struct Asking {
    reached: Reached,
    /// Days that were said to be missing.
    said: Vec<String>,
}

impl Asking {
    /// Reaches the directory.
    ///
    /// # Errors
    /// A [`Failure`] that says who has it, or what is wrong with it.
    pub fn open(common: &Common) -> Result<Self, Failure> {
        Ok(Self { reached: Reached::directory(&common.directory, Missing::Refuse)?, said: Vec::new() })
    }

    /// Asks; says on standard error which days the answer is without, each once.
    ///
    /// # Errors
    /// Why there is no answer.
    pub fn ask(&mut self, ask: StatsAsk) -> Result<StatsReply, Failure> {
        let reply = self.reached.ask::<StatsReply>(Command::Stats(Box::new(ask)))?;
        let news: Vec<String> =
            reply.left_out.iter().filter(|day| !self.said.contains(day)).cloned().collect();
        if !news.is_empty() {
            eprintln!("Without these days (UTC), which can't be read: {}", news.join(", "));
            self.said.extend(news);
        }
        Ok(reply)
    }

    /// Puts the directory down.
    pub fn close(self) {
        self.reached.close();
    }
}

/// What all questions of one command have.
pub fn common_ask(common: &Common) -> StatsAsk {
    StatsAsk {
        account: common.account.clone(),
        from: common.from.clone(),
        to: common.to.clone(),
        tz: Some(common.tz.clone()),
        hashids: common.hashids.clone(),
        engines: common.engines.clone(),
        ..StatsAsk::default()
    }
}
