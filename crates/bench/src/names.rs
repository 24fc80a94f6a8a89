//! The names of the made-up world: engines, indices, items, terms. Each is made of its number alone, so that a question
//! can name one without a million others in memory.

use clicks::{AccountCode, DocId, EngineIndex, Hashid, IndexName, NameError, SearchTerms};

/// Search engines.
pub const ENGINES: usize = 20;
/// Different search terms.
pub const TERMS: usize = 500_000;
/// Items, of all engines together.
pub const ITEMS: usize = 1_000_000;
/// Whose the engines are.
pub const ACCOUNT: AccountCode = AccountCode::from_bytes(*b"benches!");

/// The indices of an engine are the first few of these, each with so many thousandths of its items and clicks.
const INDICES: [(&str, usize); 4] = [("product", 780), ("page", 120), ("article", 70), ("brand", 30)];

const COLOURS: [&str; 40] = [
    "red",
    "black",
    "white",
    "blue",
    "grün",
    "grey",
    "brown",
    "yellow",
    "beige",
    "silver",
    "golden",
    "pink",
    "purple",
    "turquoise",
    "navy",
    "olive",
    "leather",
    "cotton",
    "linen",
    "wool",
    "silk",
    "denim",
    "velvet",
    "suede",
    "waterproof",
    "wireless",
    "kids",
    "women",
    "men",
    "señora",
    "large",
    "small",
    "cheap",
    "organic",
    "vintage",
    "folding",
    "electric",
    "wooden",
    "steel",
    "ceramic",
];
const THINGS: [&str; 100] = [
    "shoes",
    "boots",
    "jacket",
    "shirt",
    "jeans",
    "dress",
    "hat",
    "bag",
    "socks",
    "belt",
    "scarf",
    "gloves",
    "lamp",
    "chair",
    "table",
    "sofa",
    "shelf",
    "mirror",
    "rug",
    "curtain",
    "pillow",
    "blanket",
    "mattress",
    "desk",
    "bicycle",
    "helmet",
    "tent",
    "backpack",
    "rope",
    "kayak",
    "skis",
    "racket",
    "ball",
    "goggles",
    "phone",
    "charger",
    "cable",
    "headphones",
    "speaker",
    "camera",
    "lens",
    "tripod",
    "monitor",
    "keyboard",
    "mouse",
    "printer",
    "router",
    "drill",
    "hammer",
    "saw",
    "ladder",
    "paint",
    "brush",
    "screws",
    "hinge",
    "mower",
    "hose",
    "seeds",
    "pot",
    "soil",
    "fence",
    "grill",
    "knife",
    "pan",
    "kettle",
    "toaster",
    "mixer",
    "cup",
    "plate",
    "bowl",
    "fork",
    "jar",
    "café crème",
    "tea",
    "honey",
    "olive oil",
    "rice",
    "pasta",
    "wine",
    "beer",
    "soap",
    "shampoo",
    "towel",
    "perfume",
    "lipstick",
    "ring",
    "necklace",
    "watch",
    "earrings",
    "book",
    "puzzle",
    "doll",
    "train set",
    "kite",
    "guitar",
    "piano",
    "violin",
    "drum",
    "notebook",
    "pen",
];
const ENDINGS: [&str; 128] = [
    "size 36",
    "size 37",
    "size 38",
    "size 39",
    "size 40",
    "size 41",
    "size 42",
    "size 43",
    "size 44",
    "xs",
    "s",
    "m",
    "l",
    "xl",
    "xxl",
    "für damen",
    "for men",
    "for women",
    "for kids",
    "for dogs",
    "for cats",
    "with box",
    "with lid",
    "with zip",
    "without lid",
    "on sale",
    "outlet",
    "second hand",
    "gift",
    "gift set",
    "set of 2",
    "set of 4",
    "set of 6",
    "set of 12",
    "10 cm",
    "20 cm",
    "30 cm",
    "40 cm",
    "60 cm",
    "80 cm",
    "90 cm",
    "100 cm",
    "120 cm",
    "140 cm",
    "160 cm",
    "180 cm",
    "200 cm",
    "1 l",
    "2 l",
    "5 l",
    "10 l",
    "20 l",
    "40 l",
    "60 l",
    "100 g",
    "250 g",
    "500 g",
    "1 kg",
    "2 kg",
    "5 kg",
    "18 v",
    "20 v",
    "230 v",
    "usb c",
    "bluetooth",
    "5 ghz",
    "4k",
    "full hd",
    "led",
    "a4",
    "a5",
    "matt",
    "glossy",
    "striped",
    "dotted",
    "plain",
    "slim fit",
    "regular fit",
    "wide fit",
    "high waist",
    "long sleeve",
    "short sleeve",
    "summer",
    "winter",
    "spring",
    "autumn",
    "outdoor",
    "indoor",
    "garden",
    "kitchen",
    "bathroom",
    "bedroom",
    "office",
    "travel",
    "camping",
    "hiking",
    "running",
    "trail running",
    "cycling",
    "swimming",
    "fitness",
    "yoga",
    "football",
    "tennis",
    "skiing",
    "fishing",
    "wedding",
    "party",
    "birthday",
    "christmas",
    "easter",
    "halloween",
    "school",
    "baby",
    "toddler",
    "teenager",
    "senior",
    "beginner",
    "professional",
    "refurbished",
    "new",
    "2024",
    "2025",
    "series 2",
    "series 3",
    "mk ii",
    "pro",
    "mini",
];

