//! The simulated disk must lose what a real one may lose, and nothing else.

use super::*;

#[test]
fn what_was_synced_outlives_every_crash_and_what_was_not_may_be_torn() {
    let mut torn = 0;
    for seed in 0..64 {
        let disk = SimulatedDisk::new();
        let file = disk.create("a", 2048).unwrap();
        file.write_at(&[1; 2048], 0).unwrap();
        file.sync().unwrap();
        file.write_at(&[2; 1024], 512).unwrap();
        disk.crash(seed);
        assert!(file.sync().is_err(), "a handle from before the crash is dead");
        let bytes = disk.bytes("a").unwrap();
        assert_eq!((&bytes[..512], &bytes[1536..]), (&[1; 512][..], &[1; 512][..]));
        torn += u32::from(bytes[512] != bytes[1024]);
        assert!(bytes[512..1024].iter().all(|byte| *byte == bytes[512]), "a sector is never torn");
    }
    assert!((10..54).contains(&torn), "{torn} of 64 crashes tore the write");
}

#[test]
fn a_failed_sync_is_not_made_good_by_the_next() {
    let lost = (0..64).filter(|seed| {
        let disk = SimulatedDisk::new();
        let file = disk.create("a", 512).unwrap();
        file.write_at(&[1; 512], 0).unwrap();
        disk.inject(Fault::next(Operation::Sync, io::ErrorKind::Other));
        assert!(file.sync().is_err());
        file.sync().unwrap();
        disk.crash(*seed);
        disk.bytes("a").unwrap()[0] == 0
    });
    assert!(lost.count() > 0);
}

#[test]
fn a_dead_disk_stays_dead_until_the_restart() {
    let disk = SimulatedDisk::new();
    disk.stop_after(1);
    assert!(disk.create("a", 512).is_err());
    assert!(disk.list().is_err());
    disk.restart();
    assert_eq!(disk.list().unwrap(), ["a"]);
}
