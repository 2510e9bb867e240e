//! What lies on disk: by whom, how sure, and for how long.

use std::cell::RefCell;
use std::fs::{self, File};
use std::time::SystemTime;

use models::{Cause, Error, Event, Silent};

use crate::shop::{Shopper, catalogue, digest, files_in, from_wheel, index, ranged, wheel};

const CONTENT: &[u8] = b"weights";

fn by_hand(shopper: &Shopper, content: &[u8]) {
    fs::create_dir_all(shopper.target().parent().unwrap()).unwrap();
    fs::write(shopper.target(), content).unwrap();
}

#[test]
fn offline_the_error_says_what_is_missing_and_how_to_place_it() {
    let mut shopper = Shopper::new();
    shopper.settings.offline = true;
    let store = shopper.store(&catalogue(CONTENT, &from_wheel(b"")));
    let pulled = store.pull("voice", &Silent).unwrap_err();
    let looked = store.path("voice", "weights.bin").unwrap_err();
    for error in [pulled, looked] {
        let text = error.to_string();
        let (target, digest) = (shopper.target().display().to_string(), digest(CONTENT));
        for part in
            ["A_Voice==1.0", "a_voice/data/weights.bin", &target, &digest.to_string(), "`voice`"]
        {
            assert!(text.contains(part), "{part} is not in:\n{text}");
        }
    }
    assert!(!shopper.target().exists());
}

#[test]
fn a_file_placed_by_hand_counts() {
    let mut shopper = Shopper::new();
    shopper.settings.offline = true;
    let store = shopper.store(&catalogue(CONTENT, &from_wheel(b"")));
    by_hand(&shopper, CONTENT);
    assert!(store.list()[0].installed);
    assert_eq!(store.path("voice", "weights.bin").unwrap(), shopper.target());
    assert_eq!(store.pull("voice", &Silent).unwrap().pulled, 0);
    assert_eq!(store.verify("voice").unwrap().files, [shopper.target()]);
}

#[test]
fn a_wrong_file_placed_by_hand_does_not_count_and_is_replaced() {
    let wheel = wheel(CONTENT);
    let index = index(wheel.clone(), ranged);
    let shopper = Shopper::at(&index);
    let store = shopper.store(&catalogue(CONTENT, &from_wheel(&wheel)));
    for (content, size_differs) in [(&b"nothing of the kind"[..], true), (b"WEIGHTS", false)] {
        by_hand(&shopper, content);
        assert!(!store.list()[0].installed);
        let error = store.path("voice", "weights.bin").unwrap_err();
        let Error::NotInstalled { cause, .. } = &error else { panic!("{error}") };
        match **cause {
            Cause::WrongSize { .. } => assert!(size_differs),
            Cause::WrongDigest { .. } => assert!(!size_differs),
            _ => panic!("{error}"),
        }
        assert_eq!(store.pull("voice", &Silent).unwrap().pulled, 1);
        assert_eq!(fs::read(shopper.target()).unwrap(), CONTENT);
    }
}

#[test]
fn a_file_is_hashed_once_and_again_only_when_it_looks_different_or_on_request() {
    let shopper = Shopper::new();
    let store = shopper.store(&catalogue(CONTENT, &from_wheel(b"")));
    by_hand(&shopper, CONTENT);
    store.path("voice", "weights.bin").unwrap();

    // The same length and time, as only a test makes it: believed, since it is not read.
    let touched = fs::metadata(shopper.target()).unwrap().modified().unwrap();
    let rewrite = |time: SystemTime| {
        fs::write(shopper.target(), b"WEIGHTS").unwrap();
        File::options().write(true).open(shopper.target()).unwrap().set_modified(time).unwrap();
    };
    rewrite(touched);
    store.path("voice", "weights.bin").unwrap();
    let error = store.verify("voice").unwrap_err();
    assert!(error.to_string().contains(&digest(b"WEIGHTS").to_string()), "{error}");
    // Verifying corrected the record.
    assert!(store.path("voice", "weights.bin").is_err());

    by_hand(&shopper, CONTENT);
    store.verify("voice").unwrap();
    rewrite(SystemTime::UNIX_EPOCH);
    assert!(store.path("voice", "weights.bin").is_err());
}

#[test]
fn a_damaged_record_only_costs_a_second_look() {
    let shopper = Shopper::new();
    let store = shopper.store(&catalogue(CONTENT, &from_wheel(b"")));
    by_hand(&shopper, CONTENT);
    store.path("voice", "weights.bin").unwrap();
    let folder = shopper.target().parent().unwrap().to_owned();
    let record = files_in(&folder).into_iter().find(|path| *path != shopper.target()).unwrap();
    fs::write(record, b"{").unwrap();
    store.path("voice", "weights.bin").unwrap();
    assert_eq!(files_in(&folder).len(), 2, "no drafts of the record stay");
}

#[test]
fn a_pull_waits_for_another_one_and_takes_what_that_brought() {
    let shopper = Shopper::new();
    let store = shopper.store(&catalogue(CONTENT, &from_wheel(b"")));
    let other = File::create(shopper.folder.path().join(".lock")).unwrap();
    other.lock().unwrap();
    let other = RefCell::new(Some(other));
    let waited = RefCell::new(0);
    // The other process brings the file and ends as soon as it is waited for.
    let progress = |event: Event<'_>| {
        assert_eq!(event, Event::Waiting);
        by_hand(&shopper, CONTENT);
        drop(other.take());
        *waited.borrow_mut() += 1;
    };
    assert_eq!(store.pull("voice", &progress).unwrap().pulled, 0);
    assert_eq!(waited.into_inner(), 1);
}

#[test]
fn a_refusal_of_the_file_system_names_the_path() {
    let wheel = wheel(CONTENT);
    let index = index(wheel.clone(), ranged);
    let mut shopper = Shopper::at(&index);
    // A folder is where the file should go.
    fs::create_dir_all(shopper.target().join("in-the-way")).unwrap();
    let text = catalogue(CONTENT, &from_wheel(&wheel));
    let error = shopper.store(&text).pull("voice", &Silent).unwrap_err().to_string();
    assert!(error.contains(&format!("`{}`", shopper.target().display())), "{error}");

    // A file is where the store should be.
    let file = shopper.folder.path().join("file");
    fs::write(&file, b"").unwrap();
    shopper.settings.models_dir.clone_from(&file);
    let error = shopper.store(&text).pull("voice", &Silent).unwrap_err();
    let Error::Io { path, .. } = &error else { panic!("{error}") };
    assert_eq!(*path, file);
}

#[test]
fn names_that_are_not_there_are_answered_with_those_that_are() {
    let shopper = Shopper::new();
    let store = shopper.store(&catalogue(CONTENT, &from_wheel(b"")));
    let unknown_model = store.ensure(&["silero"], &Silent).unwrap_err().to_string();
    assert!(unknown_model.contains("`silero`") && unknown_model.contains("voice"));
    let unknown_file = store.path("voice", "waits.bin").unwrap_err().to_string();
    assert!(unknown_file.contains("`waits.bin`") && unknown_file.contains("weights.bin"));
}

#[test]
fn a_model_for_other_machines_says_for_which() {
    let shopper = Shopper::new();
    let source = from_wheel(b"") + "\nplatforms = ['windows-aarch64']";
    let store = shopper.store(&catalogue(CONTENT, &source));
    let entry = &store.list()[0];
    assert!(!entry.supported && !entry.installed);
    let error = store.pull("voice", &Silent).unwrap_err().to_string();
    assert!(error.contains("only for windows-aarch64"), "{error}");
}
