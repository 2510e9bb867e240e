//! Which room may use which: a new arrow is a design decision, to be made in `ARCHITECTURE.md` and
//! here.

use std::collections::{BTreeMap, BTreeSet};

use cargo_metadata::{DependencyKind, MetadataCommand, Package};

/// Room, and the rooms it may use.
const ALLOWED: &[(&str, &[&str])] = &[
    ("audio", &[]),
    ("engine", &[]),
    ("models", &[]),
    ("protocol", &[]),
    ("turn", &["audio"]),
    ("vad", &["audio", "engine"]),
    ("endpointing", &["audio", "engine"]),
    ("stt", &["audio", "engine"]),
    ("tts", &["audio", "engine"]),
    ("llm", &["engine"]),
    ("session", &["audio", "engine", "turn", "vad", "endpointing", "stt", "llm", "tts"]),
    ("server", &["audio", "engine", "protocol", "session"]),
    ("replay", &["engine", "llm", "session", "turn"]),
    ("loadtest", &["audio", "protocol"]),
    ("planner", &["engine", "llm"]),
    (
        "cli",
        &[
            "audio",
            "endpointing",
            "engine",
            "llm",
            "loadtest",
            "models",
            "planner",
            "protocol",
            "replay",
            "server",
            "session",
            "stt",
            "tts",
            "turn",
            "vad",
        ],
    ),
];

/// Libraries that a room must not know, and why the room exists without them.
const FORBIDDEN: &[(&str, &[&str])] = &[
    ("audio", &["tokio", "serde", "ort"]),
    ("turn", &["tokio", "serde", "ort"]),
    ("session", &["axum", "serde", "serde_json", "ort", "llama-cpp-2", "libloading"]),
    ("protocol", &["tokio", "axum"]),
];

fn packages() -> Vec<Package> {
    let metadata = MetadataCommand::new().no_deps().exec().expect("cargo tells the workspace");
    metadata.packages
}

fn uses(package: &Package) -> BTreeSet<String> {
    let normal = package.dependencies.iter().filter(|it| it.kind == DependencyKind::Normal);
    normal.map(|dependency| dependency.name.clone()).collect()
}

#[test]
fn rooms_use_only_the_rooms_below_them() {
    let packages = packages();
    let rooms: BTreeSet<String> = packages.iter().map(|it| it.name.to_string()).collect();
    let allowed: BTreeMap<&str, &[&str]> = ALLOWED.iter().copied().collect();
    for package in &packages {
        let Some(allowed) = allowed.get(package.name.as_str()) else {
            panic!("the room `{}` is not in the list of rooms", package.name);
        };
        let used = uses(package);
        let used: Vec<&String> = used.intersection(&rooms).collect();
        let wrong: Vec<_> = used.iter().filter(|used| !allowed.contains(&used.as_str())).collect();
        assert!(wrong.is_empty(), "`{}` must not use {wrong:?}", package.name);
    }
}

#[test]
fn rooms_know_nothing_of_what_they_are_kept_apart_from() {
    let packages = packages();
    for (room, forbidden) in FORBIDDEN {
        let package = packages.iter().find(|it| it.name.as_str() == *room).expect("a room");
        let used = uses(package);
        let wrong: Vec<_> = forbidden.iter().filter(|name| used.contains(**name)).collect();
        assert!(wrong.is_empty(), "`{room}` must not use {wrong:?}");
    }
}

#[test]
fn folders_are_named_as_their_rooms() {
    for package in packages() {
        let folder = package.manifest_path.parent().and_then(|path| path.file_name());
        assert_eq!(folder, Some(package.name.as_str()));
    }
}
