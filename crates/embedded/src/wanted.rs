//! A filter in the numbers of the dictionaries: names are looked up once for each question, and rows are compared by
//! number. A name that no row has can match none. It must never know which period or grouping is asked for.

use clicks::{ClickFilter, CustomResultId, DocId, Measure, SearchKind};

use crate::evaluate::Columns;
use crate::index::part_quarters::Kind;
use crate::names::{ItemName, Names, SEVERAL, UNTOLD};
use crate::recent::{hits_figure, search_code, search_codes};
use crate::record::device_code;

/// Which rows of a block pass a filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Passing {
    /// None of them.
    None,
    /// Each of them.
    All,
    /// Those whose byte in the mask is 1.
    Some,
}

/// A filter, resolved against the dictionaries that the rows' numbers come from.
#[derive(Debug)]
pub struct Wanted {
    /// By engine number: the place in the filter's list and one more, or 0 for an engine that is not wanted.
    engines: Vec<u32>,
    /// By index number: whether the index is wanted; `None` when all are.
    indices: Option<Vec<bool>>,
    /// By number of several indices: whether one of them is wanted.
    several: Vec<bool>,
    /// One more than the greatest number of an index.
    indices_end: usize,
    /// Where items are wanted they are in wanted engines and indices.
    items: Option<Vec<u32>>,
    terms: Option<u32>,
    /// Where results placed by hand are wanted: their numbers, each of a wanted engine.
    customs: Option<Vec<u32>>,
    device: Option<u8>,
    /// By product number: whether it is wanted; `None` when all are.
    products: Option<[bool; 256]>,
    /// Figures that rows have to have, or must not have, where kinds don't tell.
    figure: Option<u64>,
    figure_not: Option<u64>,
    /// Some part can't be matched by any row.
    nothing: bool,
}

impl Wanted {
    /// Looks up a filter's names. Rows that are recorded later may have names that it doesn't know.
    pub fn new(measure: Measure, filter: &ClickFilter, names: &Names) -> Self {
        let mut wanted = Self {
            engines: vec![0; names.engines.numbers_end()],
            indices: None,
            several: Vec::new(),
            indices_end: names.indices.numbers_end(),
            items: None,
            terms: None,
            customs: None,
            device: filter.device.map(|device| device_code(Some(device))),
            products: None,
            figure: None,
            figure_not: None,
            nothing: true,
        };
        for (place, engine) in (1..).zip(&filter.engines) {
            if let Some(number) = names.engines.number(&(filter.account, *engine)) {
                set(&mut wanted.engines, number, place);
                wanted.nothing = false;
            }
        }
        wanted.want_indices(filter, names);
        if let Some(doc_id) = &filter.doc_id {
            wanted.want_id(doc_id, names);
        }
        if let Some(id) = &filter.custom_result {
            wanted.want_custom_result(id, names);
        }
        if let Some(terms) = &filter.terms {
            wanted.terms = names.terms.number(terms);
            wanted.nothing |= wanted.terms.is_none();
        }
        match measure.searches() {
            None => wanted.nothing |= filter.hits.is_some(),
            Some(kind) => {
                wanted.nothing |= filter.item.is_some()
                    || filter.custom_result.is_some()
                    || !filter.product_types.is_empty();
                wanted.want_searches(kind, filter);
            }
        }
        if !filter.product_types.is_empty() {
            let mut products = [false; 256];
            for product_type in &filter.product_types {
                products[usize::from(product_type.number())] = true;
            }
            wanted.products = Some(products);
        }
        wanted
    }

    /// Searches of one kind. Whether anything was found is told by kinds too; how much is looked up where a number is asked for.
    fn want_searches(&mut self, kind: SearchKind, filter: &ClickFilter) {
        let mut products = [false; 256];
        for code in search_codes(kind) {
            products[usize::from(*code)] = true;
        }
        let code = |hits| usize::from(search_code(kind, Some(hits)));
        let tells_hits = kind == SearchKind::Asked;
        if let Some(hits) = filter.hits {
            let passes = products[code(hits)] && tells_hits && filter.hits_not != Some(hits);
            products = [false; 256];
            products[code(hits)] = passes;
            self.nothing |= !passes;
            self.figure = (hits > 0).then(|| hits_figure(Some(hits)));
        } else if let Some(hits) = filter.hits_not.filter(|_| tells_hits) {
            products[code(hits)] &= hits > 0;
            self.figure_not = (hits > 0).then(|| hits_figure(Some(hits)));
        }
        self.products = Some(products);
    }

