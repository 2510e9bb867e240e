//! `docs/protocol.md` and the code say the same.

use protocol::{ClientMessage, ErrorCode, ServerMessage};
use serde_json::Value;

const CONTRACT: &str = include_str!("../../../../docs/protocol.md");

/// The JSON examples of one section, as the contract prints them.
fn examples(heading: &str) -> Vec<&'static str> {
    let (_, section) = CONTRACT.split_once(heading).expect("the contract has this section");
    let section = section.split("\n## ").next().unwrap_or_default();
    section.split('`').filter(|code| code.starts_with(r#"{"type":"#)).collect()
}

fn value(json: &str) -> Value {
    serde_json::from_str(json).expect("an example is JSON")
}

#[test]
fn every_example_of_a_client_message_is_understood_and_said_again_alike() {
    let examples = examples("## Client to server, text");
    assert!(examples.len() >= 8, "{examples:?}");
    for example in examples {
        let message = ClientMessage::decode(example).expect(example);
        assert_eq!(value(&message.encode()), value(example));
    }
}

#[test]
fn every_example_of_a_server_message_is_understood_and_said_again_alike() {
    let examples = examples("## Server to client, text");
    assert!(examples.len() >= 13, "{examples:?}");
    for example in examples {
        // The example of an error leaves its code open.
        let example = example.replace(r#""code":"…""#, r#""code":"overloaded""#);
        let message = ServerMessage::decode(&example).expect(&example);
        assert_ne!(message, ServerMessage::Unknown, "{example}");
        assert_eq!(value(&message.encode()), value(&example));
    }
}

#[test]
fn every_error_code_is_in_the_contract() {
    for code in ErrorCode::ALL {
        let name = code.as_str();
        let quoted = [format!("`{name}`"), format!("\"{name}\"")];
        assert!(quoted.iter().any(|name| CONTRACT.contains(name)), "{name} is missing");
    }
}

#[test]
fn every_error_code_of_the_contract_can_be_sent() {
    let (_, section) = CONTRACT.split_once("## Errors").expect("the contract has this section");
    let rows = section.lines().filter(|line| line.starts_with("| `"));
    let codes = rows.filter_map(|row| row.split('|').nth(1)).flat_map(|cell| cell.split(','));
    let codes: Vec<&str> = codes.map(|code| code.trim().trim_matches('`')).collect();
    assert!(codes.len() >= 11, "{codes:?}");
    for code in codes {
        assert!(ErrorCode::ALL.iter().any(|known| known.as_str() == code), "{code}");
    }
}

#[test]
fn the_limits_are_those_of_the_contract() {
    assert!(CONTRACT.contains("at most 4,000 characters") && protocol::MAX_TEXT_CHARS == 4_000);
    assert!(CONTRACT.contains("at most 64 KiB") && protocol::MAX_BINARY == 64 * 1024);
    assert!(CONTRACT.contains("8000 to 96000") && protocol::RATES == (8_000..=96_000));
    assert!(CONTRACT.contains(protocol::SUB_PROTOCOL));
}
