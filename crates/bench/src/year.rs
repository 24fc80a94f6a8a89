//! A year of clicks, any number of them, the same whenever it is made: one click after the other, nearly in the order
//! of time, as a server hears of them. It must never know where they go.

use clicks::conformance::Dice;
use clicks::{Click, NameError, ProductType};

use crate::names::ACCOUNT;
use crate::rhythm::{Rhythm, YEAR_FIRST_MS};
use crate::visitors::{Visitor, Visitors, hex_16};
use crate::world::World;

const SEED: u64 = 2025;
/// Places in a result list that are clicked.
const RANKS: usize = 40;

/// What the clicks tell besides what all clicks tell.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Telling {
    /// Ids that make them count once.
    pub ids: bool,
    /// Which search they came from, and when it was made.
    pub query_ids: bool,
}

/// The clicks of a year.
#[derive(Debug)]
pub struct Year<'w> {
    world: &'w World,
    telling: Telling,
    dice: Dice,
    rhythm: Rhythm,
    visitors: Visitors,
    number: u64,
}

impl<'w> Year<'w> {
    /// A year of so many clicks.
    ///
    /// # Errors
    /// None; names that are checked.
    pub fn new(world: &'w World, clicks: u64, telling: Telling) -> Result<Self, NameError> {
        let mut dice = Dice::new(SEED);
        let rhythm = Rhythm::new(clicks, &mut dice);
        let visitors = Visitors::new(clicks, world, &mut dice)?;
        Ok(Self { world, telling, dice, rhythm, visitors, number: 0 })
    }

    fn click(&mut self, heard_ms: i64) -> Result<Click, NameError> {
        self.number += 1;
        let dice = &mut self.dice;
        let Visitor { engine, device, user, session, search, terms } =
            self.visitors.next(self.world, dice)?;
        let (index, doc_id) = self.world.draw_item(*engine, dice);
        let at_ms = (heard_ms - delay_ms(dice)).max(YEAR_FIRST_MS);
        let product_type = kind(dice);
        // What was recommended or advertised was not asked for.
        let searched = !matches!(product_type, ProductType::Banner | ProductType::Recommendation);
        Ok(Click {
            account: ACCOUNT,
            engine: self.world.hashid(*engine),
            index: Some(index.clone()),
            doc_id: doc_id.clone(),
            at_ms,
            received_ms: heard_ms,
            id: self.telling.ids.then(|| hex_16(scrambled(self.number))),
            query_id: (searched && self.telling.query_ids).then(|| query_id(*search)),
            searched_ms: (searched && self.telling.query_ids).then(|| at_ms - 1_000 - below(dice, 60_000)),
            rank: searched.then(|| rank(dice)),
            device: *device,
            product_type,
            custom_result: None,
            terms: if searched { terms.clone() } else { None },
            user: user.clone(),
            session: session.clone(),
        })
    }
}

impl Iterator for Year<'_> {
    type Item = Result<Click, NameError>;

    fn next(&mut self) -> Option<Self::Item> {
        let heard_ms = self.rhythm.next(&mut self.dice)?;
        Some(self.click(heard_ms))
    }
}

/// How long a click was on its way: some are late enough to come after others, and after midnight.
fn delay_ms(dice: &mut Dice) -> i64 {
    if dice.once_in(200) { below(dice, 120_000) } else { below(dice, 2_000) }
}

fn below(dice: &mut Dice, bound: usize) -> i64 {
    i64::try_from(dice.below(bound)).unwrap_or(0)
}

fn kind(dice: &mut Dice) -> ProductType {
    match dice.below(200) {
        0..176 => ProductType::Search,
        176..186 => ProductType::Recommendation,
        186..192 => ProductType::Banner,
        192..196 => ProductType::CustomResult,
        196..199 => ProductType::Aichat,
        _ => ProductType::Quizz,
    }
}

/// What stands on top is clicked most.
fn rank(dice: &mut Dice) -> u32 {
    let place = dice.below(RANKS).min(dice.below(RANKS)).min(dice.below(RANKS));
    u32::try_from(place + 1).unwrap_or(1)
}

/// Another number for each number, without an order that could be seen.
const fn scrambled(number: u64) -> u64 {
    number.wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

/// As a search site makes them: 32 hexadecimal digits.
fn query_id(search: u64) -> Box<str> {
    let (first, second) = (hex_16(scrambled(search)), hex_16(scrambled(search ^ u64::MAX)));
    [&*first, &*second].concat().into_boxed_str()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use clicks::Device;

    use super::*;

    fn year(world: &World, clicks: u64, telling: Telling) -> Vec<Click> {
        Year::new(world, clicks, telling).unwrap().map(Result::unwrap).collect()
    }

    #[test]
    fn a_year_is_the_same_each_time_and_made_as_described() {
        let world = World::new().unwrap();
        let telling = Telling { ids: true, query_ids: true };
        let clicks = year(&world, 200_000, telling);
        assert_eq!(clicks.len(), 200_000);
        assert_eq!(clicks[..5_000], year(&world, 200_000, telling)[..5_000]);

        let share = |passes: &dyn Fn(&Click) -> bool| {
            clicks.iter().filter(|click| passes(click)).count() as f64 / clicks.len() as f64
        };
        assert!((share(&|click| click.device == Some(Device::Mobile)) - 0.62).abs() < 0.01);
        assert!((share(&|click| click.product_type == ProductType::Search) - 0.88).abs() < 0.01);
        // A busiest of twenty by Zipf's law has 28 %.
        assert!((share(&|click| click.engine == crate::names::engine(0)) - 0.278).abs() < 0.01);
        assert!(ProductType::ALL.iter().all(|kind| share(&|click| click.product_type == *kind) > 0.003));

        let distinct =
            |of: &dyn Fn(&Click) -> Option<String>| clicks.iter().filter_map(of).collect::<HashSet<_>>();
        let users = distinct(&|click| click.user.as_ref().map(ToString::to_string));
        assert!((60_000..68_000).contains(&users.len()), "{}", users.len());
        assert!(users.iter().all(|user| user.len() == 20));
        assert_eq!(distinct(&|click| click.id.as_ref().map(ToString::to_string)).len(), clicks.len());
        assert_eq!(distinct(&|click| Some(click.engine.to_string())).len(), crate::names::ENGINES);

        let late = clicks.windows(2).filter(|pair| pair[1].at_ms < pair[0].at_ms).count();
        assert!((1..clicks.len() / 50).contains(&late), "{late} clicks out of order");
        assert!(clicks.iter().all(|click| (0..120_000).contains(&(click.received_ms - click.at_ms))));
    }

    #[test]
    fn what_is_not_told_is_left_out_and_changes_nothing_else() {
        let world = World::new().unwrap();
        let plain = year(&world, 1_000, Telling::default());
        assert!(plain.iter().all(|click| click.id.is_none() && click.query_id.is_none()));
        let with_ids = year(&world, 1_000, Telling { ids: true, query_ids: false });
        assert!(plain.iter().zip(with_ids).all(|(plain, told)| Click { id: None, ..told } == *plain));
    }
}
