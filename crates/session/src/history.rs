//! What has been said, as the language model is told it.

use std::sync::Arc;

use llm::{Message, Role};

use crate::ledger::CUT;

/// The most messages kept; older ones go. The engine trims by tokens, this bounds memory for callers
/// who talk for hours.
const MAX_MESSAGES: usize = 400;
/// The most bytes of their texts: more than models read, and little enough to be joined within the
/// time that a caller may take from others.
const MAX_BYTES: usize = 256 << 10;

/// Something said in a conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    /// By the caller; else by the assistant.
    pub by_caller: bool,
    /// The words; of an answer those that were heard.
    pub text: Arc<str>,
    /// Whether it was cut off.
    pub interrupted: bool,
}

/// The conversation so far: the caller's turns, and of the answers what was heard.
#[derive(Debug)]
pub struct History {
    system: Message,
    messages: Vec<Message>,
    /// Of their texts together.
    bytes: usize,
}

impl History {
    /// An empty conversation under this system prompt.
    pub fn new(system_prompt: Arc<str>) -> Self {
        let system = Message::new(Role::System, system_prompt);
        Self { system, messages: Vec::new(), bytes: 0 }
    }

    /// Adds a turn of the caller.
    pub fn caller_said(&mut self, text: Arc<str>) {
        self.push(Message { role: Role::User, text });
    }

    /// Adds what was heard of an answer; nothing if nothing was.
    pub fn answer_heard(&mut self, text: &str) {
        let text = text.trim();
        if !text.is_empty() {
            self.push(Message::new(Role::Assistant, text));
        }
    }

    /// Replaces what the model is told before the conversation.
    pub fn instruct(&mut self, system_prompt: Arc<str>) {
        self.system = Message::new(Role::System, system_prompt);
    }

    /// Who said what, oldest first.
    pub fn turns(&self) -> Vec<Said> {
        let said = self.messages.iter().map(|message| Said {
            by_caller: message.role == Role::User,
            text: Arc::clone(&message.text),
            interrupted: message.role == Role::Assistant && message.text.ends_with(CUT),
        });
        said.collect()
    }

    /// Forgets everything but the system prompt.
    pub fn clear(&mut self) {
        self.messages.clear();
        self.bytes = 0;
    }

    /// The conversation for the model: the system prompt, then turns in strict alternation. Turns
    /// of the same speaker in a row (an answer was dropped before anything was heard) are joined,
    /// so that nothing the caller said is lost.
    pub fn prompt(&self) -> Vec<Message> {
        self.prompt_of(None)
    }

    /// The same as if the caller had said this, too.
    pub fn prompt_with(&self, text: &str) -> Vec<Message> {
        self.prompt_of(Some(&Message::new(Role::User, text)))
    }

    fn prompt_of(&self, further: Option<&Message>) -> Vec<Message> {
        let said: Vec<&Message> = self.messages.iter().chain(further).collect();
        let runs = said.chunk_by(|before, after| before.role == after.role);
        let joined = runs.map(|run| match run {
            [message] => (*message).clone(),
            several => {
                let texts: Vec<&str> = several.iter().map(|message| &*message.text).collect();
                Message::new(several[0].role, texts.join(" "))
            }
        });
        std::iter::once(self.system.clone()).chain(joined).collect()
    }

    fn push(&mut self, message: Message) {
        self.bytes += message.text.len();
        self.messages.push(message);
        while self.messages.len() > MAX_MESSAGES
            || self.bytes > MAX_BYTES && self.messages.len() > 1
        {
            self.bytes -= self.messages.remove(0).text.len();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(history: &History) -> Vec<String> {
        let line = |message: &Message| format!("{}: {}", message.role.name(), message.text);
        history.prompt().iter().map(line).collect()
    }

    #[test]
    fn a_question_after_an_unanswered_one_is_not_lost() {
        let mut history = History::new(Arc::from("be kind"));
        history.caller_said(Arc::from("What is"));
        history.answer_heard("  ");
        history.caller_said(Arc::from("the capital of France?"));
        history.answer_heard("Paris.");
        let expected =
            ["system: be kind", "user: What is the capital of France?", "assistant: Paris."];
        assert_eq!(said(&history), expected);
    }

    #[test]
    fn what_may_have_been_said_is_not_remembered() {
        let mut history = History::new(Arc::from("be kind"));
        let guess = history.prompt_with("hello there");
        history.caller_said(Arc::from("hello there"));
        assert_eq!(guess, history.prompt());
        assert_eq!(said(&history), ["system: be kind", "user: hello there"]);
    }

    #[test]
    fn clearing_leaves_the_system_prompt() {
        let mut history = History::new(Arc::from("be kind"));
        history.caller_said(Arc::from("hello"));
        history.clear();
        assert_eq!(said(&history), ["system: be kind"]);
    }

    #[test]
    fn memory_is_bounded_however_long_the_turns() {
        let mut history = History::new(Arc::from("be kind"));
        for _ in 0..100 {
            history.caller_said(Arc::from("x".repeat(16_000)));
        }
        let text: usize = history.prompt().iter().map(|message| message.text.len()).sum();
        assert!((MAX_BYTES / 2..=MAX_BYTES + 100).contains(&text), "{text} bytes");
    }

    #[test]
    fn memory_is_bounded_however_long_the_call() {
        let mut history = History::new(Arc::from("be kind"));
        for turn in 0..10 * MAX_MESSAGES {
            history.caller_said(Arc::from(format!("turn {turn}")));
            history.answer_heard("yes");
        }
        assert!(history.messages.len() <= MAX_MESSAGES);
        let last = &history.messages[history.messages.len() - 2];
        assert_eq!(&*last.text, format!("turn {}", 10 * MAX_MESSAGES - 1));
    }
}
