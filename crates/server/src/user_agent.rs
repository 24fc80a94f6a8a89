//! What a visitor holds in the hand, told from a browser's `User-Agent`. This room must never know where the text came
//! from: a request's header, or a line of an old log.

use clicks::Device;

/// Parts of a `User-Agent` that only phones and tablets carry, in lower case. `mobi` is what browsers agreed on
/// (`Mobile`, `Opera Mobi`, `IEMobile`); Android tablets leave it out, hence `android`.
const MOBILE_PARTS: [&str; 21] = [
    "mobi",
    "android",
    "iphone",
    "ipad",
    "ipod",
    "tablet",
    "windows phone",
    "windows ce",
    "blackberry",
    "bb10",
    "playbook",
    "kindle",
    "silk/",
    "opera mini",
    "fennec",
    "kaios",
    "symbian",
    "series60",
    "nokia",
    "midp",
    "ucweb",
];

/// Longer ones are cut before they are read, in bytes: what tells the device stands near the start.
const USER_AGENT_BYTES_MAX: usize = 1_024;

/// The device of a `User-Agent`: phones and tablets are mobile, all else is a desktop, also an empty text. An iPad that
/// asks for desktop pages says it is a Macintosh, and can't be told from one.
#[must_use]
pub fn device_of(user_agent: &str) -> Device {
    let bytes = user_agent.as_bytes();
    let start = bytes.get(..USER_AGENT_BYTES_MAX).unwrap_or(bytes);
    // Internet Explorer said `Tablet PC 2.0` on every Windows computer that had the pen service.
    let lower = String::from_utf8_lossy(start).to_ascii_lowercase().replace("tablet pc", "");
    if MOBILE_PARTS.iter().any(|part| lower.contains(part)) { Device::Mobile } else { Device::Desktop }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phones_and_tablets_are_mobile() {
        let mobile = [
            "Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) AppleWebKit/605.1.15 Version/17.4 Mobile/15E148",
            "Mozilla/5.0 (iPad; CPU OS 12_2 like Mac OS X) AppleWebKit/605.1.15 Version/12.1 Safari/604.1",
            "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 Chrome/124.0.0.0 Mobile Safari/537.36",
            "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 Chrome/124.0.0.0 Safari/537.36",
            "Mozilla/5.0 (Android 14; Tablet; rv:125.0) Gecko/125.0 Firefox/125.0",
            "Opera/9.80 (J2ME/MIDP; Opera Mini/9.80/37.6423; U; en) Presto/2.12.423 Version/12.16",
            "Mozilla/5.0 (Windows Phone 10.0; Android 6.0.1; Microsoft; Lumia 950) Edge/15.15254",
            "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Silk/120.4.1 like Chrome/120.0 Safari/537.36",
            "MOZILLA/5.0 (IPHONE)",
        ];
        for user_agent in mobile {
            assert_eq!(device_of(user_agent), Device::Mobile, "{user_agent}");
        }
    }

    #[test]
    fn all_else_is_a_desktop() {
        let desktop = [
            "",
            "curl/8.5.0",
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:125.0) Gecko/20100101 Firefox/125.0",
            "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 Version/17.4 Safari/605.1.15",
            "Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) AppleWebKit/537.36 Chrome/124.0.0.0 Safari/537.36",
            "Mozilla/4.0 (compatible; MSIE 8.0; Windows NT 6.1; Trident/4.0; Tablet PC 2.0)",
            "\u{1F980}\u{1F980}",
        ];
        for user_agent in desktop {
            assert_eq!(device_of(user_agent), Device::Desktop, "{user_agent}");
        }
    }

    #[test]
    fn a_text_without_end_is_cut_also_inside_a_character() {
        let long = format!("{}\u{1F980} iPhone", "x".repeat(USER_AGENT_BYTES_MAX - 1));
        assert_eq!(device_of(&long), Device::Desktop);
    }
}
