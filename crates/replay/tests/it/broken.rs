//! Files that are none of ours, broken, or not finished.

use replay::{End, Recording, compare, replay};

use crate::scene::parse;

const SPOKEN: &str = include_str!("../recordings/a-spoken-turn.jsonl");

fn complaint(text: &str) -> String {
    Recording::read(text).expect_err("this is wrong").to_string()
}

/// The recording with this line, counted from 1, replaced.
fn with_line(number: usize, line: &str) -> String {
    let mut lines: Vec<&str> = SPOKEN.lines().collect();
    lines[number - 1] = line;
    lines.push("");
    lines.join("\n")
}

#[test]
fn mistakes_are_told_with_their_line() {
    assert!(complaint(&with_line(7, "{\"at\":1,\"in\":\"thyme\"}")).starts_with("line 7: unknown"));
    assert!(complaint(&with_line(9, "{\"at\":")).starts_with("line 9: "));
    assert!(complaint(&with_line(2, "{\"do\":\"play\"}")).starts_with("line 2: a decision before"));
    assert!(complaint(&with_line(3, "{\"end\":\"complete\"}")).starts_with("line 4: "));
    assert!(complaint(&with_line(4, "{\"at\":1,\"answer\":[7,\"\"]}")).starts_with("line 4: more"));
}

#[test]
fn what_is_no_recording_is_told_apart() {
    assert!(complaint("").contains("not a recording"));
    assert!(complaint("hello\n").contains("not a recording"));
    assert!(complaint("{\"type\":\"text\"}\n").contains("not a recording"));
    let newer = with_line(1, "{\"repartee_recording\":2}");
    assert_eq!(
        complaint(&newer),
        "line 1: a recording of version 2, and this program reads version 1"
    );
    let other = SPOKEN.replace("\"hush\"", "\"rush\"");
    assert!(complaint(&other).contains("rush"), "{}", complaint(&other));
}

#[test]
fn a_recording_that_breaks_off_is_replayed_to_there() {
    let ends = SPOKEN.match_indices('\n').map(|(end, _)| end).skip(20).step_by(7);
    for end in ends {
        // half a line more, as when the server is killed
        let recording = parse(&SPOKEN[..(end + 10).min(SPOKEN.len() - 1)]);
        assert_eq!(recording.end, End::Missing);
        let comparison = compare(&recording, &replay(&recording));
        assert_eq!(comparison.different, 0, "{comparison}");
    }
}

#[test]
fn another_decision_is_told_with_what_led_to_it() {
    let whole = parse(SPOKEN);
    let wanted = serde_json::json!("confirm");
    let step = whole.steps.iter().find(|step| step.decisions.contains(&wanted));
    let line = step.expect("a speculative answer is confirmed").line;
    let recording = parse(&SPOKEN.replace("\"do\":\"confirm\"", "\"do\":\"finish\""));
    let comparison = compare(&recording, &replay(&recording));
    assert_eq!(comparison.different, 1);
    let text = comparison.to_string();
    assert!(text.contains(&format!("line {line}, ")), "{text}");
    assert!(text.contains("  - do \"finish\"\n"), "{text}");
    assert!(text.contains("  + do \"confirm\"\n"), "{text}");
    assert!(text.contains("    in Completeness"), "{text}");
}
