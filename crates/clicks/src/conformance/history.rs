//! Random histories: a store and the oracle live through the same recordings, questions, reopenings and crashes, and
//! have to agree after each.

use std::sync::Arc;

use pollster::block_on;

use crate::click::{Click, Device, ProductType};
use crate::conformance::dice::Dice;
use crate::conformance::world::{
    ACCOUNT, ENGINE, HOUR_MS, JOIN_MS, NOON_MS, OTHER_ACCOUNT, SECOND_ENGINE, days, scan, scan_all, terms,
};
use crate::conformance::{Candidate, Failure, Verdict, same};
use crate::filter::ClickFilter;
use crate::item::{Dfid, ItemDigest};
use crate::memory::MemoryStore;
use crate::names::{AccountCode, EngineIndex, Hashid};
use crate::question::{Grouping, Measure, Question};
use crate::search::{Search, SearchKind};
use crate::store::{Forget, Forgotten, Outcome, Record, Store, StoreError};

// The names are few, so that they meet: the same id twice, two searches with one id, clicks before their search.
const ACCOUNTS: [AccountCode; 2] = [ACCOUNT, OTHER_ACCOUNT];
const ENGINES: [Hashid; 3] = [ENGINE, SECOND_ENGINE, Hashid::from_bytes([0x33; 16])];
const INDICES: [&str; 2] = ["product", "page"];
const DOC_IDS: [&str; 4] = ["a", "b", "c", "d"];
const CLICK_IDS: [&str; 12] = ["1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12"];
const QUERY_IDS: [&str; 8] = ["q1", "q2", "q3", "q4", "q5", "q6", "q7", "q8"];
const TYPED: [&str; 4] = ["Red  Shoes", "red shoes", "STRASSE", "straße"];
const CUSTOM_RESULTS: [&str; 3] = ["7", "8", "summer sale"];
const USERS: [&str; 2] = ["anna", "ben"];
const DEVICES: [Device; 2] = [Device::Desktop, Device::Mobile];
/// Around these instants the dice throw their clicks: an ordinary noon, and changes of the clock in the zones below.
const MOMENTS_MS: [i64; 4] = [NOON_MS, 1_729_990_800_000, 1_289_097_060_000, 1_325_239_200_000];
const ZONES: [&str; 5] = ["Z", "Europe/Madrid", "America/St_Johns", "Pacific/Apia", "+05:45"];
const PERIODS: [(&str, &str); 7] = [
    ("20240531", "20240531"),
    ("20240528", "20240603"),
    ("20241026", "20241028"),
    ("20101105", "20101109"),
    ("20111228", "20120101"),
    ("1717156800", "1717160400000"),
    ("20240531", "1717156800123"),
];

const STEPS_MAX: usize = 24;
const BATCH_RECORDS_MAX: usize = 6;
const BATCHES_IN_FLIGHT_MAX: usize = 3;
const DAY_MS: i64 = 24 * HOUR_MS;

/// Lets a candidate, which must be empty, live through the history that `seed` tells, next to the oracle.
///
/// # Errors
/// What differed, with the seed and the step.
pub fn random_history(candidate: &mut dyn Candidate, seed: u64) -> Verdict {
    let mut history = History {
        candidate,
        dice: Dice::new(seed),
        oracle: MemoryStore::new(JOIN_MS),
        kept: Vec::new(),
        now_ms: NOON_MS,
    };
    let steps = 1 + history.dice.below(STEPS_MAX);
    (0..steps)
        .try_for_each(|step| history.step().map_err(|failure| failure.at(format!("step {step}"))))
        .and_then(|()| history.compare_all())
        .map_err(|failure| failure.at(format!("seed {seed}")))
}

struct History<'c> {
    candidate: &'c mut dyn Candidate,
    dice: Dice,
    oracle: MemoryStore,
    /// Every call that took effect, in order: an oracle can be made of them anew.
    kept: Vec<Call>,
    /// The server's clock, which never runs backwards.
    now_ms: i64,
}

