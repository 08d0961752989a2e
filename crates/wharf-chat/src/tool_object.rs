//! The object of one call, read as it comes.

/// What a piece of an object turned out to be.
#[derive(Debug, PartialEq)]
pub(crate) enum Found {
    /// Nothing yet.
    Nothing,
    /// The name is known, and arguments begin.
    Call(String),
    /// More of the arguments.
    Arguments,
    /// The object has ended.
    End(Ending),
    /// It is no call.
    Malformed,
}

/// What there was to say at the end that had not been said.
#[derive(Debug, PartialEq)]
pub(crate) enum Ending {
    /// All was said.
    Said,
    /// A call whose arguments came first, as text, or not at all.
    Whole(String, String),
}

/// Reads `{"name": .., "arguments": ..}` one character at a time.
#[derive(Debug, Default)]
pub(crate) struct CallObject {
    stage: Stage,
    key: String,
    name: Option<String>,
    arguments: Option<String>,
    is_announced: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
enum Stage {
    #[default]
    Start,
    KeyOrEnd,
    Key {
        escaped: bool,
    },
    Colon,
    Value,
    /// Within a value: how deep, whether in a string, whether after a backslash.
    Within(Depth),
    Scalar,
    CommaOrEnd,
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Depth {
    depth: u32,
    in_string: bool,
    escaped: bool,
}

/// Fields whose values are kept: the rest is skipped over.
const KEPT: [&str; 3] = ["name", "arguments", "parameters"];

impl CallObject {
    /// The next character. `is_tool` says of a name whether there is such a tool.
    pub(crate) fn next(&mut self, letter: char, is_tool: &dyn Fn(&str) -> bool, text: &mut String) -> Found {
        match self.stage {
            Stage::Start => self.expect(letter, &[('{', Stage::KeyOrEnd)]),
            Stage::KeyOrEnd if letter == '}' => self.end(is_tool),
            Stage::KeyOrEnd => {
                self.key.clear();
                self.expect(letter, &[('"', Stage::Key { escaped: false })])
            }
            Stage::Key { escaped } => self.key(letter, escaped),
            Stage::Colon => self.expect(letter, &[(':', Stage::Value)]),
            Stage::Value => self.value(letter, is_tool, text),
            Stage::Within(depth) => self.within(letter, depth, text),
            Stage::Scalar => self.scalar(letter, is_tool),
            Stage::CommaOrEnd if letter == '}' => self.end(is_tool),
            Stage::CommaOrEnd => self.expect(letter, &[(',', Stage::KeyOrEnd)]),
        }
    }

    /// Whether a call was said.
    pub(crate) fn is_announced(&self) -> bool {
        self.is_announced
    }

    fn expect(&mut self, letter: char, next: &[(char, Stage)]) -> Found {
        if letter.is_whitespace() {
            return Found::Nothing;
        }
        match next.iter().find(|(expected, _)| *expected == letter) {
            Some((_, stage)) => {
                self.stage = *stage;
                Found::Nothing
            }
            None => Found::Malformed,
        }
    }

    fn key(&mut self, letter: char, escaped: bool) -> Found {
        match letter {
            '"' if !escaped => self.stage = Stage::Colon,
            '\\' if !escaped => self.stage = Stage::Key { escaped: true },
            _ => {
                self.key.push(letter);
                self.stage = Stage::Key { escaped: false };
            }
        }
        // No field of a call has a name near this long.
        if self.key.len() > 64 { Found::Malformed } else { Found::Nothing }
    }

    /// Whether the value at hand goes on as it comes.
    fn streams(&self) -> bool {
        self.is_announced && self.is_arguments()
    }

    fn is_arguments(&self) -> bool {
        self.key == "arguments" || self.key == "parameters"
    }

    /// The first character of a value.
    fn value(&mut self, letter: char, is_tool: &dyn Fn(&str) -> bool, text: &mut String) -> Found {
        if letter.is_whitespace() {
            return Found::Nothing;
        }
        if self.is_arguments() {
            if self.arguments.is_some() || !matches!(letter, '{' | '"') {
                return Found::Malformed;
            }
            self.arguments = Some(String::new());
            if let (Some(name), '{') = (&self.name, letter) {
                if !is_tool(name) {
                    return Found::Malformed;
                }
                self.is_announced = true;
                text.push(letter);
                self.stage = Stage::Within(Depth { depth: 1, ..Depth::default() });
                return Found::Call(name.clone());
            }
        }
        if self.key == "name" {
            if self.name.is_some() || letter != '"' {
                return Found::Malformed;
            }
            self.name = Some(String::new());
        }
        self.keep(letter);
        self.stage = match letter {
            '{' | '[' => Stage::Within(Depth { depth: 1, ..Depth::default() }),
            '"' => Stage::Within(Depth { in_string: true, ..Depth::default() }),
            'a'..='z' | '0'..='9' | '-' => Stage::Scalar,
            _ => return Found::Malformed,
        };
        Found::Nothing
    }

    fn within(&mut self, letter: char, mut at: Depth, text: &mut String) -> Found {
        let streams = self.streams();
        if streams {
            text.push(letter);
        } else {
            self.keep(letter);
        }
        match (at.in_string, letter) {
            (true, _) if at.escaped => at.escaped = false,
            (true, '\\') => at.escaped = true,
            (true, '"') => at.in_string = false,
            (false, '"') => at.in_string = true,
            (false, '{' | '[') => at.depth += 1,
            (false, '}' | ']') => at.depth = at.depth.saturating_sub(1),
            _ => {}
        }
        let is_over = at.depth == 0 && !at.in_string;
        self.stage = if is_over { Stage::CommaOrEnd } else { Stage::Within(at) };
        if is_over && self.key == "name" && !self.read_name() {
            return Found::Malformed;
        }
        if streams { Found::Arguments } else { Found::Nothing }
    }

    /// The name was kept as it is written.
    fn read_name(&mut self) -> bool {
        let name = self.name.as_deref().and_then(|written| serde_json::from_str::<String>(written).ok());
        self.name = name;
        self.name.is_some()
    }

    fn scalar(&mut self, letter: char, is_tool: &dyn Fn(&str) -> bool) -> Found {
        match letter {
            ',' => self.stage = Stage::KeyOrEnd,
            '}' => return self.end(is_tool),
            letter if letter.is_whitespace() => self.stage = Stage::CommaOrEnd,
            'a'..='z' | 'E' | '0'..='9' | '+' | '-' | '.' => {}
            _ => return Found::Malformed,
        }
        Found::Nothing
    }

    fn keep(&mut self, letter: char) {
        if !KEPT.contains(&self.key.as_str()) {
            return;
        }
        let kept = if self.is_arguments() { &mut self.arguments } else { &mut self.name };
        if let Some(kept) = kept {
            kept.push(letter);
        }
    }

    fn end(&mut self, is_tool: &dyn Fn(&str) -> bool) -> Found {
        if self.is_announced {
            return Found::End(Ending::Said);
        }
        let Some(name) = self.name.take().filter(|name| is_tool(name)) else { return Found::Malformed };
        let written = self.arguments.take().unwrap_or_else(|| "{}".to_owned());
        // Some models write the arguments as a string with JSON in it.
        let written = serde_json::from_str::<String>(&written).unwrap_or(written);
        match serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(&written) {
            Ok(_) => Found::End(Ending::Whole(name, written)),
            Err(_) => Found::Malformed,
        }
    }
}
