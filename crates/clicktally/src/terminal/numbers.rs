//! Numbers for people.

/// A number with its thousands apart.
pub fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// One number ÷ another, with so many decimals; nothing where there is nothing to divide by.
pub fn decimal(number: u64, per: u64, decimals: usize) -> Option<String> {
    ratio(number, per).map(|ratio| format!("{ratio:.decimals$}"))
}

/// How much more or less than before, in per cent; nothing where before there was nothing.
pub fn change(now: u64, before: u64) -> Option<String> {
    ratio(now, before).map(|ratio| format!("{:+.1} %", (ratio - 1.0) * 100.0))
}

/// A number of bytes, to a tenth of its unit.
pub fn bytes(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["kB", "MB", "GB", "TB", "PB"];
    if bytes < 1_000 {
        return format!("{bytes} B");
    }
    let mut unit = 0;
    let mut tenths = bytes / 100;
    while tenths >= 10_000 && unit + 1 < UNITS.len() {
        tenths /= 1_000;
        unit += 1;
    }
    format!("{}.{} {}", tenths / 10, tenths % 10, UNITS[unit])
}

#[expect(clippy::cast_precision_loss, reason = "a rate of counts far below 2^53, shown to a few digits")]
fn ratio(number: u64, per: u64) -> Option<f64> {
    (per > 0).then(|| number as f64 / per as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_kept_apart() {
        assert_eq!([0, 999, 1_000, 1_234_567].map(thousands), ["0", "999", "1,000", "1,234,567"]);
    }

    #[test]
    fn what_nothing_can_be_divided_by_is_unknown_and_no_zero() {
        assert_eq!(decimal(1, 3, 3).as_deref(), Some("0.333"));
        assert_eq!(decimal(0, 3, 2).as_deref(), Some("0.00"));
        assert_eq!(decimal(3, 0, 2), None);
        assert_eq!(change(112, 100).as_deref(), Some("+12.0 %"));
        assert_eq!(change(0, 8).as_deref(), Some("-100.0 %"));
        assert_eq!(change(8, 0), None);
    }

    #[test]
    fn bytes_have_the_unit_that_fits() {
        assert_eq!(
            [0, 999, 1_000, 1_949, 999_999, 1_000_000, 23_450_000_000].map(bytes),
            ["0 B", "999 B", "1.0 kB", "1.9 kB", "999.9 kB", "1.0 MB", "23.4 GB"]
        );
        assert_eq!(bytes(u64::MAX), "18446.7 PB");
    }
}
