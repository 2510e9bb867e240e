//! Conversations are recorded, and had again.

use std::{env, fs, path::PathBuf, time::Duration};

use replay::{End, Recording, What, compare, moments, replay};
use session::{Command, ResponseId};

use crate::scene::{Deed, Scene, listen, parse, read, speak};

/// With it, the recordings that are kept are made anew.
const ANEW: &str = "REPARTEE_NEW_RECORDINGS";
const QUESTION: &str = "What is the capital of France?";
const LONG: &str = "It is Paris, a city on the Seine. It has two million people, and many more \
                    live around it.";

fn scenes() -> Vec<Scene> {
    let ask = |rest: Vec<Deed>| {
        let mut deeds = vec![Deed::Ask(Command::Hello), listen(320), speak(1_280), listen(1_500)];
        deeds.extend(rest);
        deeds
    };
    let reports = |until, playing| {
        let until = Duration::from_millis(until);
        Deed::Ask(Command::Heard { response: ResponseId(1), until, playing })
    };
    vec![
        Scene {
            name: "a-spoken-turn",
            heard: &["What is the", QUESTION],
            answers: &["Paris."],
            deeds: vec![
                Deed::Ask(Command::Hello),
                listen(320),
                speak(640),
                listen(160),
                speak(640),
                listen(480),
                reports(0, true),
                listen(320),
                reports(300, false),
                listen(640),
            ],
        },
        Scene {
            name: "an-interruption",
            heard: &[QUESTION, "Wait, what about Rome?"],
            answers: &[LONG, "That is in Italy."],
            deeds: ask(vec![speak(960), listen(3_000)]),
        },
        Scene {
            name: "a-cough",
            heard: &[QUESTION],
            answers: &[LONG],
            deeds: ask(vec![speak(160), listen(6_000)]),
        },
        Scene {
            name: "a-sign-of-listening",
            heard: &[QUESTION, "Mm-hm."],
            answers: &[LONG],
            deeds: ask(vec![speak(320), listen(6_000)]),
        },
        Scene {
            name: "a-lost-connection",
            heard: &[QUESTION],
            answers: &[LONG],
            deeds: ask(vec![
                reports(900, true),
                Deed::Ask(Command::Away),
                Deed::Leave(Duration::from_secs(5)),
                Deed::Ask(Command::Back),
                listen(7_000),
            ]),
        },
    ]
}

fn kept() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/recordings")
}

fn kept_recordings() -> Vec<(PathBuf, Recording)> {
    let entries = fs::read_dir(kept()).expect("the folder is there");
    let paths = entries.map(|entry| entry.expect("it can be read").path());
    paths.map(|path| (path.clone(), parse(&read(&path)))).collect()
}

fn told(recording: &Recording) -> Vec<What> {
    moments(&replay(recording)).into_iter().map(|moment| moment.what).collect()
}

fn has(recording: &Recording, wanted: impl Fn(&What) -> bool) -> bool {
    told(recording).iter().any(wanted)
}

#[tokio::test(start_paused = true)]
async fn what_is_recorded_is_decided_the_same_again() {
    for scene in scenes() {
        let text = scene.record().await;
        let recording = parse(&text);
        assert_eq!(recording.end, End::Complete, "{}", scene.name);
        assert!(recording.steps.len() > 100, "{}", scene.name);
        let comparison = compare(&recording, &replay(&recording));
        assert_eq!(comparison.different, 0, "{}: {comparison}", scene.name);
        if env::var_os(ANEW).is_some() {
            let text = text.replace(&recording.started, "2026-01-01T00:00:00.000Z");
            let path = kept().join(format!("{}.jsonl", scene.name));
            fs::write(path, text).expect("it can be written");
        }
    }
}

#[test]
fn what_was_recorded_before_is_decided_the_same_now() {
    let recordings = kept_recordings();
    assert!(recordings.len() >= scenes().len());
    for (path, recording) in recordings {
        let comparison = compare(&recording, &replay(&recording));
        assert_eq!(comparison.different, 0, "{}: {comparison}", path.display());
        assert!(comparison.to_string().ends_with("all the same"));
    }
}

#[test]
fn a_conversation_can_be_had_as_often_as_one_likes() {
    for (path, recording) in kept_recordings() {
        assert_eq!(replay(&recording), replay(&recording), "{}", path.display());
    }
}

#[tokio::test(start_paused = true)]
async fn what_happened_is_told() {
    let mut recordings = Vec::new();
    for scene in scenes() {
        recordings.push(parse(&scene.record().await));
    }
    let [spoken, interruption, cough, listening, lost] = recordings.as_slice() else {
        panic!("{} scenes", recordings.len())
    };
    assert!(has(spoken, |what| matches!(what, What::GoesOn)));
    assert!(has(spoken, |what| matches!(what, What::SpeculationUsed)));
    assert!(has(spoken, |what| matches!(what, What::TurnEnd { text } if text == QUESTION)));
    assert!(has(spoken, |what| matches!(what, What::HeardOut)));
    assert!(has(interruption, |what| matches!(
        what,
        What::Interrupted { response: 1, heard } if heard.starts_with("It is") && heard.ends_with('…')
    )));
    assert!(has(interruption, |what| matches!(what, What::Said { response: 2, .. })));
    for recording in [cough, listening] {
        assert!(has(recording, |what| matches!(what, What::Paused { .. })));
        assert!(has(recording, |what| matches!(what, What::Resumed { .. })));
        assert!(has(recording, |what| matches!(what, What::NoTurn)));
        assert!(!has(recording, |what| matches!(what, What::Interrupted { .. })));
        assert!(has(recording, |what| matches!(what, What::HeardOut)));
    }
    assert!(has(listening, |what| matches!(what, What::Heard { text, .. } if text == "Mm-hm.")));
    assert!(has(lost, |what| matches!(what, What::Asked { command } if command == "Back")));
    assert!(has(lost, |what| matches!(what, What::HeardOut)));
}