    /// Places, and the item, which has to be in one of them.
    fn want_indices(&mut self, filter: &ClickFilter, names: &Names) {
        let number = |engine, index: &clicks::IndexName| {
            let engine = names.engines.number(&(filter.account, engine))?;
            names.indices.number(&(engine, index.clone()))
        };
        if let Some(places) = &filter.places {
            let mut indices = vec![false; names.indices.numbers_end()];
            for place in places {
                if let Some(number) = number(place.engine, &place.index) {
                    set(&mut indices, number, true);
                }
            }
            let any = |several: &[u32]| several.iter().any(|index| get(&indices, *index));
            let several = |number| u32::try_from(number).ok().and_then(|number| names.several.name(number));
            let numbers = 0..names.several.numbers_end();
            self.several =
                numbers.map(|number| several(number).is_some_and(|several| any(several))).collect();
            self.indices = Some(indices);
        }
        let none = |indices: &Vec<bool>| !indices.contains(&true) && !self.several.contains(&true);
        self.nothing |= self.indices.as_ref().is_some_and(none);
        if let Some(item) = &filter.item {
            let engine = names.engines.number(&(filter.account, item.engine));
            let in_places = |index: &u32| self.indices.as_ref().is_none_or(|indices| get(indices, *index));
            let index = number(item.engine, &item.index).filter(in_places);
            let items = engine.zip(index).filter(|(engine, _)| self.engine_place(*engine).is_some());
            let items = items.map(|(engine, index)| names.items_with(engine, index, &item.digest));
            let items = items.unwrap_or_default();
            self.nothing |= items.is_empty();
            self.items = Some(items);
            // An item tells its index, and with it that the index is wanted.
            self.indices = None;
        }
    }

    /// Items with an id in whatever index: of those that are wanted already, where an item is.
    fn want_id(&mut self, doc_id: &DocId, names: &Names) {
        let item = |engine, index| names.items.number(&ItemName { engine, index, doc_id: doc_id.clone() });
        let in_none = self.engines().filter_map(|engine| item(engine, UNTOLD));
        let numbers = (1..).zip(names.indices.names());
        let in_indices = numbers.filter_map(|(index, (engine, _))| {
            self.engine_place(*engine)?;
            item(*engine, index)
        });
        let mut items: Vec<u32> = in_none.chain(in_indices).collect();
        if let Some(wanted) = &self.items {
            items.retain(|item| wanted.contains(item));
        }
        self.nothing |= items.is_empty();
        self.items = Some(items);
    }

    /// A result placed by hand, of whatever engine.
    fn want_custom_result(&mut self, id: &CustomResultId, names: &Names) {
        let number = |engine| names.custom_results.number(&(engine, id.clone()));
        let customs: Vec<u32> = self.engines().filter_map(number).collect();
        self.nothing |= customs.is_empty();
        self.customs = Some(customs);
    }

    /// Whether no row can pass.
    pub const fn is_nothing(&self) -> bool {
        self.nothing
    }

    /// The place of a wanted engine in the filter's list.
    pub fn engine_place(&self, engine: u32) -> Option<usize> {
        usize::try_from(get(&self.engines, engine)).ok()?.checked_sub(1)
    }

    /// The numbers of the wanted engines.
    pub fn engines(&self) -> impl Iterator<Item = u32> {
        (0..).zip(&self.engines).filter(|(_, place)| **place != 0).map(|(number, _)| number)
    }

    /// The number of the wanted terms; `None` when all are.
    pub const fn terms(&self) -> Option<u32> {
        self.terms
    }

    /// The numbers of the wanted items; `None` when all are.
    pub fn items(&self) -> Option<&[u32]> {
        self.items.as_deref()
    }

    /// Whether results placed by hand are wanted, and no click without.
    pub const fn asks_custom_results(&self) -> bool {
        self.customs.is_some()
    }

