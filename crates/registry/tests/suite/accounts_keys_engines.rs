//! Accounts, keys and engines: what is unique stays unique, what is revoked stays revoked, all of it across restarts.

use crate::world::{all_bytes, engine, hashid, open, small, try_open};
use clicks::AccountCode;
use journal::{Disk, SimulatedDisk};
use registry::{
    Confines, ENGINE_INDICES_MAX, MasterSecret, NewEngine, OpenError, Registry, RegistryError,
    RegistryOptions, Scope, Scopes,
};
use std::sync::Arc;

#[test]
fn accounts_are_unique_by_name_and_outlive_a_restart() {
    let disk = SimulatedDisk::new();
    let registry = open(&disk);
    let account = registry.create_account("Müller & Söhne").unwrap();
    assert_eq!(registry.create_account("Müller & Söhne"), Err(RegistryError::AccountExists));
    for wrong in ["", "a\u{0}b", &"x".repeat(513)] {
        assert!(matches!(registry.create_account(wrong), Err(RegistryError::Invalid { .. })), "{wrong}");
    }
    registry.close();
    let registry = open(&disk);
    assert_eq!(registry.account(account.code), Some(account.clone()));
    assert_eq!(registry.account_named("Müller & Söhne"), Some(account));
    assert_eq!(registry.account_named("müller & söhne"), None);
    assert_eq!(registry.accounts().len(), 1);
}

#[test]
fn a_key_is_found_by_itself_and_signs_for_its_account_across_restarts() {
    let disk = SimulatedDisk::new();
    let registry = open(&disk);
    let account = registry.create_account("shop").unwrap().code;
    let other = registry.create_account("other").unwrap().code;
    let key = registry.create_key(account, Scopes::default(), 1_700_000_000_000).unwrap();
    let public = registry.create_key(account, Scopes::CLICK, 5).unwrap();
    assert!(
        key.key.len() == 40 && key.key.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
    );
    for registry in [registry.clone(), {
        registry.close();
        open(&disk)
    }] {
        assert_eq!(registry.key_of(&key.key), Some(key.info.clone()));
        assert!(registry.key_of(&public.key).unwrap().scopes.contains(Scope::Click));
        for wrong in ["", "x", &key.key[1..], &key.key.to_uppercase(), &format!("{} ", key.key)] {
            assert_eq!(registry.key_of(wrong), None);
        }
        let signing = registry.signing_keys(account);
        assert_eq!(signing.len(), 1, "a click key signs nothing");
        assert_eq!((&signing[0].0, signing[0].1.as_ref()), (&key.info, key.key.as_bytes()));
        assert!(registry.signing_keys(other).is_empty());
        assert_eq!(registry.keys(Some(account)).len(), 2);
        assert_eq!(registry.keys(Some(other)), []);
        assert_eq!(registry.keys(None).len(), 2);
    }
    let nobody = AccountCode::from_bytes([0; 8]);
    assert_eq!(open_again(&disk).create_key(nobody, Scopes::default(), 0), Err(RegistryError::NoAccount));
}

fn open_again(disk: &SimulatedDisk) -> Registry {
    disk.restart();
    open(disk)
}

#[test]
fn a_revoked_key_stays_revoked_also_when_the_journal_was_written_anew() {
    let disk = SimulatedDisk::new();
    let registry = open(&disk);
    let account = registry.create_account("shop").unwrap().code;
    let kept = registry.create_key(account, Scopes::default(), 1).unwrap();
    let gone = registry.create_key(account, Scopes::default(), 2).unwrap();
    assert_eq!(registry.revoke_key(&gone.info.id), Ok(gone.info.clone()));
    assert_eq!(registry.revoke_key(&gone.info.id), Err(RegistryError::NoKey));
    let check = |registry: &Registry| {
        assert_eq!(registry.key_of(&gone.key), None);
        assert_eq!(registry.keys(None), std::slice::from_ref(&kept.info));
        assert_eq!(registry.signing_keys(account).len(), 1);
    };
    check(&registry);
    registry.close();
    let registry = open(&disk);
    check(&registry);
    registry.renew().unwrap();
    check(&registry);
    registry.close();
    check(&open(&disk));
}

