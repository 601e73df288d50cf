//! What a provider is asked.

use serde_json::Value;

/// The language of a request, known by the end of its path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wire {
    /// OpenAI's: `…/chat/completions`.
    OpenAi,
    /// Anthropic's: `…/messages`.
    Anthropic,
}

impl Wire {
    /// The wire of a path, whatever stands before its end.
    pub(crate) fn of(path: &str) -> Option<Self> {
        if path.ends_with("/chat/completions") {
            Some(Self::OpenAi)
        } else if path.ends_with("/messages") {
            Some(Self::Anthropic)
        } else {
            None
        }
    }
}

/// A request.
#[derive(Clone, Debug, PartialEq)]
pub struct Asked {
    /// How many requests came before it.
    pub number: u64,
    /// Its language.
    pub wire: Wire,
    /// Path and query.
    pub path: String,
    /// Names, in small letters, and values in the order of arrival. What isn't text is shown as
    /// `?`.
    pub headers: Vec<(String, String)>,
    /// The whole body.
    pub body: Value,
}

impl Asked {
    /// The model that is asked for; empty if the request names none.
    #[must_use]
    pub fn model(&self) -> &str {
        self.body["model"].as_str().unwrap_or_default()
    }

    /// The messages, as the wire has them.
    #[must_use]
    pub fn messages(&self) -> &[Value] {
        self.body["messages"].as_array().map_or(&[], Vec::as_slice)
    }

    /// Text of the last message: all of its parts, a result of a tool among them, one a line.
    #[must_use]
    pub fn last_text(&self) -> String {
        let content = self.messages().last().map(|message| &message["content"]);
        content.map(text_of).unwrap_or_default()
    }

    /// The first header of this name, which is in small letters.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut named = self.headers.iter().filter(|(found, _)| found == name);
        named.next().map(|(_, value)| value.as_str())
    }
}

/// Text of a message's content: a text, or a list of parts with texts of their own.
fn text_of(content: &Value) -> String {
    match content {
        Value::String(text) => text.clone(),
        Value::Array(parts) => {
            let texts = parts.iter().map(|part| match &part["text"] {
                Value::String(text) => text.clone(),
                _ => text_of(&part["content"]),
            });
            texts.collect::<Vec<_>>().join("\n")
        }
        _ => String::new(),
    }
}
