//! The input: bytes of the fuzzer, taken as numbers and pieces. It must never fail: bytes that are missing are zeros.

/// What is left of an input.
#[derive(Debug, Clone, Copy)]
pub struct Input<'a> {
    rest: &'a [u8],
}

impl<'a> Input<'a> {
    /// The whole input.
    #[must_use]
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// Whether nothing is left.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// All that is left.
    #[must_use]
    pub const fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// The next bytes, or as many as there are.
    pub fn bytes(&mut self, count: usize) -> &'a [u8] {
        let (bytes, rest) = self.rest.split_at(count.min(self.rest.len()));
        self.rest = rest;
        bytes
    }

    fn array<const N: usize>(&mut self) -> [u8; N] {
        let (mut array, bytes) = ([0; N], self.bytes(N));
        array[..bytes.len()].copy_from_slice(bytes);
        array
    }

    /// The next byte.
    pub fn byte(&mut self) -> u8 {
        u8::from_le_bytes(self.array())
    }

    /// The next two bytes.
    pub fn small(&mut self) -> usize {
        u16::from_le_bytes(self.array()).into()
    }

    /// The next four bytes.
    pub fn word(&mut self) -> u32 {
        u32::from_le_bytes(self.array())
    }

    /// The next eight bytes.
    pub fn long(&mut self) -> u64 {
        u64::from_le_bytes(self.array())
    }

    /// Pieces, each with its length in two bytes before it.
    pub fn pieces(mut self) -> impl Iterator<Item = &'a [u8]> {
        std::iter::from_fn(move || {
            (!self.is_empty()).then(|| {
                let length = self.small();
                self.bytes(length)
            })
        })
    }

    /// Changes a file as the input says: places of two bytes, each with a few bytes that are put there.
    pub fn edit(mut self, file: &mut [u8]) {
        while !self.is_empty() && !file.is_empty() {
            let place = self.small() % file.len();
            let count = usize::from(self.byte() % 9);
            for (byte, new) in file[place..].iter_mut().zip(self.bytes(count)) {
                *byte = *new;
            }
        }
    }
}

/// What can happen to a file that no checksum of 32 bits may miss.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Damage {
    /// Up to 32 neighbouring bits are others.
    Burst(usize, u32),
    /// It ends early, by at least a byte.
    Cut(usize),
    /// It is not there.
    Gone,
}

impl Damage {
    /// Which damage the input asks for; none that changes nothing.
    pub fn of(input: &mut Input<'_>, file_bytes: usize) -> Option<Self> {
        let kind = input.byte();
        let place = (input.small() | usize::from(input.byte()) << 16).checked_rem(file_bytes)?;
        match kind % 8 {
            0 => Some(Self::Gone),
            1 => Some(Self::Cut(place)),
            _ => {
                let burst = Self::Burst(place, input.word());
                // The last bytes of a file have no room for all four.
                (burst.changed(&vec![0; file_bytes])?.iter().any(|byte| *byte != 0)).then_some(burst)
            }
        }
    }

    /// The damaged file; `None` when it is gone.
    #[must_use]
    pub fn changed(self, file: &[u8]) -> Option<Vec<u8>> {
        let mut file = file.to_vec();
        match self {
            Self::Gone => return None,
            Self::Cut(length) => file.truncate(length),
            Self::Burst(place, bits) => {
                for (byte, bits) in file[place..].iter_mut().zip(bits.to_le_bytes()) {
                    *byte ^= bits;
                }
            }
        }
        Some(file)
    }
}
