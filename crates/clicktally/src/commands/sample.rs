//! A year of a made-up shop: the same for the same number of clicks and the same day. People search more in the evening
//! and at the weekend, click what is on top, and most hold a phone.

use clicks::{Device, Hashid, IndexName, ProductType};
use server::feed::{ClickLine, ItemLine, Line, Rejection, SearchLine};

const DAY_MS: i64 = 86_400_000;
const DAYS: i64 = 365;
/// Lines that are fed together.
const LINES_TOGETHER: usize = 10_000;
const RESULTS_SHOWN: u64 = 12;

const COLOURS: [&str; 8] = ["red", "black", "white", "blue", "green", "grey", "brown", "yellow"];
const THINGS: [&str; 12] =
    ["shoes", "boots", "jacket", "shirt", "jeans", "dress", "hat", "bag", "socks", "belt", "scarf", "gloves"];
/// Searches in each hour of the day, in thousandths of the busiest.
const HOURS: [u64; 24] = [
    180, 110, 70, 50, 50, 80, 180, 320, 450, 540, 600, 640, 700, 680, 640, 650, 700, 780, 870, 960, 1000,
    940, 700, 380,
];
/// Monday to Sunday.
const WEEKDAYS: [u64; 7] = [820, 780, 760, 790, 850, 1000, 980];

/// Numbers that look random and are the same every time (splitmix64).
struct Dice(u64);

impl Dice {
    fn throw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// 0 to `sides - 1`.
    fn below(&mut self, sides: u64) -> u64 {
        self.throw() % sides.max(1)
    }

    /// Small numbers more often than large ones.
    fn mostly_small(&mut self, sides: u64) -> u64 {
        self.below(sides).min(self.below(sides)).min(self.below(sides))
    }
}

/// Numbered lines, in portions: the catalogue, then searches with their clicks until there are `clicks` of them.
pub fn year(
    engine: Hashid,
    now_ms: i64,
    clicks: u64,
) -> impl Iterator<Item = Vec<(u64, Result<Line, Rejection>)>> {
    let mut shop = Shop { engine, now_ms, dice: Dice(7), clicks_left: clicks, searches: 0, line: 0 };
    let catalogue = shop.catalogue();
    std::iter::once(catalogue).chain(std::iter::from_fn(move || shop.portion()))
}

struct Shop {
    engine: Hashid,
    now_ms: i64,
    dice: Dice,
    clicks_left: u64,
    searches: u64,
    line: u64,
}

/// A text that is known to be a fine name.
fn name<T: std::str::FromStr>(text: &str) -> Result<T, Rejection> {
    text.parse().map_err(|_| Rejection::bad_params(format!("`{text}` is not a name")))
}

impl Shop {
    fn numbered(&mut self, line: Result<Line, Rejection>) -> (u64, Result<Line, Rejection>) {
        self.line += 1;
        (self.line, line)
    }

    fn catalogue(&mut self) -> Vec<(u64, Result<Line, Rejection>)> {
        let mut lines = Vec::new();
        for (colour, thing) in
            COLOURS.iter().flat_map(|colour| THINGS.iter().map(move |thing| (colour, thing)))
        {
            let item = (|| {
                Ok(Line::Item(ItemLine {
                    engine: self.engine,
                    index: name::<IndexName>("product")?,
                    doc_id: name(&format!("{colour}-{thing}"))?,
                    title: Some(format!("{colour} {thing}").into()),
                    link: Some(format!("https://shop.example.com/{colour}-{thing}").into()),
                }))
            })();
            lines.push(self.numbered(item));
        }
        lines
    }

    fn portion(&mut self) -> Option<Vec<(u64, Result<Line, Rejection>)>> {
        let mut lines = Vec::with_capacity(LINES_TOGETHER + 4);
        while self.clicks_left > 0 && lines.len() < LINES_TOGETHER {
            self.visit(&mut lines);
        }
        (!lines.is_empty()).then_some(lines)
    }

    /// A moment of the last year, by the rhythm of the day and the week.
    fn moment(&mut self) -> i64 {
        loop {
            let at_ms = self.now_ms
                - i64::try_from(self.dice.below(DAYS.unsigned_abs() * DAY_MS.unsigned_abs())).unwrap_or(0);
            let hour = usize::try_from(at_ms.rem_euclid(DAY_MS) / 3_600_000).unwrap_or(0);
            // 1970-01-01 was a Thursday.
            let weekday = usize::try_from((at_ms.div_euclid(DAY_MS) + 3).rem_euclid(7)).unwrap_or(0);
            if self.dice.below(1_000_000) < HOURS[hour] * WEEKDAYS[weekday] {
                return at_ms;
            }
        }
    }

    /// One search, and what was clicked of it.
    fn visit(&mut self, lines: &mut Vec<(u64, Result<Line, Rejection>)>) {
        let at_ms = self.moment();
        let thing = THINGS[usize::try_from(self.dice.mostly_small(THINGS.len() as u64)).unwrap_or(0)];
        let colour = COLOURS[usize::try_from(self.dice.mostly_small(COLOURS.len() as u64)).unwrap_or(0)];
        let query = if self.dice.below(3) == 0 { thing.to_owned() } else { format!("{colour} {thing}") };
        let device = if self.dice.below(100) < 62 { Device::Mobile } else { Device::Desktop };
        let user = format!("visitor{}", self.dice.mostly_small(40_000));
        let id = format!("demo-{}", self.searches);
        self.searches += 1;
        let shown: Vec<String> = (0..RESULTS_SHOWN)
            .map(|place| {
                let other = COLOURS[usize::try_from(place).unwrap_or(0) % COLOURS.len()];
                if place == 0 { format!("{colour}-{thing}") } else { format!("{other}-{thing}") }
            })
            .collect();
        let search = (|| {
            Ok(Line::Search(SearchLine {
                kind: clicks::SearchKind::Asked,
                id: id.as_str().into(),
                at_ms,
                engine: self.engine,
                indices: vec![name("product")?],
                query: Some(query.as_str().into()),
                doc_ids: Some(shown.iter().map(|doc| name(doc)).collect::<Result<_, _>>()?),
                device: Some(device),
                total_hits: Some(RESULTS_SHOWN),
                user: Some(name(&user)?),
                session: None,
            }))
        })();
        lines.push(self.numbered(search));
        for _ in 0..self.dice.below(4).min(self.clicks_left) {
            let rank = self.dice.mostly_small(RESULTS_SHOWN);
            let later_ms = i64::try_from(self.dice.below(60_000)).unwrap_or(0);
            let click = self.click(&id, (at_ms + later_ms).min(self.now_ms), &shown, rank, &user);
            lines.push(self.numbered(click));
        }
    }

    fn click(
        &mut self,
        id: &str,
        at_ms: i64,
        shown: &[String],
        rank: u64,
        user: &str,
    ) -> Result<Line, Rejection> {
        self.clicks_left -= 1;
        let kind = match self.dice.below(100) {
            0..=91 => ProductType::Search,
            92..=95 => ProductType::Recommendation,
            96..=97 => ProductType::Banner,
            _ => ProductType::CustomResult,
        };
        Ok(Line::Click(ClickLine {
            id: Some(format!("demo-{}", self.clicks_left).into()),
            at_ms,
            engine: Some(self.engine),
            index: None,
            doc_id: name(&shown[usize::try_from(rank).unwrap_or(0)])?,
            query_id: Some(id.into()),
            searched_ms: None,
            rank: u32::try_from(rank + 1).ok(),
            device: None,
            product_type: kind,
            custom_result: None,
            terms: None,
            user: Some(name(user)?),
            session: None,
        }))
    }
}