#[test]
fn no_key_no_lookup_text_and_no_derived_key_is_in_any_byte_of_the_disk() {
    let disk = SimulatedDisk::new();
    let secret = MasterSecret::load_or_create(&SimulatedDisk::new(), "secret.key").unwrap();
    let (registry, _) = Registry::open(Arc::new(disk.clone()), &secret, small()).unwrap();
    let account = registry.create_account("shop").unwrap().code;
    let keys: Vec<_> =
        (0..20).map(|_| registry.create_key(account, Scopes::default(), 1).unwrap().key).collect();
    registry.renew().unwrap();
    registry.close();
    let bytes = all_bytes(&disk);
    let found = |needle: &[u8]| bytes.windows(needle.len()).any(|window| window == needle);
    assert!(found(b"shop"), "the search itself must be able to find something");
    let lookup = secret.derive("registry key lookup");
    for key in &keys {
        assert!(!found(&key.as_bytes()[..10]));
        assert!(!found(&hmac(&lookup, key.as_bytes())[..8]));
    }
    for purpose in ["registry keys", "registry key lookup"] {
        assert!(!found(&secret.derive(purpose)[..8]));
    }
}

fn hmac(key: &[u8], message: &[u8]) -> [u8; 32] {
    use ::hmac::{Hmac, KeyInit, Mac};
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(key).unwrap();
    mac.update(message);
    mac.finalize().into_bytes().into()
}

#[test]
fn another_secret_is_refused_and_changes_nothing() {
    let disk = SimulatedDisk::new();
    let registry = open(&disk);
    registry.create_account("shop").unwrap();
    registry.close();
    let before = all_bytes(&disk);
    let other = MasterSecret::from_hex(&"00".repeat(32)).unwrap();
    let refused = Registry::open(Arc::new(disk.clone()), &other, small()).map(|_| ());
    assert!(matches!(refused, Err(OpenError::WrongSecret)), "{refused:?}");
    assert_eq!(all_bytes(&disk), before);
    assert_eq!(open(&disk).accounts().len(), 1);
}

#[test]
fn an_engine_has_one_hashid_and_each_site_one_engine() {
    let disk = SimulatedDisk::new();
    let registry = open(&disk);
    let account = registry.create_account("shop").unwrap().code;
    let new = NewEngine {
        name: Some("Main".to_owned()),
        sites: vec!["Search.Example.com".to_owned(), "search.example.com".to_owned()],
        ..engine(1, &["product", "page", "product"])
    };
    let made = registry.create_engine(account, new.clone()).unwrap();
    assert_eq!(made.indices.iter().map(|index| index.as_str()).collect::<Vec<_>>(), ["product", "page"]);
    assert_eq!(made.sites, ["search.example.com"]);
    assert_eq!(registry.create_engine(account, new.clone()), Err(RegistryError::HashidTaken));
    let taken = NewEngine { hashid: Some(hashid(2)), ..new };
    let site = "search.example.com".to_owned();
    assert_eq!(registry.create_engine(account, taken), Err(RegistryError::SiteTaken { site }));
    let random = registry.create_engine(account, NewEngine::default()).unwrap();
    assert_eq!(&*random.name, random.hashid.to_string());
    let nobody = AccountCode::from_bytes([0; 8]);
    assert_eq!(registry.create_engine(nobody, engine(3, &[])), Err(RegistryError::NoAccount));
    let port = NewEngine { sites: vec!["a.com:80".to_owned()], ..engine(3, &[]) };
    assert!(matches!(registry.create_engine(account, port), Err(RegistryError::Invalid { .. })));
    registry.close();
    let registry = open(&disk);
    assert_eq!(registry.engine(hashid(1)), Some(made.clone()));
    assert_eq!(registry.site("SEARCH.example.com:8080"), Some(made));
    assert_eq!(registry.site("example.com"), None);
    assert_eq!(registry.engines(Some(account)).len(), 2);
    assert_eq!(registry.engines(Some(nobody)), []);
    let hashids: Vec<_> = registry.engines(None).iter().map(|engine| engine.hashid).collect();
    assert!(hashids.is_sorted());
}

