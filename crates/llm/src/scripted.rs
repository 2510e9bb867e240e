//! A language model without a model, for tests: says what the script says.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::sync::watch;

use crate::{
    Conversation, Info, LanguageModel, LlmError, Message, Options, Standing, TokenStream,
    token_stream,
};

type Reply = dyn Fn(&[Message]) -> String + Send + Sync;

/// Responds with what a function makes of the messages, a word at a time. A word `!error` fails
/// there; a word `!hang` never ends. It says a speculative response as any other.
#[derive(Clone)]
pub struct Scripted {
    reply: Arc<Reply>,
    asked: Arc<Mutex<Vec<Vec<Message>>>>,
    standings: Arc<Mutex<Vec<watch::Receiver<Standing>>>>,
}

impl Scripted {
    /// A model that answers by this function.
    pub fn new(reply: impl Fn(&[Message]) -> String + Send + Sync + 'static) -> Self {
        Self { reply: Arc::new(reply), asked: Arc::default(), standings: Arc::default() }
    }

    /// A model that says these lines, one for each request, then "That was all."
    pub fn lines<L: Into<String>>(lines: impl IntoIterator<Item = L>) -> Self {
        let lines: VecDeque<String> = lines.into_iter().map(Into::into).collect();
        let lines = Mutex::new(lines);
        Self::new(move |_| {
            let mut lines = lines.lock().unwrap_or_else(PoisonError::into_inner);
            lines.pop_front().unwrap_or_else(|| "That was all.".to_owned())
        })
    }

    /// What it was asked so far, over all conversations.
    pub fn asked(&self) -> Vec<Vec<Message>> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How each response that it was asked for stands, or stood when its stream was dropped.
    pub fn standings(&self) -> Vec<Standing> {
        let standings = self.standings.lock().unwrap_or_else(PoisonError::into_inner);
        standings.iter().map(|standing| *standing.borrow()).collect()
    }
}

impl LanguageModel for Scripted {
    fn open(&self) -> Result<Box<dyn Conversation>, LlmError> {
        Ok(Box::new(ScriptedConversation { model: self.clone(), hanging: Vec::new() }))
    }

    fn info(&self) -> Info {
        Info { name: "scripted".to_owned(), context_tokens: 4096, slots: None, memory_bytes: 0 }
    }
}

struct ScriptedConversation {
    model: Scripted,
    hanging: Vec<crate::Outlet>,
}

impl Conversation for ScriptedConversation {
    fn respond(&mut self, messages: &[Message], _: &Options) -> Result<TokenStream, LlmError> {
        let mut asked = self.model.asked.lock().unwrap_or_else(PoisonError::into_inner);
        asked.push(messages.to_vec());
        drop(asked);
        let reply = (self.model.reply)(messages);
        let words: Vec<&str> = reply.split_inclusive(' ').collect();
        let (outlet, stream) = token_stream(words.len().max(1));
        let mut standings = self.model.standings.lock().unwrap_or_else(PoisonError::into_inner);
        standings.push(outlet.standing.clone());
        drop(standings);
        for word in words {
            // there is room for every word, and the receiver is `stream`
            let _ = match word.trim() {
                "!hang" => {
                    self.hanging.push(outlet);
                    return Ok(stream);
                }
                "!error" => {
                    let failure = LlmError::Model("as the script says".to_owned());
                    let _ = outlet.pieces.try_send(Err(failure));
                    return Ok(stream);
                }
                _ => outlet.pieces.try_send(Ok(word.to_owned())),
            };
        }
        Ok(stream)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_tells_what_was_asked_speculatively_and_what_came_of_it() {
        let model = Scripted::lines(["One.", "Two.", "Three."]);
        let mut conversation = model.open().unwrap();
        let options = Options::default();
        let _live = conversation.respond(&[], &options).unwrap();
        let kept = conversation.speculate(&[], &options).unwrap();
        let dropped = conversation.speculate(&[], &options).unwrap();
        kept.confirm();
        drop(dropped);
        let expected = [Standing::Live, Standing::Confirmed, Standing::Speculative];
        assert_eq!(model.standings(), expected);
        assert_eq!(model.asked().len(), 3);
    }
}
