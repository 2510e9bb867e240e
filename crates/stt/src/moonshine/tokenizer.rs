//! The tokens of a model, as text.

/// A token's number, as the model counts them.
pub(super) type Token = i64;

/// What the model is given before the first token.
pub(super) const START: Token = 1;
/// What the model gives after the last token.
pub(super) const END: Token = 2;

/// A space within a token.
const SPACE: char = '\u{2581}';

/// The bytes of each token. Characters may be spread over several of them.
#[derive(Debug)]
pub(super) struct Tokenizer(Vec<Box<[u8]>>);

/// Why a file is no tokenizer.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum TokenizerError {
    #[error("it ends within the token at byte {0}")]
    Truncated(usize),
    #[error("its tokens {START} and {END} are not the start and the end of a text")]
    OtherFormat,
}

impl Tokenizer {
    /// Reads `tokenizer.bin`: the tokens in order, each as its length in one byte, or in two
    /// where the first is 128 or more, and then its bytes.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, TokenizerError> {
        let mut rest = bytes;
        let mut tokens = vec![];
        while !rest.is_empty() {
            let position = bytes.len() - rest.len();
            let (token, behind) = take(rest).ok_or(TokenizerError::Truncated(position))?;
            tokens.push(token.into());
            rest = behind;
        }
        let tokenizer = Self(tokens);
        if tokenizer.bytes(START) == b"<s>" && tokenizer.bytes(END) == b"</s>" {
            Ok(tokenizer)
        } else {
            Err(TokenizerError::OtherFormat)
        }
    }

    /// How many tokens there are.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// The text of these tokens, trimmed, with single spaces. Tokens that stand for no text, and
    /// numbers that stand for no token, are left out.
    pub(super) fn text(&self, tokens: &[Token]) -> String {
        let bytes: Vec<u8> = tokens
            .iter()
            .map(|token| self.bytes(*token))
            .filter(|bytes| !is_mark(bytes))
            .flatten()
            .copied()
            .collect();
        let text = String::from_utf8_lossy(&bytes).replace(SPACE, " ");
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    fn bytes(&self, token: Token) -> &[u8] {
        let token = usize::try_from(token).ok();
        token.and_then(|token| self.0.get(token)).map_or(&[], AsRef::as_ref)
    }
}

/// The next token and what lies behind it.
fn take(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (&first, rest) = bytes.split_first()?;
    let first = usize::from(first);
    let (length, rest) = if first < 128 {
        (first, rest)
    } else {
        let (&second, rest) = rest.split_first()?;
        (usize::from(second) * 128 + first - 128, rest)
    };
    rest.split_at_checked(length)
}

/// Whether this is a mark such as `<s>` and not text.
fn is_mark(bytes: &[u8]) -> bool {
    bytes.len() > 2 && bytes.starts_with(b"<") && bytes.ends_with(b">")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(tokens: &[&[u8]]) -> Vec<u8> {
        let marks: [&[u8]; 3] = [b"<unk>", b"<s>", b"</s>"];
        let mut bytes = vec![];
        for token in marks.iter().chain(tokens) {
            let length = token.len();
            if length < 128 {
                bytes.push(u8::try_from(length).expect("short"));
            } else {
                bytes.push(u8::try_from(length % 128 + 128).expect("less than 256"));
                bytes.push(u8::try_from(length / 128).expect("not that long"));
            }
            bytes.extend_from_slice(token);
        }
        bytes
    }

    #[test]
    fn tokens_become_trimmed_text_without_marks() {
        let tokens: [&[u8]; 5] = ["▁Hello".as_bytes(), b"", "▁".as_bytes(), b"\xc3", b"\xa9"];
        let tokenizer = Tokenizer::parse(&file(&tokens)).expect("the file is whole");
        assert_eq!(tokenizer.len(), 8);
        assert_eq!(tokenizer.text(&[START, 3, 4, 5, 5, 6, 7, 5, END]), "Hello é");
    }

    #[test]
    fn long_tokens_have_a_length_of_two_bytes() {
        let long = [b'x'; 300];
        let tokenizer = Tokenizer::parse(&file(&[&long])).expect("the file is whole");
        assert_eq!(tokenizer.text(&[3]).len(), 300);
    }

    #[test]
    fn numbers_without_a_token_have_no_text() {
        let tokenizer = Tokenizer::parse(&file(&[b"a"])).expect("the file is whole");
        assert_eq!(tokenizer.text(&[-1, 3, 4, Token::MAX]), "a");
    }

    #[test]
    fn a_bad_file_is_an_error_wherever_it_is_cut() {
        let whole = file(&[&[b'x'; 200]]);
        for length in 0..whole.len() {
            let result = Tokenizer::parse(&whole[..length]);
            let at_a_border = length == whole.len() - 202;
            assert_eq!(result.is_ok(), at_a_border, "cut at {length}");
        }
        let other = Tokenizer::parse(b"\x01a\x01b\x01c");
        assert!(matches!(other, Err(TokenizerError::OtherFormat)), "{other:?}");
    }
}
