//! Users: one of a name in each account, found however the name is typed, with a stamp that goes with the password.

use std::sync::Arc;

use crate::backups::{backup, restored};
use crate::world::{all_bytes, open, small, try_open};
use clicks::AccountCode;
use journal::{Disk, SimulatedDisk};
use registry::{
    OpenError, PasswordHash, Registry, RegistryError, RegistryOptions, Scopes, UserInfo, UserStamp, verify,
};

const NOW_MS: i64 = 1_700_000_000_000;

/// Hashing is slow; what is kept of a password does not matter to most of these tests.
fn user(registry: &Registry, account: AccountCode, name: &str) -> Result<UserInfo, RegistryError> {
    registry.create_user(account, name, PasswordHash::nobodys(), "read".parse().unwrap(), NOW_MS)
}

fn account(registry: &Registry, name: &str) -> AccountCode {
    registry.create_account(name).unwrap().code
}

#[test]
fn a_user_is_found_however_its_name_is_typed_and_after_a_restart() {
    let disk = SimulatedDisk::new();
    let registry = open(&disk);
    let shop = account(&registry, "shop");
    let password = PasswordHash::of("correct horse").unwrap();
    let scopes: Scopes = "read,manage".parse().unwrap();
    let made = registry.create_user(shop, " J\u{fc}rgen ", password, scopes, NOW_MS).unwrap();
    assert_eq!((&*made.name, made.scopes, made.created_ms), ("J\u{fc}rgen", scopes, NOW_MS));
    let look = |registry: &Registry| {
        for name in ["J\u{fc}rgen", "j\u{fc}rgen", "JU\u{308}RGEN "] {
            for account in [Some(shop), None] {
                let (found, password) = registry.user_named(account, name).unwrap();
                assert_eq!(found, made);
                assert!(password.matches("correct horse") && !password.matches("correct horsf"));
            }
        }
        assert_eq!(registry.user(made.stamp), Some(made.clone()));
        assert_eq!(registry.users(Some(shop)), std::slice::from_ref(&made));
        assert_eq!(registry.counts().users, 1);
        assert_eq!(registry.user_named(None, "jurgen"), None);
        assert_eq!(registry.user_named(None, " "), None);
    };
    look(&registry);
    registry.renew().unwrap();
    look(&registry);
    registry.close();
    look(&open(&disk));
    let text = String::from_utf8_lossy(&all_bytes(&disk)).into_owned();
    assert!(!text.contains("argon2") && !text.contains("correct horse"), "what is kept is sealed");
}

#[test]
fn a_name_is_one_user_s_in_an_account_and_anybody_s_in_another() {
    let registry = open(&SimulatedDisk::new());
    let (shop, other) = (account(&registry, "shop"), account(&registry, "other"));
    let anna = user(&registry, shop, "Anna").unwrap();
    assert_eq!(user(&registry, shop, "ANNA"), Err(RegistryError::UserExists));
    let namesake = user(&registry, other, "anna").unwrap();
    assert_ne!(anna.stamp, namesake.stamp);
    let found = |account| registry.user_named(account, "anna").map(|(user, _)| user.stamp);
    assert_eq!((found(Some(shop)), found(Some(other))), (Some(anna.stamp), Some(namesake.stamp)));
    assert_eq!(found(None), None, "of two nobody says which");
    let bert = user(&registry, shop, "bert").unwrap();
    assert_eq!(registry.users(Some(shop)), [anna.clone(), bert.clone()]);
    assert_eq!(registry.users(None).len(), 3);
    registry.delete_user(other, "Anna").unwrap();
    assert_eq!(found(None), Some(anna.stamp));
    assert_eq!(registry.users(None), [anna, bert]);
}

