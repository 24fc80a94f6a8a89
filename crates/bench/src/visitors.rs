//! Who clicks: some visitors at a time, each with about three clicks, a search or two, one engine and one device. It
//! must never know when.

use clicks::conformance::Dice;
use clicks::{Device, NameError, SearchTerms, UserCode};

use crate::world::World;

const CODE_CHARS: usize = 20;
const CODE: &[u8; 63] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_";

/// A visitor and what they are looking at.
#[derive(Debug, Clone)]
pub struct Visitor {
    /// The engine, as a number of the world's.
    pub engine: usize,
    /// What is held in the hand; one in a hundred tells nothing of it.
    pub device: Option<Device>,
    /// Who it is; one in twenty-five asked not to be known, and has no session either.
    pub user: Option<UserCode>,
    /// The session.
    pub session: Option<Box<str>>,
    /// The present search, by number.
    pub search: u64,
    /// What was asked for in it.
    pub terms: Option<SearchTerms>,
}

/// The visitors of the moment.
#[derive(Debug)]
pub struct Visitors {
    here: Vec<Visitor>,
    searches: u64,
}

/// How many clicks of a year there are for each visitor who is here at a time: with it a visitor clicks every five
/// minutes, however many clicks the year has.
const CLICKS_PER_VISITOR: u64 = 100_000;

impl Visitors {
    /// The visitors of a year with so many clicks.
    ///
    /// # Errors
    /// None; names that are checked.
    pub fn new(clicks: u64, world: &World, dice: &mut Dice) -> Result<Self, NameError> {
        let mut visitors = Self { here: Vec::new(), searches: 0 };
        for _ in 0..=clicks / CLICKS_PER_VISITOR {
            let visitor = visitors.come(world, dice)?;
            visitors.here.push(visitor);
        }
        Ok(visitors)
    }

    /// Who clicks next.
    ///
    /// # Errors
    /// None; names that are checked.
    pub fn next(&mut self, world: &World, dice: &mut Dice) -> Result<&Visitor, NameError> {
        let place = dice.below(self.here.len());
        match dice.below(12) {
            // Leaves, and another comes: so each clicks three times, some once and some ten times.
            0..4 => self.here[place] = self.come(world, dice)?,
            4..7 => {
                self.searches += 1;
                let visitor = &mut self.here[place];
                visitor.search = self.searches;
                visitor.terms = world.draw_terms(dice).cloned();
            }
            7 => {
                let visitor = &mut self.here[place];
                visitor.session = visitor.user.is_some().then(|| session(dice));
            }
            _ => {}
        }
        Ok(&self.here[place])
    }

    fn come(&mut self, world: &World, dice: &mut Dice) -> Result<Visitor, NameError> {
        self.searches += 1;
        let known = !dice.once_in(25);
        Ok(Visitor {
            engine: world.draw_engine(dice),
            device: match dice.below(100) {
                0..62 => Some(Device::Mobile),
                62..99 => Some(Device::Desktop),
                _ => None,
            },
            user: if known { Some(code(dice).parse()?) } else { None },
            session: known.then(|| session(dice)),
            search: self.searches,
            terms: world.draw_terms(dice).cloned(),
        })
    }
}

/// Twenty characters, four of each throw.
fn code(dice: &mut Dice) -> String {
    let mut text = String::with_capacity(CODE_CHARS);
    while text.len() < CODE_CHARS {
        let throw = dice.throw();
        text.extend([0, 16, 32, 48].map(|bits| {
            let place = (((throw >> bits) & 0xffff) * CODE.len() as u64) >> 16;
            char::from(CODE[usize::try_from(place).unwrap_or(0)])
        }));
    }
    text
}

fn session(dice: &mut Dice) -> Box<str> {
    hex_16(dice.throw())
}

/// Sixteen hexadecimal digits.
pub fn hex_16(number: u64) -> Box<str> {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |place: u32| char::from(DIGITS[usize::from((number >> (4 * place)).to_le_bytes()[0] & 15)]);
    let mut text = String::with_capacity(16);
    text.extend((0..16).rev().map(digit));
    text.into_boxed_str()
}
