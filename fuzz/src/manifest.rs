//! The manifest: lines of the fuzzer with a check that fits, over the files of a store. Whatever they list, opening ends,
//! and what opens can be used.

use crate::checks::checked_manifest;
use crate::input::Input;
use crate::memory::bounded;
use crate::store::use_store;
use crate::world::WORLD;

/// Opens a store that is listed otherwise than it was.
pub fn run(bytes: &[u8]) {
    let Ok(lines) = std::str::from_utf8(Input::new(bytes).rest()) else { return };
    let disk = journal::SimulatedDisk::new();
    let mut all_bytes = 0;
    for file in WORLD.files.iter().filter(|file| file.name != "MANIFEST") {
        file.put(&disk);
        all_bytes += file.bytes.len();
    }
    disk.put("MANIFEST", checked_manifest(lines).as_bytes());
    bounded(all_bytes, || use_store(&disk, lines.len() % 4 == 0));
}

/// The manifest of the store.
#[must_use]
pub fn seeds() -> Vec<Vec<u8>> {
    let files = WORLD.files.iter().filter(|file| file.name == "MANIFEST");
    files.map(|file| file.bytes[..file.bytes.len() - "check 00000000\n".len()].to_vec()).collect()
}
