//! Hexadecimal digits, in and out, for secrets and key ids. The names of accounts and engines read their own.

/// Reads exactly `2 * N` lower-case hexadecimal digits.
pub(crate) fn bytes<const N: usize>(text: &str) -> Option<[u8; N]> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    let mut out = [0; N];
    if text.len() != 2 * N {
        return None;
    }
    for (slot, pair) in out.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        *slot = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Some(out)
}

/// The digits of `bytes`, in lower case.
pub(crate) fn text(bytes: &[u8]) -> String {
    bytes
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .filter_map(|half| char::from_digit(half.into(), 16))
        .collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn digits_read_back_and_nothing_else_is_read() {
        assert_eq!(super::text(&[0x00, 0xab, 0x9f]), "00ab9f");
        assert_eq!(super::bytes("00ab9f"), Some([0x00, 0xab, 0x9f]));
        for wrong in ["", "00ab9", "00ab9ff", "00AB9F", "00ab9g", "00ab\u{e9}"] {
            assert_eq!(super::bytes::<3>(wrong), None, "{wrong}");
        }
    }
}