#[test]
fn another_password_is_another_stamp_and_a_deleted_user_has_none() {
    let disk = SimulatedDisk::new();
    let registry = open(&disk);
    let shop = account(&registry, "shop");
    let before = user(&registry, shop, "Anna").unwrap();
    let changed = registry.set_password(shop, "anna", PasswordHash::of("correct horse").unwrap()).unwrap();
    assert_eq!(changed, UserInfo { stamp: changed.stamp, ..before.clone() });
    let gone = user(&registry, shop, "bert").unwrap();
    assert_eq!(registry.delete_user(shop, "BERT"), Ok(gone.clone()));
    let look = |registry: &Registry| {
        assert_eq!((registry.user(before.stamp), registry.user(gone.stamp)), (None, None));
        assert_eq!(registry.users(Some(shop)), std::slice::from_ref(&changed));
        assert!(registry.user_named(None, "anna").unwrap().1.matches("correct horse"));
        assert_eq!(registry.set_password(shop, "bert", PasswordHash::nobodys()), Err(RegistryError::NoUser));
        assert_eq!(registry.delete_user(shop, "bert"), Err(RegistryError::NoUser));
    };
    look(&registry);
    let copy = SimulatedDisk::new();
    backup(&registry, &copy);
    look(&restored(&copy));
    registry.renew().unwrap();
    look(&registry);
    registry.close();
    let reopened = open(&disk);
    look(&reopened);
    assert_ne!(user(&reopened, shop, "bert").unwrap().stamp, gone.stamp, "a namesake is somebody else");
}

#[test]
fn what_can_t_be_a_user_is_refused_and_the_limits_hold() {
    let disk = SimulatedDisk::new();
    let registry = try_open(&disk, &RegistryOptions { users_max: 1, ..small() }).unwrap();
    let shop = account(&registry, "shop");
    assert_eq!(user(&registry, AccountCode::from_bytes([0; 8]), "anna"), Err(RegistryError::NoAccount));
    for wrong in ["", "  ", "an\nna", &"a".repeat(129)] {
        assert!(matches!(user(&registry, shop, wrong), Err(RegistryError::Invalid { .. })), "{wrong:?}");
    }
    let click = registry.create_user(shop, "anna", PasswordHash::nobodys(), Scopes::CLICK, NOW_MS);
    assert!(matches!(click, Err(RegistryError::Invalid { .. })));
    user(&registry, shop, &"a".repeat(128)).unwrap();
    assert_eq!(user(&registry, shop, "bert"), Err(RegistryError::TooMany { what: "users", max: 1 }));
    registry.close();
    let none = try_open(&disk, &RegistryOptions { users_max: 0, ..small() }).unwrap();
    assert_eq!(none.counts().users, 1, "what was accepted stays");
    assert_eq!(none.user(UserStamp::from_bytes([0; 8])), None);
}

#[test]
fn verifying_knows_users_and_a_changed_record_opens_for_nobody() {
    let disk = SimulatedDisk::new();
    let registry = open(&disk);
    let shop = account(&registry, "shop");
    user(&registry, shop, "Anna").unwrap();
    registry.set_password(shop, "anna", PasswordHash::nobodys()).unwrap();
    registry.delete_user(shop, "anna").unwrap();
    registry.close();
    let shared: Arc<dyn Disk> = Arc::new(disk.clone());
    let verified = verify(&shared).unwrap().unwrap();
    assert!(!verified.damaged());
    assert_eq!(verified.records, 4);

    // The same record with another scope, in a journal whose checksums are right: only the seal can tell.
    let journal = "generation-00000001-journal-0000000000000001.log";
    let mut payloads: Vec<Vec<u8>> = Vec::new();
    let options = || journal::Options { segment_bytes: 16 << 10, salt: Some(1), begin: 0 };
    let own = SimulatedDisk::new();
    own.put("journal-0000000000000001.log", &disk.bytes(journal).unwrap());
    journal::Journal::open(Arc::new(own), options(), &mut |_, payload| {
        payloads.push(payload.to_vec());
        Ok(())
    })
    .unwrap();
    payloads.truncate(2);
    let rewrite = |payloads: &[Vec<u8>]| {
        let other = SimulatedDisk::new();
        let (mut journal, _) =
            journal::Journal::open(Arc::new(other.clone()), options(), &mut |_, _| Ok(())).unwrap();
        journal.append(&payloads.iter().map(Vec::as_slice).collect::<Vec<_>>()).unwrap();
        disk.put(
            "generation-00000001-journal-0000000000000001.log",
            &other.bytes("journal-0000000000000001.log").unwrap(),
        );
        try_open(&disk, &small())
    };
    assert_eq!(rewrite(&payloads).unwrap().counts().users, 1);
    let scopes_at = 2 + 16;
    assert_eq!(payloads[1][scopes_at], 1, "read");
    payloads[1][scopes_at] = 7;
    let error = rewrite(&payloads).map(|_| ()).unwrap_err();
    assert!(matches!(&error, OpenError::Contradiction { what, .. } if what.contains("password")), "{error}");
}
