//! How a client asks for the session that it lost: by a second sub-protocol, since browsers let a
//! page set nothing else of the request.

/// What the sub-protocol begins with; the token follows.
pub const RESUME_PREFIX: &str = "repartee.resume.";
/// 128 bits as hexadecimal digits.
const TOKEN_DIGITS: usize = 32;

/// The token in the value of a `Sec-WebSocket-Protocol` header: [`RESUME_PREFIX`] and 32 lower-case
/// hexadecimal digits among the sub-protocols, which commas separate. `None` if there is none of
/// exactly this form.
pub fn resume_token(offered_sub_protocols: &str) -> Option<&str> {
    offered_sub_protocols
        .split(',')
        .filter_map(|offered| offered.trim().strip_prefix(RESUME_PREFIX))
        .find(|token| is_token(token))
}

fn is_token(text: &str) -> bool {
    text.len() == TOKEN_DIGITS && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TOKEN: &str = "00112233445566778899aabbccddeeff";

    #[test]
    fn a_token_is_found_wherever_it_stands() {
        for offered in [
            format!("repartee.resume.{TOKEN}"),
            format!("repartee.v1, repartee.resume.{TOKEN}"),
            format!("repartee.resume.{TOKEN},repartee.v1"),
            format!("repartee.resume.,\trepartee.resume.{TOKEN} , soap"),
        ] {
            assert_eq!(resume_token(&offered), Some(TOKEN), "{offered}");
        }
    }

    #[test]
    fn what_only_looks_like_a_token_is_none() {
        for offered in [
            "",
            ",",
            "repartee.v1",
            TOKEN,
            "repartee.resume.",
            "repartee.resume.00112233445566778899aabbccddeef",
            "repartee.resume.00112233445566778899aabbccddeeff0",
            "repartee.resume.00112233445566778899AABBCCDDEEFF",
            "repartee.resume.00112233445566778899aabbccddeefg",
            "repartee.resume. 00112233445566778899aabbccddeeff",
            "Repartee.resume.00112233445566778899aabbccddeeff",
            "x-repartee.resume.00112233445566778899aabbccddeeff",
            "repartee.resume.00112233445566778899aabbccddeeé",
        ] {
            assert_eq!(resume_token(offered), None, "{offered}");
        }
    }

    proptest! {
        #[test]
        fn every_token_is_found_among_others(
            token in "[0-9a-f]{32}",
            before in prop::collection::vec("[a-z.]{1,20}", 0..4),
            after in prop::collection::vec("[a-z.]{1,20}", 0..4),
        ) {
            let offered = [before, vec![format!("{RESUME_PREFIX}{token}")], after].concat();
            let offered = offered.join(", ");
            prop_assert_eq!(resume_token(&offered), Some(token.as_str()));
        }

        #[test]
        fn no_header_makes_the_search_panic(header in "\\PC*") {
            // random text holds no token; that it does would be a finding
            prop_assert_eq!(resume_token(&header), None);
        }
    }
}
