//! Bars and lines of block characters.

/// A bar whose length is `count` of `most`, at most `columns` long, to an eighth of one. What is not zero is never hidden.
pub fn bar(count: u64, most: u64, columns: usize) -> String {
    const EIGHTHS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
    if columns == 0 {
        return String::new();
    }
    let eighths = u128::from(count) * (columns as u128 * 8) / u128::from(most.max(1));
    let eighths = usize::try_from(eighths).unwrap_or(usize::MAX).min(columns * 8).max(usize::from(count > 0));
    format!("{}{}", "█".repeat(eighths / 8), EIGHTHS[eighths % 8])
}

/// A line of counts, one for each column; where there are more than `columns`, neighbours share one, which shows their mean.
/// A zero is a low dot, so that it can't be taken for a little.
pub fn line(counts: &[u64], columns: usize) -> String {
    const EIGHTHS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let places = counts.len().min(columns);
    // Sums of as many counts as there are places, so that a mean needs no fraction: each place has `counts.len()` shares.
    let shares: Vec<u128> = (0..places).map(|place| share(counts, place, places)).collect();
    let most = shares.iter().copied().max().unwrap_or(0).max(1);
    let eighth = |share: &u128| match share {
        0 => '.',
        share => EIGHTHS[usize::try_from((share * 8).div_ceil(most)).unwrap_or(8).clamp(1, 8) - 1],
    };
    shares.iter().map(eighth).collect()
}

/// What of all counts lies in one of `places` equal parts of the whole; a count on a border is shared by its neighbours.
fn share(counts: &[u64], place: usize, places: usize) -> u128 {
    let (from, until) = (place * counts.len(), (place + 1) * counts.len());
    let first = from / places;
    let within = |at: usize| until.min((at + 1) * places).saturating_sub(from.max(at * places));
    (first..counts.len())
        .take_while(|at| at * places < until)
        .map(|at| u128::from(counts[at]) * within(at) as u128)
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_shows_its_share_and_never_hides_a_click() {
        assert_eq!(bar(0, 10, 4), "");
        assert_eq!(bar(10, 10, 4), "████");
        assert_eq!(bar(5, 10, 4), "██");
        assert_eq!(bar(1, 1_000_000, 4), "▏");
        assert_eq!(bar(u64::MAX, u64::MAX, 3), "███");
        assert_eq!(bar(5, 10, 0), "");
    }

    #[test]
    fn a_line_has_a_place_for_each_count_and_tells_none_from_little() {
        assert_eq!(line(&[0, 1, 4, 8], 10), ".▁▄█");
        assert_eq!(line(&[0, 1, 1_000], 10), ".▁█");
        assert_eq!(line(&[0, 0], 10), "..");
        assert_eq!(line(&[], 10), "");
        assert_eq!(line(&[5], 0), "");
    }

    #[test]
    fn more_counts_than_columns_are_means_of_neighbours() {
        assert_eq!(line(&[8, 8, 4, 4, 1, 1], 3), "█▄▁");
        // Three counts in two places: the middle one is half of each.
        assert_eq!(line(&[0, 8, 8], 2), "▃█");
        let counts: Vec<u64> = (0..365).collect();
        for columns in 1..400 {
            assert_eq!(line(&counts, columns).chars().count(), columns.min(365));
        }
        let parts: u128 = (0..7).map(|place| share(&counts, place, 7)).sum();
        assert_eq!(
            parts,
            counts.iter().map(|count| u128::from(*count)).sum::<u128>() * 7,
            "no count is lost"
        );
    }
}