#[test]
fn every_maximum_is_kept_and_what_is_there_stays() {
    let options = RegistryOptions { accounts_max: 1, keys_max: 1, engines_max: 1, ..small() };
    let disk = SimulatedDisk::new();
    let registry = try_open(&disk, &options).unwrap();
    let account = registry.create_account("shop").unwrap().code;
    registry.create_key(account, Scopes::default(), 1).unwrap();
    let too_many: Vec<_> =
        (0..=ENGINE_INDICES_MAX).map(|number| format!("i{number}").parse().unwrap()).collect();
    let large = NewEngine { indices: too_many, ..NewEngine::default() };
    assert!(matches!(registry.create_engine(account, large), Err(RegistryError::TooMany { .. })));
    registry.create_engine(account, engine(1, &[])).unwrap();
    let too_many = |what| RegistryError::TooMany { what, max: 1 };
    assert_eq!(registry.create_account("other"), Err(too_many("accounts")));
    assert_eq!(registry.create_key(account, Scopes::default(), 1), Err(too_many("keys")));
    assert_eq!(registry.create_engine(account, engine(2, &[])), Err(too_many("search engines")));
    registry.close();
    let none = RegistryOptions { accounts_max: 0, keys_max: 0, engines_max: 0, ..small() };
    let counts = try_open(&disk, &none).unwrap().counts();
    assert_eq!((counts.accounts, counts.keys, counts.engines), (1, 1, 1));
}

#[test]
fn a_closed_registry_answers_and_refuses_to_record() {
    let disk = SimulatedDisk::new();
    let registry = open(&disk);
    let account = registry.create_account("shop").unwrap();
    assert_eq!(registry.unable(), None);
    registry.close();
    registry.close();
    assert!(registry.unable().is_some());
    assert_eq!(registry.account_named("shop"), Some(account));
    assert!(matches!(registry.create_account("other"), Err(RegistryError::Stopped(_))));
    assert!(matches!(registry.renew(), Err(RegistryError::Stopped(_))));
}

#[test]
fn a_lost_head_or_journal_is_never_taken_for_an_empty_registry() {
    let disk = SimulatedDisk::new();
    let registry = open(&disk);
    registry.create_account("shop").unwrap();
    registry.close();
    let head = disk.read_small("registry.head").unwrap().unwrap();
    disk.remove("registry.head").unwrap();
    assert!(matches!(try_open(&disk, &small()), Err(OpenError::HeadMissing { .. })));
    disk.write_small("registry.head", &head).unwrap();
    for name in disk.list().unwrap().iter().filter(|name| name.contains("journal-")) {
        disk.remove(name).unwrap();
    }
    assert!(matches!(try_open(&disk, &small()), Err(OpenError::Damaged { .. })));
}

#[test]
fn a_page_key_keeps_its_engines_and_origins_across_restarts_and_renewals() {
    let disk = SimulatedDisk::new();
    let registry = open(&disk);
    let shop = registry.create_account("shop").unwrap().code;
    let other = registry.create_account("other").unwrap().code;
    registry.create_engine(shop, engine(1, &["product"])).unwrap();
    registry.create_engine(other, engine(2, &["product"])).unwrap();
    let origin = "https://shop.example.com";
    let confines = |engines: &[clicks::Hashid]| Confines::new(engines, &[origin.to_owned()]).unwrap();
    for foreign in [hashid(2), hashid(3)] {
        let refused = registry.create_page_key(shop, confines(&[hashid(1), foreign]), 5);
        assert_eq!(refused, Err(RegistryError::NoEngine));
    }
    assert!(!registry.lists_origin(origin));
    let key = registry.create_page_key(shop, confines(&[hashid(1)]), 5).unwrap();
    let wide = registry.create_page_key(shop, confines(&[]), 6).unwrap();
    let check = |registry: &Registry| {
        let known = registry.key_of(&key.key).unwrap();
        assert_eq!(known, key.info);
        assert!(known.scopes == Scopes::CLICK && known.confines.listed(origin));
        assert_eq!([1, 2].map(|number| known.confines.hold(hashid(number))), [true, false]);
        assert!(registry.key_of(&wide.key).unwrap().confines.hold(hashid(1)));
        assert!(registry.lists_origin(origin) && !registry.lists_origin("https://shop.example"));
    };
    check(&registry);
    registry.close();
    let registry = open(&disk);
    check(&registry);
    registry.renew().unwrap();
    check(&registry);
    registry.close();
    disk.restart();
    let registry = open(&disk);
    check(&registry);
    registry.revoke_key(&key.info.id).unwrap();
    assert!(registry.lists_origin(origin), "the other key lists it too");
    registry.revoke_key(&wide.info.id).unwrap();
    assert!(!registry.lists_origin(origin));
}
