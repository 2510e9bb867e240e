//! Callers who lost their connection and come back: who holds the token that the server gave them
//! takes their session up again on another socket.

use std::{
    collections::HashMap,
    fmt::{self, Write as _},
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
};

use axum::extract::ws::WebSocket;
use tokio::sync::mpsc;

/// Sockets on their way to a session. When it is full the next one waits: the session is about to
/// take them, and the newest one counts.
const SOCKETS: usize = 1;

/// The socket on which a caller comes back, and where from.
pub(crate) type Comeback = (WebSocket, SocketAddr);

/// 128 random bits that are good for one comeback, which is complete when the client has been
/// given another token: the answer to an attempt may be lost as well. Shown to nobody but the
/// client.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Token([u8; 16]);

/// The sessions that can be taken up again. Clones share them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Comebacks(Arc<Mutex<HashMap<Token, mpsc::Sender<Comeback>>>>);

/// A token that is good as long as this lives.
pub(crate) struct Pass {
    token: Token,
    comebacks: Comebacks,
}

/// The way on which sockets reach a session.
pub(crate) fn way_back() -> (mpsc::Sender<Comeback>, mpsc::Receiver<Comeback>) {
    mpsc::channel(SOCKETS)
}

impl Comebacks {
    /// A new token; sockets that have it go this way. `None` if the system has no randomness.
    pub(crate) fn issue(&self, way: &mpsc::Sender<Comeback>) -> Option<Pass> {
        let mut bits = [0; 16];
        if let Err(error) = getrandom::fill(&mut bits) {
            tracing::error!(%error, "no random token: a lost connection cannot be resumed");
            return None;
        }
        let token = Token(bits);
        self.change(|waiting| waiting.insert(token.clone(), way.clone()));
        Some(Pass { token, comebacks: self.clone() })
    }

    /// The way to the session of this token.
    pub(crate) fn way(&self, token: &str) -> Option<mpsc::Sender<Comeback>> {
        let token = Token::parse(token)?;
        self.change(|waiting| waiting.get(&token).cloned())
    }

    fn change<T>(
        &self,
        change: impl FnOnce(&mut HashMap<Token, mpsc::Sender<Comeback>>) -> T,
    ) -> T {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Pass {
    /// The token as the client gets it.
    pub(crate) fn token(&self) -> String {
        self.token.0.iter().fold(String::new(), |mut text, byte| {
            // writing to a string never fails
            let _ = write!(text, "{byte:02x}");
            text
        })
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        self.comebacks.change(|waiting| waiting.remove(&self.token));
    }
}

impl Token {
    fn parse(text: &str) -> Option<Self> {
        let mut bits = [0; 16];
        if text.len() != 2 * bits.len() || !text.is_ascii() {
            return None;
        }
        for (byte, digits) in bits.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
            *byte = u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
        }
        Some(Self(bits))
    }
}

impl fmt::Debug for Token {
    /// Not its bits: whoever reads the log could take over a session.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_good_until_its_pass_goes() {
        let (comebacks, (way, _sockets)) = (Comebacks::default(), way_back());
        let pass = comebacks.issue(&way).expect("there is randomness");
        let token = pass.token();
        assert_eq!(token.len(), 32);
        // the answer to the first attempt may have been lost
        assert!(comebacks.way(&token).is_some());
        assert!(comebacks.way(&token).is_some());
        drop(pass);
        assert!(comebacks.way(&token).is_none());
    }

    #[test]
    fn nothing_stays_of_passes() {
        let (comebacks, (way, _sockets)) = (Comebacks::default(), way_back());
        let passes: Vec<Pass> = (0..100).filter_map(|_| comebacks.issue(&way)).collect();
        assert_eq!(comebacks.change(|waiting| waiting.len()), 100);
        drop(passes);
        assert_eq!(comebacks.change(|waiting| waiting.len()), 0);
    }

    #[test]
    fn tokens_are_not_shown() {
        let (comebacks, (way, _sockets)) = (Comebacks::default(), way_back());
        let pass = comebacks.issue(&way).expect("there is randomness");
        let shown = format!("{comebacks:?} {:?}", pass.token);
        assert!(shown.contains("Token(..)") && !shown.contains(&pass.token()), "{shown}");
    }

    #[test]
    fn tokens_differ_and_what_is_none_is_refused() {
        let (comebacks, (way, _sockets)) = (Comebacks::default(), way_back());
        let passes: Vec<Pass> = (0..100).filter_map(|_| comebacks.issue(&way)).collect();
        let tokens: std::collections::HashSet<String> = passes.iter().map(Pass::token).collect();
        assert_eq!(tokens.len(), 100);
        for wrong in
            ["", "00", "zz112233445566778899aabbccddeeff", "é0112233445566778899aabbccddeef"]
        {
            assert!(comebacks.way(wrong).is_none(), "{wrong}");
        }
    }
}
