//! Where recordings are.

use std::{fs, os::unix::fs::PermissionsExt, sync::Arc, time::Duration};

use replay::{End, Recorder};
use session::{Config, Input, Tape as _};

use crate::scene::{parse, read};

fn config() -> Arc<Config> {
    Arc::new(Config::default())
}

#[test]
fn recordings_are_for_their_owner_only() {
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path().join("of/calls");
    let recorder = Recorder::start(&folder, config()).unwrap();
    let tape = recorder.tape("c1").unwrap();
    let mode = |path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(folder.as_path()), 0o700);
    assert_eq!(mode(tape.path()), 0o600);
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 1);
}

#[test]
fn a_recording_is_whole_when_the_session_and_the_recorder_have_gone() {
    let folder = tempfile::tempdir().unwrap();
    let recorder = Recorder::start(folder.path(), config()).unwrap();
    let mut tape = recorder.tape("c7").unwrap();
    let path = tape.path().to_owned();
    for millis in 0..10_000 {
        tape.input(Duration::from_millis(millis), &Input::Time);
    }
    drop(tape);
    drop(recorder);
    let recording = parse(&read(&path));
    assert_eq!((recording.connection.as_str(), recording.end), ("c7", End::Complete));
    assert_eq!(recording.steps.len(), 10_000);
    let name = path.file_name().unwrap().to_str().unwrap();
    assert!(name.starts_with(&recording.started.replace(':', "-")) && name.ends_with("-c7.jsonl"));
}

#[test]
fn a_folder_that_cannot_be_is_an_error_at_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    let error = Recorder::start(&file.join("calls"), config()).expect_err("it is a file");
    assert!(error.to_string().contains("could not create the folder"), "{error}");
}