    /// Whether rows from a result placed by hand are wanted.
    pub fn passes_custom_result(&self, custom: u32) -> bool {
        self.customs.as_ref().is_none_or(|customs| customs.contains(&custom))
    }

    /// Whether figures have to be looked at.
    pub const fn asks_figures(&self) -> bool {
        self.figure.is_some() || self.figure_not.is_some()
    }

    /// Whether a row with a figure is wanted.
    pub fn passes_figure(&self, figure: u64) -> bool {
        self.figure.is_none_or(|wanted| figure == wanted) && self.figure_not != Some(figure)
    }

    /// The cell of an index where these are counted by: several indices of a search have one after those of single ones.
    pub fn index_cell(&self, index: u32) -> usize {
        let cell = |number: u32| usize::try_from(number).unwrap_or(usize::MAX);
        if index & SEVERAL == 0 {
            cell(index)
        } else {
            self.indices_end.saturating_add(cell(index ^ SEVERAL))
        }
    }

    fn has_index(&self, indices: &[bool], index: u32) -> bool {
        if index & SEVERAL == 0 { get(indices, index) } else { get(&self.several, index ^ SEVERAL) }
    }

    /// Whether rows of a kind are wanted.
    pub fn passes_kind(&self, kind: Kind) -> bool {
        self.indices.as_ref().is_none_or(|indices| self.has_index(indices, kind.index))
            && self.device.is_none_or(|device| device == kind.device)
            && self.products.is_none_or(|products| products[usize::from(kind.product)])
    }

    /// Finds the rows that pass. After [`Passing::Some`], `mask` has a byte for each row.
    pub fn select(&self, columns: &Columns<'_>, mask: &mut Vec<u8>) -> Passing {
        let only_wanted = columns.only_engine.map(|engine| self.engine_place(engine).is_some());
        if self.nothing || only_wanted == Some(false) {
            return Passing::None;
        }
        let other_parts = self.indices.is_some()
            || self.terms.is_some()
            || self.items.is_some()
            || self.device.is_some()
            || self.products.is_some()
            || self.customs.is_some()
            || self.asks_figures();
        if only_wanted == Some(true) && !other_parts {
            return Passing::All;
        }
        mask.clear();
        mask.resize(columns.at_ms.len(), 1);
        if only_wanted.is_none() {
            narrow(mask, columns.engine, |engine| get(&self.engines, engine) != 0);
        }
        if let Some(terms) = self.terms {
            narrow(mask, columns.terms, |number| number == terms);
        }
        if let Some(device) = self.device {
            narrow(mask, columns.device, |code| code == device);
        }
        match self.items.as_deref() {
            Some([item]) => narrow(mask, columns.item, |number| number == *item),
            Some(items) => narrow(mask, columns.item, |number| items.contains(&number)),
            None => {}
        }
        if let Some(indices) = &self.indices {
            narrow(mask, columns.index, |number| self.has_index(indices, number));
        }
        if let Some(products) = &self.products {
            narrow(mask, columns.product, |number| products[usize::from(number)]);
        }
        if self.asks_figures() {
            narrow(mask, columns.figure, |figure| self.passes_figure(figure));
        }
        if self.customs.is_some() {
            narrow(mask, columns.custom, |custom| self.passes_custom_result(custom));
            // No row after the last that tells one does.
            mask.iter_mut().skip(columns.custom.len()).for_each(|passing| *passing = 0);
        }
        Passing::Some
    }
}

/// Leaves in the mask only rows whose cell passes. Without a branch, so that the compiler can take many rows at once.
pub fn narrow<T: Copy>(mask: &mut [u8], column: &[T], passes: impl Fn(T) -> bool) {
    for (passing, cell) in mask.iter_mut().zip(column) {
        *passing &= u8::from(passes(*cell));
    }
}

fn get<T: Copy + Default>(by_number: &[T], number: u32) -> T {
    usize::try_from(number).ok().and_then(|number| by_number.get(number)).copied().unwrap_or_default()
}

fn set<T>(by_number: &mut [T], number: u32, value: T) {
    if let Some(slot) = usize::try_from(number).ok().and_then(|number| by_number.get_mut(number)) {
        *slot = value;
    }
}