/// A call that changes a store.
#[derive(Debug, Clone)]
enum Call {
    Append(Vec<Record>),
    Forget(Forget),
}

/// What a call was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Answer {
    Appended(Vec<Outcome>),
    Forgot(Forgotten),
}

impl Call {
    fn make(&self, store: &dyn Store) -> Result<Answer, StoreError> {
        match self {
            Self::Append(batch) => block_on(store.append(batch.clone())).map(Answer::Appended),
            Self::Forget(what) => store.forget(what).map(Answer::Forgot),
        }
    }
}

/// What a store holds, as its readers see it, and how it refuses two questions about the earliest days: one that counts
/// may answer, and one that they can't.
type Contents = (Vec<Click>, Vec<Search>, [Option<StoreError>; 2]);

impl History<'_> {
    fn step(&mut self) -> Verdict {
        match self.dice.below(20) {
            0..=8 => self.record().map_err(|failure| failure.at("record")),
            9..=11 => self.ask().map_err(|failure| failure.at("ask")),
            12 => self.scan().map_err(|failure| failure.at("scan")),
            13 => self.compare_all(),
            14 => {
                self.candidate.reopen();
                self.compare_all().map_err(|failure| failure.at("reopen"))
            }
            15 => self.crash().map_err(|failure| failure.at("crash")),
            16 => self.forget().map_err(|failure| failure.at("forget")),
            _ => {
                // Each without the other too: what was recorded since the last sealing has to follow a merging.
                let both = self.dice.below(3);
                if both != 0 {
                    self.candidate.seal();
                }
                if both != 1 {
                    self.candidate.merge();
                }
                self.compare_all().map_err(|failure| failure.at("seal"))
            }
        }?;
        self.ask().map_err(|failure| failure.at("ask"))
    }

    fn record(&mut self) -> Verdict {
        let call = Call::Append(self.batch()?);
        self.call(call)
    }

    fn forget(&mut self) -> Verdict {
        let call = Call::Forget(self.what_to_forget()?);
        self.call(call)?;
        self.compare_all()
    }

    fn call(&mut self, call: Call) -> Verdict {
        let found = call.make(self.candidate.store())?;
        let wanted = call.make(&self.oracle)?;
        self.kept.push(call);
        same("the answer", &found, &wanted)
    }

    /// Seldom days, since hardly anything is left after them.
    fn what_to_forget(&mut self) -> Result<Forget, Failure> {
        let dice = &mut self.dice;
        if dice.once_in(3) {
            let at_ms = dice.pick(&MOMENTS_MS) + dice.pick(&[0, DAY_MS, -DAY_MS]);
            let day = i32::try_from(at_ms.div_euclid(DAY_MS)).unwrap_or_default();
            return Ok(Forget::DaysBefore { day, keep_counts: dice.once_in(2) });
        }
        Ok(Forget::Visitor { account: *dice.pick(&ACCOUNTS), user: dice.pick::<&str>(&USERS).parse()? })
    }

    fn ask(&mut self) -> Verdict {
        let question = self.question()?;
        let removed = |answer| match answer {
            Err(error @ StoreError::Removed { .. }) => Ok(Err(error)),
            other => other.map(Ok),
        };
        let found = removed(self.candidate.store().tally(&question, &|| false))?;
        let wanted = removed(self.oracle.tally(&question, &|| false))?;
        let Question { measure, grouping, filter, matching, .. } = question;
        same(&format!("{measure:?}, {grouping:?}, {matching:?} of {filter:?}"), &found, &wanted)
    }

    fn scan(&mut self) -> Verdict {
        let filter = self.filter()?;
        let from_ms = self.instant_ms();
        let until_ms = from_ms + *self.dice.pick(&[1, HOUR_MS, 40 * HOUR_MS, 100_000 * HOUR_MS]);
        let found = scan(self.candidate.store(), from_ms, until_ms, &filter)?;
        same(&format!("{filter:?}"), &found, &scan(&self.oracle, from_ms, until_ms, &filter)?)
    }

    fn compare_all(&mut self) -> Verdict {
        same("contents", &contents(self.candidate.store())?, &contents(&self.oracle)?)
    }

    /// Loses the power, with calls in flight where the candidate can arrange that. Of the calls that were refused,
    /// each may have taken effect or not, but only as a whole; those that were answered must have.
    fn crash(&mut self) -> Verdict {
        let seed = self.dice.throw();
        let mut in_flight = Vec::new();
        let mut answers = Vec::new();
        if self.candidate.unplug_soon(seed) {
            let batches = self.dice.below(BATCHES_IN_FLIGHT_MAX + 1);
            in_flight =
                (0..batches).map(|_| self.batch().map(Call::Append)).collect::<Result<Vec<_>, _>>()?;
            let (seals, merges, at_once) = (self.dice.once_in(2), self.dice.once_in(2), self.dice.once_in(2));
            answers = send(self.candidate.store(), &in_flight, at_once);
            if seals {
                self.candidate.seal();
            }
            if merges {
                self.candidate.merge();
            }
            if self.dice.once_in(2) {
                let call = Call::Forget(self.what_to_forget()?);
                answers.push(call.make(self.candidate.store()));
                in_flight.push(call);
            }
        }
        if !self.candidate.crash(seed) {
            return Ok(());
        }
        let found = contents(self.candidate.store())?;
        // From all of the calls to none: which of them are missing.
        for missing in 0..1_u32 << in_flight.len() {
            let (oracle, explains) = self.world_without(missing, &in_flight, &answers)?;
            if explains && contents(&oracle)? == found {
                let survived = |(place, call)| (missing & 1_u32 << place == 0).then_some(call);
                self.kept.extend(in_flight.into_iter().enumerate().filter_map(survived));
                self.oracle = oracle;
                return Ok(());
            }
        }
        let kept = contents(&self.oracle)?;
        Err(Failure::new(format!(
            "{found:?}\nis no outcome of {answers:?}\nfor {in_flight:?}\nafter {kept:?}"
        )))
    }

    /// The world in which the missing calls never were, and whether it explains the answers to the others.
    fn world_without(
        &self,
        missing: u32,
        in_flight: &[Call],
        answers: &[Result<Answer, StoreError>],
    ) -> Result<(MemoryStore, bool), Failure> {
        let oracle = MemoryStore::new(JOIN_MS);
        for call in &self.kept {
            call.make(&oracle)?;
        }
        let mut explains = true;
        for (place, (call, answer)) in in_flight.iter().zip(answers).enumerate() {
            let wanted = if missing & 1_u32 << place == 0 { Some(call.make(&oracle)?) } else { None };
            explains &= answer.as_ref().is_err() || answer.as_ref().ok() == wanted.as_ref();
        }
        Ok((oracle, explains))
    }

    fn batch(&mut self) -> Result<Vec<Record>, Failure> {
        if self.dice.once_in(3) {
            self.now_ms += *self.dice.pick(&[1, JOIN_MS / 3, JOIN_MS]);
        }
        let records = 1 + self.dice.below(BATCH_RECORDS_MAX);
        let record = |_| {
            Ok(if self.dice.once_in(3) {
                Record::Search(self.search()?)
            } else {
                Record::Click(self.click()?)
            })
        };
        (0..records).map(record).collect()
    }

    fn instant_ms(&mut self) -> i64 {
        // A day, and a millisecond more, are the ends of what makes a search a clicked one.
        let edges = [
            -1,
            0,
            1,
            123,
            HOUR_MS,
            -HOUR_MS,
            13 * HOUR_MS,
            -30 * HOUR_MS,
            DAY_MS,
            DAY_MS + 1,
            -DAY_MS,
            -DAY_MS - 1,
        ];
        self.dice.pick(&MOMENTS_MS) + self.dice.pick(&edges)
    }

    fn click(&mut self) -> Result<Click, Failure> {
        let at_ms = self.instant_ms();
        let dice = &mut self.dice;
        Ok(Click {
            account: *dice.pick(&ACCOUNTS),
            engine: *dice.pick(&ENGINES),
            index: dice.pick_or_none(2, &INDICES).map(str::parse).transpose()?,
            doc_id: dice.pick(&DOC_IDS).parse()?,
            at_ms,
            received_ms: self.now_ms,
            id: dice.pick_or_none(2, &CLICK_IDS).map(Box::from),
            query_id: dice.pick_or_none(4, &QUERY_IDS).map(Box::from),
            searched_ms: dice.pick_or_none(2, &MOMENTS_MS),
            rank: dice.pick_or_none(2, &[0, 1, 300, 10_000]),
            device: dice.pick_or_none(2, &DEVICES),
            product_type: *dice.pick(&ProductType::ALL),
            custom_result: dice.pick_or_none(2, &CUSTOM_RESULTS).map(str::parse).transpose()?,
            terms: dice.pick_or_none(2, &TYPED).map(terms).transpose()?,
            user: dice.pick_or_none(2, &USERS).map(str::parse).transpose()?,
            session: dice.pick_or_none(2, &USERS).map(Box::from),
        })
    }

    fn search(&mut self) -> Result<Search, Failure> {
        let dice = &mut self.dice;
        let id = *dice.pick(&QUERY_IDS);
        let indices = &INDICES[..dice.below(INDICES.len() + 1)];
        let shown = dice.once_in(2).then(|| &DOC_IDS[..dice.below(DOC_IDS.len())]);
        Ok(Search {
            kind: *dice.pick(&[
                SearchKind::Asked,
                SearchKind::Asked,
                SearchKind::Opened,
                SearchKind::Redirected,
            ]),
            account: *dice.pick(&ACCOUNTS),
            id: id.into(),
            engine: *dice.pick(&ENGINES),
            indices: indices.iter().map(|index| index.parse()).collect::<Result<_, _>>()?,
            query: dice.pick_or_none(4, &TYPED).map(Box::from),
            doc_ids: shown.map(|ids| ids.iter().map(|id| id.parse()).collect()).transpose()?,
            device: dice.pick_or_none(2, &DEVICES),
            at_ms: dice.pick(&MOMENTS_MS) + dice.pick(&[0, 0, 123, -HOUR_MS, 13 * HOUR_MS]),
            received_ms: self.now_ms,
            total_hits: dice.pick_or_none(2, &[0, 12, 300, 5_000_000_000]),
            user: dice.pick_or_none(2, &USERS).map(str::parse).transpose()?,
            session: dice.pick_or_none(2, &USERS).map(Box::from),
        })
    }

    fn filter(&mut self) -> Result<ClickFilter, Failure> {
        let dice = &mut self.dice;
        let mut engines = ENGINES.to_vec();
        engines.retain(|_| !dice.once_in(4));
        let mut filter = ClickFilter::all(*dice.pick(&ACCOUNTS), engines);
        filter.device = dice.pick_or_none(2, &DEVICES);
        filter.terms = dice.pick_or_none(2, &TYPED).map(terms).transpose()?;
        if dice.once_in(3) {
            let place = |_| -> Result<EngineIndex, Failure> {
                Ok(EngineIndex { engine: *dice.pick(&ENGINES), index: dice.pick(&INDICES).parse()? })
            };
            filter.places = Some((0..3).map(place).collect::<Result<_, _>>()?);
        }
        if dice.once_in(4) {
            let doc_id: &str = dice.pick::<&str>(&DOC_IDS);
            let digest = ItemDigest::of(doc_id);
            filter.item =
                Some(Dfid { engine: *dice.pick(&ENGINES), index: dice.pick(&INDICES).parse()?, digest });
        }
        if dice.once_in(6) {
            filter.doc_id = Some(dice.pick::<&str>(&DOC_IDS).parse()?);
        }
        if dice.once_in(3) {
            filter.product_types = vec![*dice.pick(&ProductType::ALL), *dice.pick(&ProductType::ALL)];
        }
        if dice.once_in(6) {
            filter.custom_result = Some(dice.pick::<&str>(&CUSTOM_RESULTS).parse()?);
        }
        if dice.once_in(6) {
            (filter.hits, filter.hits_not) =
                *dice.pick(&[(Some(0), None), (None, Some(0)), (Some(12), Some(0))]);
        }
        Ok(filter)
    }

    fn question(&mut self) -> Result<Question, Failure> {
        // Half of the questions have no filter but the engines, or few of them would count anything.
        let filter = if self.dice.once_in(2) {
            ClickFilter::all(*self.dice.pick(&ACCOUNTS), ENGINES.to_vec())
        } else {
            self.filter()?
        };
        let groupings = [
            Grouping::Day,
            Grouping::DayAndEngine,
            Grouping::Engine,
            Grouping::Device,
            Grouping::Terms { rows_max: 100 },
            Grouping::Terms { rows_max: 1 },
            Grouping::Items { rows_max: 100 },
            Grouping::Items { rows_max: 2 },
            Grouping::ItemRanks { rows_max: 100 },
            Grouping::ItemRanks { rows_max: 2 },
            Grouping::CustomResults { rows_max: 100 },
            Grouping::CustomResults { rows_max: 2 },
            Grouping::Distinct,
            Grouping::Index,
            Grouping::ProductType,
            Grouping::Rank,
            Grouping::ItemsReport { rows_max: 100 },
            Grouping::ItemsReport { rows_max: 2 },
            // As often as all others together: they are counted in a way of their own.
            Grouping::ClickThrough,
            Grouping::ClickThrough,
            Grouping::ClickThrough,
            Grouping::ClickThrough,
            Grouping::ClickThrough,
            Grouping::TermsReport { rows_max: 100 },
            Grouping::TermsReport { rows_max: 100 },
            Grouping::TermsReport { rows_max: 100 },
            Grouping::TermsReport { rows_max: 2 },
            Grouping::TermsReport { rows_max: 1 },
        ];
        let (from, to) = *self.dice.pick(&PERIODS);
        let zone: &str = self.dice.pick::<&str>(&ZONES);
        let days = days(from, to, zone)?;
        let measure = *self.dice.pick(&[
            Measure::Clicks,
            Measure::Clicks,
            Measure::Clicks,
            Measure::Searches,
            Measure::Openings,
            Measure::Redirections,
        ]);
        let grouping = *self.dice.pick(&groupings);
        let matching = self.dice.once_in(3).then(|| Box::from(*self.dice.pick(&["a", "red", "ss"])));
        Ok(Question { days, measure, filter, grouping, matching })
    }
}