/// Any number of `0..count`, each for one other, without an order that could be seen.
const fn scattered(number: usize, count: usize) -> usize {
    // A prime that divides none of the counts goes round them all.
    number.wrapping_mul(15_485_863) % count
}

/// The search terms that come `rank`th, from 0, by how often they are asked: the more often, the fewer words.
pub fn terms(rank: usize) -> Option<SearchTerms> {
    let (colours, things, endings) = (COLOURS.len(), THINGS.len(), ENDINGS.len());
    let text = if rank < things {
        THINGS[rank].to_owned()
    } else if let Some(number) =
        (rank - things < colours * things).then(|| scattered(rank - things, colours * things))
    {
        format!("{} {}", COLOURS[number % colours], THINGS[number / colours])
    } else {
        let number = scattered(rank - things - colours * things, colours * things * endings);
        let (colour, thing) = (COLOURS[number % colours], THINGS[number / colours % things]);
        format!("{colour} {thing} {}", ENDINGS[number / colours / things])
    };
    SearchTerms::fold(&text)
}

/// The engine that comes `rank`th by its clicks.
pub fn engine(rank: usize) -> Hashid {
    let half = |salt: u64| clicks::conformance::Dice::new(salt + rank as u64 * 7_919).throw();
    let number = (u128::from(half(11)) << 64) | u128::from(half(13));
    Hashid::from_bytes(number.to_be_bytes())
}

/// All engines, the busiest first.
pub fn engines() -> Vec<Hashid> {
    (0..ENGINES).map(engine).collect()
}

/// The indices of an engine with their shares, in thousandths of the engine's; what is left is the first one's.
pub fn index_shares(engine_rank: usize) -> &'static [(&'static str, usize)] {
    &INDICES[..2 + engine_rank % 3]
}

/// One index of an engine.
///
/// # Errors
/// None; a name that is checked.
pub fn place(engine_rank: usize, index: &str) -> Result<EngineIndex, NameError> {
    Ok(EngineIndex { engine: engine(engine_rank), index: index.parse::<IndexName>()? })
}

/// What a shop calls the item with this number, `0..ITEMS`. Each shop has its own way.
///
/// # Errors
/// None; a name that is checked.
pub fn doc_id(engine_rank: usize, item: usize) -> Result<DocId, NameError> {
    let number = scattered(item, ITEMS);
    match engine_rank % 4 {
        0 => format!("SKU-{number:07}"),
        1 => format!("{}", 4_006_381_000_000 + number * 7),
        2 => format!(
            "{}-{}-{number}",
            THINGS[number % THINGS.len()].split(' ').next().unwrap_or("").replace('é', "e"),
            COLOURS[number % 4]
        ),
        _ => format!("B0{:08X}", number * 3_571),
    }
    .parse()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn names_differ() {
        let terms: HashSet<_> = (0..TERMS).map(|rank| terms(rank).unwrap()).collect();
        assert_eq!(terms.len(), TERMS);
        for engine in 0..4 {
            let some = (0..ITEMS).step_by(7);
            let items: HashSet<_> = some.clone().map(|item| doc_id(engine, item).unwrap()).collect();
            assert_eq!(items.len(), some.count());
        }
        let numbers: HashSet<_> = (0..ITEMS).map(|item| scattered(item, ITEMS)).collect();
        assert_eq!(numbers.len(), ITEMS);
        assert_eq!(engines().into_iter().collect::<HashSet<_>>().len(), ENGINES);
    }

    #[test]
    fn doc_ids_are_such_as_a_browser_may_send() {
        let fine = |byte: u8| byte.is_ascii_alphanumeric() || b"_-".contains(&byte);
        for item in (0..ITEMS).step_by(997) {
            let doc_id = doc_id(item % ENGINES, item).unwrap();
            assert!(doc_id.as_str().bytes().all(fine), "{doc_id}");
        }
    }

    #[test]
    fn an_engine_has_two_to_four_indices() {
        let counts: HashSet<_> = (0..ENGINES).map(|rank| index_shares(rank).len()).collect();
        assert_eq!(counts, HashSet::from([2, 3, 4]));
    }
}
