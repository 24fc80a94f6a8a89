//! The world in which clicks happen: which items belong to which index of which engine, and how likely each is. It
//! must never know a time or a visitor.

use clicks::conformance::Dice;
use clicks::{DocId, EngineIndex, Hashid, IndexName, NameError, SearchTerms};

use crate::likely::{Likely, Zipf};
use crate::names::{ENGINES, ITEMS, TERMS, doc_id, index_shares, place, terms};

/// One index of an engine, and its items, the most clicked first.
#[derive(Debug)]
struct Shelf {
    name: IndexName,
    first_item: usize,
    items: Zipf,
}

/// One search engine.
#[derive(Debug)]
struct Engine {
    hashid: Hashid,
    shelves: Vec<Shelf>,
    likely: Likely,
}

/// All that has a name, ready to be drawn.
#[derive(Debug)]
pub struct World {
    engines: Vec<Engine>,
    likely: Zipf,
    doc_ids: Vec<DocId>,
    terms: Vec<Option<SearchTerms>>,
    likely_terms: Zipf,
}

/// How many items each index of each engine has: as its share of the clicks is.
///
/// An engine has at least two hundredths of the mean, so that the smallest has something to sell.
fn items_of_places() -> Vec<Vec<usize>> {
    let weight = |rank: usize| 1_000_000 / (rank + 1);
    let sum: usize = (0..ENGINES).map(weight).sum();
    let mut counts: Vec<Vec<usize>> = (0..ENGINES)
        .map(|rank| {
            let items = ITEMS * weight(rank) / sum;
            index_shares(rank).iter().map(|(_, share)| items * share / 1_000).collect()
        })
        .collect();
    let given: usize = counts.iter().flatten().sum();
    counts[0][0] += ITEMS - given;
    counts
}

/// The item that is clicked `rank`th of an engine's index, from 0; `None` beyond its items.
///
/// # Errors
/// None; names that are checked.
pub fn item(
    engine_rank: usize,
    index_number: usize,
    rank: usize,
) -> Result<Option<(EngineIndex, DocId)>, NameError> {
    let counts = items_of_places();
    let here = (engine_rank, index_number);
    let places = counts.iter().enumerate().flat_map(|(engine, indices)| {
        indices.iter().enumerate().map(move |(index, count)| ((engine, index), *count))
    });
    let first: usize = places.clone().take_while(|(place, _)| *place != here).map(|(_, count)| count).sum();
    let Some((_, count)) = places.clone().find(|(place, _)| *place == here) else { return Ok(None) };
    if rank >= count {
        return Ok(None);
    }
    let (index, _) = index_shares(engine_rank)[index_number];
    Ok(Some((place(engine_rank, index)?, doc_id(engine_rank, first + rank)?)))
}

impl World {
    /// Makes it; takes a second and 150 MB.
    ///
    /// # Errors
    /// None; names that are checked.
    pub fn new() -> Result<Self, NameError> {
        let mut engines = Vec::with_capacity(ENGINES);
        let mut doc_ids = Vec::with_capacity(ITEMS);
        for (rank, counts) in items_of_places().into_iter().enumerate() {
            let shares = index_shares(rank);
            let mut shelves = Vec::with_capacity(shares.len());
            for ((index, _), count) in shares.iter().zip(&counts) {
                let place = place(rank, index)?;
                shelves.push(Shelf {
                    name: place.index,
                    first_item: doc_ids.len(),
                    items: Zipf::new(*count),
                });
                for item in doc_ids.len()..doc_ids.len() + count {
                    doc_ids.push(doc_id(rank, item)?);
                }
            }
            let hashid = crate::names::engine(rank);
            engines.push(Engine {
                hashid,
                shelves,
                likely: Likely::new(counts.iter().map(|&count| count as u64)),
            });
        }
        Ok(Self {
            engines,
            likely: Zipf::new(ENGINES),
            doc_ids,
            terms: (0..TERMS).map(terms).collect(),
            likely_terms: Zipf::new(TERMS),
        })
    }

    /// Draws an engine.
    pub fn draw_engine(&self, dice: &mut Dice) -> usize {
        self.likely.draw(dice)
    }

    /// An engine's hashid.
    pub fn hashid(&self, engine: usize) -> Hashid {
        self.engines[engine].hashid
    }

    /// Draws an item of an engine, with its index.
    pub fn draw_item(&self, engine: usize, dice: &mut Dice) -> (&IndexName, &DocId) {
        let engine = &self.engines[engine];
        let shelf = &engine.shelves[engine.likely.draw(dice)];
        (&shelf.name, &self.doc_ids[shelf.first_item + shelf.items.draw(dice)])
    }

    /// Draws search terms.
    pub fn draw_terms(&self, dice: &mut Dice) -> Option<&SearchTerms> {
        self.terms[self.likely_terms.draw(dice)].as_ref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_item_by_its_place_is_the_one_that_is_drawn() {
        let world = World::new().unwrap();
        assert_eq!(world.doc_ids.len(), ITEMS);
        for (engine, index, rank) in [(0, 0, 0), (0, 1, 5), (7, 2, 100), (19, 1, 3)] {
            let (place, doc) = item(engine, index, rank).unwrap().unwrap();
            let shelf = &world.engines[engine].shelves[index];
            assert_eq!(place, EngineIndex { engine: world.hashid(engine), index: shelf.name.clone() });
            assert_eq!(doc, world.doc_ids[shelf.first_item + rank]);
        }
        assert_eq!(item(0, 2, 0), Ok(None));
        assert_eq!(item(0, 1, ITEMS), Ok(None));
    }
}
