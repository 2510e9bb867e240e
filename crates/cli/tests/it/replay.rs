//! `repartee replay`, from the outside.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

fn recording(name: &str) -> PathBuf {
    let rooms = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("it is among the rooms");
    rooms.join("replay/tests/recordings").join(name)
}

fn replay(args: &[&str], file: &Path) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_repartee"));
    command.arg("replay").args(args).arg(file).output().expect("it runs")
}

fn printed(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("text")
}

#[test]
fn a_recording_is_told_and_decided_the_same() {
    let output = replay(&[], &recording("an-interruption.jsonl"));
    let text = printed(&output);
    assert!(output.status.success(), "{text}");
    assert!(text.contains("answer 1 is interrupted; heard: It is"), "{text}");
    assert!(text.trim_end().ends_with("all the same"), "{text}");
}

#[test]
fn another_decision_is_a_failure() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("c1.jsonl");
    let text = fs::read_to_string(recording("a-spoken-turn.jsonl")).unwrap();
    fs::write(&file, text.replace("\"do\":\"confirm\"", "\"do\":\"finish\"")).unwrap();
    let output = replay(&[], &file);
    assert_eq!(output.status.code(), Some(1));
    assert!(printed(&output).contains("  - do \"finish\"\n  + do \"confirm\"\n"));
}

#[test]
fn a_broken_file_is_named_with_its_line() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("c1.jsonl");
    fs::write(&file, "{}\n").unwrap();
    let output = replay(&[], &file);
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(error.contains("c1.jsonl: line 1: not a recording"), "{error}");
}

#[test]
fn other_settings_are_no_failure() {
    let folder = tempfile::tempdir().unwrap();
    let settings = folder.path().join("slow.toml");
    fs::write(&settings, "[turn]\nspeed = 100\n").unwrap();
    let settings = settings.to_str().unwrap();
    let file = recording("a-spoken-turn.jsonl");
    let output = replay(&["--with-settings", "--config", settings], &file);
    let text = printed(&output);
    assert!(output.status.success(), "{text}");
    assert!(text.lines().any(|line| line.starts_with("- ") && line.contains("the caller said")));
    assert!(text.lines().any(|line| line.starts_with("+ ") && line.contains("the caller said")));
}

#[test]
fn each_recording_can_be_a_line_of_json() {
    let output = replay(&["--json"], &recording("a-cough.jsonl"));
    let told: serde_json::Value = serde_json::from_slice(&output.stdout).expect("one line of JSON");
    assert_eq!(told["different"], 0);
    let moments = told["moments"].as_array().expect("moments");
    assert!(moments.iter().any(|moment| moment["what"] == "resumed" && moment["response"] == 1));
}