/// Hands calls in, all at once or one after the other, and returns what was answered.
fn send(store: &dyn Store, calls: &[Call], at_once: bool) -> Vec<Result<Answer, StoreError>> {
    if !at_once {
        return calls.iter().map(|call| call.make(store)).collect();
    }
    let promise = |call: &Call| match call {
        Call::Append(batch) => Some(store.append(batch.clone())),
        Call::Forget(_) => None,
    };
    let promises: Vec<_> = calls.iter().filter_map(promise).collect();
    promises.into_iter().map(|promise| block_on(promise).map(Answer::Appended)).collect()
}

fn contents(store: &dyn Store) -> Result<Contents, Failure> {
    let (mut clicks, mut searches) = (Vec::new(), Vec::new());
    for account in ACCOUNTS {
        clicks.extend(scan_all(store, &ClickFilter::all(account, ENGINES.to_vec()))?);
        for id in QUERY_IDS {
            searches.extend(store.searches(Some(account), id)?.iter().map(|search| (**search).clone()));
        }
    }
    let (days, filter) = (days("20050101", "20050101", "Z")?, ClickFilter::all(ACCOUNT, ENGINES.to_vec()));
    let refused = |grouping| {
        let question = Question::clicks(Arc::clone(&days), filter.clone(), grouping);
        store.tally(&question, &|| false).err()
    };
    Ok((clicks, searches, [Grouping::Day, Grouping::Terms { rows_max: 1 }].map(refused)))
}
