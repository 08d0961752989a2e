//! Tokens as a tree.

use crate::lexer::{Lexer, Token};
use crate::{Field, Message, Position, Scalar, TextError, Value};

/// How deep messages may lie in messages.
pub const MAX_DEPTH: usize = 64;

/// How long a text may be.
pub const MAX_BYTES: usize = 16 << 20;

/// Reads a text.
///
/// # Errors
/// It is not in the format, is too long, or nests too deeply; with the place.
pub fn parse(text: &str) -> Result<Message, TextError> {
    if text.len() > MAX_BYTES {
        let problem = format!("the text has {} bytes, expected at most {MAX_BYTES}", text.len());
        return Err(TextError::new(Position { line: 1, column: 1 }, problem));
    }
    let mut parser = Parser::new(text)?;
    let message = parser.message(None, 0)?;
    Ok(message)
}

struct Parser<'a> {
    lexer: Lexer<'a>,
    token: Token,
    position: Position,
}

impl<'a> Parser<'a> {
    fn new(text: &'a str) -> Result<Self, TextError> {
        let mut lexer = Lexer::new(text);
        let (token, position) = lexer.next()?;
        Ok(Self { lexer, token, position })
    }

    fn advance(&mut self) -> Result<Token, TextError> {
        let (token, position) = self.lexer.next()?;
        self.position = position;
        Ok(std::mem::replace(&mut self.token, token))
    }

    fn accept(&mut self, mark: char) -> Result<bool, TextError> {
        let is_next = self.token == Token::Mark(mark);
        if is_next {
            self.advance()?;
        }
        Ok(is_next)
    }

    fn unexpected<T>(&self, expected: &str) -> Result<T, TextError> {
        Err(TextError::new(self.position, format!("found {}, expected {expected}", shown(&self.token))))
    }

    /// Fields up to `end`, which is passed; to the end of the text where there is none.
    fn message(&mut self, end: Option<char>, depth: usize) -> Result<Message, TextError> {
        if depth > MAX_DEPTH {
            let problem = format!("messages are nested deeper than {MAX_DEPTH} levels");
            return Err(TextError::new(self.position, problem));
        }
        let mut message = Message::default();
        loop {
            match (&self.token, end) {
                (Token::End, None) => return Ok(message),
                (Token::Mark(mark), Some(end)) if *mark == end => {
                    self.advance()?;
                    return Ok(message);
                }
                _ => self.field(&mut message, depth)?,
            }
        }
    }

    /// One field, with all its values where they are a list, and the mark behind it.
    fn field(&mut self, message: &mut Message, depth: usize) -> Result<(), TextError> {
        let position = self.position;
        if self.token == Token::Mark('[') {
            return Err(TextError::new(position, "extensions and Any values in brackets are not read"));
        }
        let Token::Word(name) = self.token.clone() else { return self.unexpected("a field name") };
        self.advance()?;
        let has_colon = self.accept(':')?;
        let mut push = |value| message.fields.push(Field { name: name.clone(), value, position });
        if self.accept('[')? {
            if !self.accept(']')? {
                loop {
                    push(self.value(true, depth)?);
                    if self.accept(']')? {
                        break;
                    }
                    if !self.accept(',')? {
                        return self.unexpected("`,` or `]`");
                    }
                }
            }
        } else {
            push(self.value(has_colon, depth)?);
        }
        if !self.accept(',')? {
            self.accept(';')?;
        }
        Ok(())
    }

    fn value(&mut self, may_be_scalar: bool, depth: usize) -> Result<Value, TextError> {
        for (open, close) in [('{', '}'), ('<', '>')] {
            if self.accept(open)? {
                return self.message(Some(close), depth + 1).map(Value::Message);
            }
        }
        if !may_be_scalar {
            return self.unexpected("`:` or a message");
        }
        let is_negative = self.accept('-')?;
        match self.token.clone() {
            Token::String(first) if !is_negative => self.string(first).map(Value::Scalar),
            Token::Word(word) => {
                self.advance()?;
                let sign = if is_negative { "-" } else { "" };
                Ok(Value::Scalar(Scalar::Word(format!("{sign}{word}"))))
            }
            Token::Integer(magnitude) => {
                self.advance()?;
                Ok(Value::Scalar(Scalar::Integer { is_negative, magnitude }))
            }
            Token::Float(value) => {
                self.advance()?;
                Ok(Value::Scalar(Scalar::Float(if is_negative { -value } else { value })))
            }
            _ => self.unexpected("a value"),
        }
    }

    /// A string, whose pieces may stand side by side.
    fn string(&mut self, mut bytes: Vec<u8>) -> Result<Scalar, TextError> {
        self.advance()?;
        while let Token::String(more) = &self.token {
            bytes.extend_from_slice(more);
            self.advance()?;
        }
        Ok(Scalar::String(bytes))
    }
}

fn shown(token: &Token) -> String {
    match token {
        Token::Word(word) => format!("`{}`", word.chars().take(64).collect::<String>()),
        Token::String(_) => "a string".to_owned(),
        Token::Integer(value) => format!("`{value}`"),
        Token::Float(value) => format!("`{value}`"),
        Token::Mark(mark) => format!("`{mark}`"),
        Token::End => "the end".to_owned(),
    }
}
