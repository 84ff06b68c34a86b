use std::fs;

use rcgen::CertificateParams;
use tempfile::{TempDir, tempdir};

use super::lab::Pair;
use super::*;

fn loaded() -> (TempDir, CertificatePaths, Arc<CertificateStore>) {
    let directory = tempdir().unwrap();
    let paths = Pair::generate().write(directory.path());
    let store = CertificateStore::load(paths.clone()).unwrap();
    (directory, paths, store)
}

fn served(store: &CertificateStore) -> CertificateDer<'static> {
    store.current.load().pair.cert[0].clone()
}

fn leaf(pair: &Pair) -> CertificateDer<'static> {
    CertificateDer::from_pem_slice(pair.chain.as_bytes()).unwrap()
}

#[test]
fn a_new_pair_is_put_in_force_and_counted() {
    let (directory, _, store) = loaded();
    let new = Pair::generate();
    new.write(directory.path());
    assert!(matches!(store.check_changed(), Some(Ok(Reload::Replaced { .. }))));
    assert_eq!(served(&store), leaf(&new));
    assert!(store.check_changed().is_none());
    assert_eq!(store.reload().unwrap(), Reload::Unchanged);
    let snapshot = store.snapshot();
    assert_eq!((snapshot.reloads, snapshot.reload_failures), (1, 0));
}

#[test]
fn a_key_of_another_certificate_leaves_the_old_pair_in_force() {
    let (_directory, paths, store) = loaded();
    let old = served(&store);
    let new = Pair::generate();
    // As a renewal does it: one file first.
    fs::write(&paths.key, &new.key).unwrap();
    let refused = store.check_changed().unwrap().unwrap_err();
    assert!(matches!(refused, CertificateError::Mismatch { .. }), "{refused}");
    assert_eq!(served(&store), old);
    assert!(store.check_changed().is_none(), "said once, not on every look");
    fs::write(&paths.chain, &new.chain).unwrap();
    assert!(matches!(store.check_changed(), Some(Ok(Reload::Replaced { .. }))));
    assert_eq!(served(&store), leaf(&new));
    let snapshot = store.snapshot();
    assert_eq!((snapshot.reloads, snapshot.reload_failures), (1, 1));
}

#[test]
fn a_file_that_vanishes_leaves_the_old_pair_in_force() {
    let (_directory, paths, store) = loaded();
    let old = served(&store);
    fs::remove_file(&paths.chain).unwrap();
    assert!(matches!(store.check_changed(), Some(Err(CertificateError::Missing { .. }))));
    assert_eq!(served(&store), old);
}

#[test]
fn other_files_are_watched_once_they_have_proved_good() {
    let (_directory, paths, store) = loaded();
    let elsewhere = tempdir().unwrap();
    let other = CertificatePaths { chain: elsewhere.path().join("chain.pem"), ..paths.clone() };
    assert!(matches!(store.reload_from(other), Err(CertificateError::Missing { .. })));
    assert_eq!(store.paths(), paths);
    let new = Pair::generate();
    let other = new.write(elsewhere.path());
    assert!(matches!(store.reload_from(other.clone()), Ok(Reload::Replaced { .. })));
    assert_eq!((store.paths(), served(&store)), (other, leaf(&new)));
    assert!(store.check_changed().is_none());
    Pair::generate().write(elsewhere.path());
    assert!(matches!(store.check_changed(), Some(Ok(Reload::Replaced { .. }))));
}

#[test]
fn a_pair_behind_a_link_that_moves_is_seen() {
    let directory = tempdir().unwrap();
    let (old, new) = (directory.path().join("1"), directory.path().join("2"));
    for target in [&old, &new] {
        fs::create_dir(target).unwrap();
        Pair::generate().write(target);
    }
    let live = directory.path().join("live");
    std::os::unix::fs::symlink(&old, &live).unwrap();
    let paths = CertificatePaths { chain: live.join("chain.pem"), key: live.join("key.pem") };
    let store = CertificateStore::load(paths).unwrap();
    fs::remove_file(&live).unwrap();
    std::os::unix::fs::symlink(&new, &live).unwrap();
    assert!(matches!(store.check_changed(), Some(Ok(Reload::Replaced { .. }))));
}

/// Loads what `spoil` made of a good pair and gives the refusal.
fn refusal(spoil: impl FnOnce(&mut Pair)) -> (CertificateError, String) {
    let directory = tempdir().unwrap();
    let mut pair = Pair::generate();
    spoil(&mut pair);
    let error = CertificateStore::load(pair.write(directory.path())).unwrap_err();
    let text = error.to_string();
    assert!(text.contains(".pem") && text.contains(": "), "names the file and the mend: {text}");
    (error, text)
}

#[test]
fn each_refusal_names_its_cause() {
    let (error, _) = refusal(|pair| pair.chain.clear());
    assert!(matches!(error, CertificateError::NoCertificate { .. }), "{error:?}");
    let (error, _) = refusal(|pair| pair.chain.truncate(200));
    assert!(matches!(error, CertificateError::ChainPem { .. }), "{error:?}");
    let (error, _) = refusal(|pair| {
        pair.chain = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n".to_owned();
    });
    assert!(matches!(error, CertificateError::NotX509 { .. }), "{error:?}");
    let (error, _) = refusal(|pair| pair.key.clear());
    assert!(matches!(error, CertificateError::KeyPem { .. }), "{error:?}");
    let (error, _) = refusal(|pair| {
        pair.key = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n".to_owned();
    });
    assert!(matches!(error, CertificateError::Key { .. }), "{error:?}");
    let (error, _) = refusal(|pair| pair.key = Pair::generate().key);
    assert!(matches!(error, CertificateError::Mismatch { .. }), "{error:?}");
    let (error, _) = refusal(|pair| pair.chain = " ".repeat((1 << 20) + 1));
    assert!(matches!(error, CertificateError::TooLarge { .. }), "{error:?}");
}

#[test]
fn no_message_shows_the_key() {
    let (error, text) = refusal(|pair| pair.chain = Pair::generate().chain);
    assert!(!text.contains("BEGIN") && !format!("{error:?}").contains("BEGIN"));
}

#[test]
fn a_missing_file_and_a_directory_are_told_apart() {
    let directory = tempdir().unwrap();
    let mut paths = Pair::generate().write(directory.path());
    paths.key = directory.path().join("absent.pem");
    let missing = CertificateStore::load(paths.clone()).unwrap_err();
    assert!(missing.to_string().contains("absent.pem does not exist"), "{missing}");
    paths.key = directory.path().to_owned();
    assert!(matches!(CertificateStore::load(paths), Err(CertificateError::Read { .. })));
}

#[test]
fn an_operator_hears_of_dates_in_time() {
    let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    params.not_before = rcgen::date_time_ymd(2026, 1, 1);
    params.not_after = rcgen::date_time_ymd(2026, 4, 1);
    let directory = tempdir().unwrap();
    let store = CertificateStore::load(Pair::from_params(params).write(directory.path())).unwrap();
    let validity = store.snapshot().validity;
    let day = Duration::from_secs(24 * 3_600);
    for (now, expected) in [
        (validity.not_before - day, Some("not valid yet")),
        (validity.not_before, None),
        (validity.not_after - 30 * day, None),
        (validity.not_after - 20 * day, Some("expires in 20 days")),
        (validity.not_after + day, Some("has expired")),
    ] {
        let warning = validity.warning(now).map(|warning| warning.to_string());
        assert_eq!(warning.is_some(), expected.is_some(), "{warning:?}");
        assert!(warning.unwrap_or_default().contains(expected.unwrap_or_default()));
    }
}
