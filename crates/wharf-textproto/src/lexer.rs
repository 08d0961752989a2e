//! The text as tokens.

use crate::{Position, TextError};

/// A piece of the text.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Token {
    /// A name or a word.
    Word(String),
    /// A string, unescaped.
    String(Vec<u8>),
    /// A whole number without its sign.
    Integer(u64),
    /// Another number without its sign.
    Float(f64),
    /// One of `{ } < > [ ] : , ; - . /`.
    Mark(char),
    /// Nothing is left.
    End,
}

/// Cuts a text into tokens.
pub(crate) struct Lexer<'a> {
    rest: &'a str,
    position: Position,
}

impl<'a> Lexer<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        // Files of some editors begin with a mark that says UTF-8.
        let rest = text.strip_prefix('\u{feff}').unwrap_or(text);
        Self { rest, position: Position { line: 1, column: 1 } }
    }

    /// The next token and where it begins.
    pub(crate) fn next(&mut self) -> Result<(Token, Position), TextError> {
        self.skip_blank();
        let position = self.position;
        let token = match self.peek() {
            None => Token::End,
            Some(letter) if letter.is_ascii_alphabetic() || letter == '_' => Token::Word(
                self.take_while(|letter| letter.is_ascii_alphanumeric() || letter == '_').to_owned(),
            ),
            Some(digit) if digit.is_ascii_digit() => self.number(position)?,
            Some('.') if self.rest[1..].starts_with(|letter: char| letter.is_ascii_digit()) => {
                self.number(position)?
            }
            Some(quote @ ('"' | '\'')) => Token::String(self.string(quote, position)?),
            Some(mark) if "{}<>[]:,;-./".contains(mark) => {
                self.bump();
                Token::Mark(mark)
            }
            Some(other) => return Err(TextError::new(position, format!("unexpected character {other:?}"))),
        };
        Ok((token, position))
    }

    fn peek(&self) -> Option<char> {
        self.rest.chars().next()
    }

    fn bump(&mut self) -> Option<char> {
        let letter = self.peek()?;
        self.rest = &self.rest[letter.len_utf8()..];
        if letter == '\n' {
            self.position = Position { line: self.position.line + 1, column: 1 };
        } else {
            self.position.column += 1;
        }
        Some(letter)
    }

    fn take_while(&mut self, accepts: impl Fn(char) -> bool) -> &'a str {
        let start = self.rest;
        let length = start.find(|letter| !accepts(letter)).unwrap_or(start.len());
        let taken = &start[..length];
        taken.chars().for_each(|_| {
            self.bump();
        });
        taken
    }

    /// White space and comments.
    fn skip_blank(&mut self) {
        loop {
            self.take_while(|letter| letter.is_ascii_whitespace() || letter == '\u{b}');
            if self.peek() != Some('#') {
                return;
            }
            self.take_while(|letter| letter != '\n');
        }
    }

    fn number(&mut self, position: Position) -> Result<Token, TextError> {
        let mut text = String::new();
        while let Some(letter) = self.peek() {
            let follows_exponent =
                text.ends_with(['e', 'E']) && !text.starts_with("0x") && !text.starts_with("0X");
            let is_part = letter.is_ascii_alphanumeric()
                || letter == '.'
                || (follows_exponent && matches!(letter, '+' | '-'));
            if !is_part {
                break;
            }
            text.push(letter);
            self.bump();
        }
        read_number(&text).ok_or_else(|| TextError::new(position, format!("`{text}` is no number")))
    }

    fn string(&mut self, quote: char, position: Position) -> Result<Vec<u8>, TextError> {
        let mut bytes = Vec::new();
        let unterminated = || TextError::new(position, "the string has no end");
        self.bump();
        loop {
            match self.bump() {
                None | Some('\n') => return Err(unterminated()),
                Some(letter) if letter == quote => return Ok(bytes),
                Some('\\') => self.escape(&mut bytes)?,
                Some(letter) => bytes.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes()),
            }
        }
    }

    /// What follows a backslash.
    fn escape(&mut self, bytes: &mut Vec<u8>) -> Result<(), TextError> {
        let position = self.position;
        let wrong = || TextError::new(position, "the string has an escape that means nothing");
        let letter = self.bump().ok_or_else(wrong)?;
        let plain = match letter {
            'a' => 7,
            'b' => 8,
            'f' => 12,
            'n' => b'\n',
            'r' => b'\r',
            't' => b'\t',
            'v' => 11,
            '?' => b'?',
            '\\' => b'\\',
            '\'' => b'\'',
            '"' => b'"',
            '0'..='7' => {
                let value = self.digits(letter.to_digit(8).unwrap_or(0), 8, 2);
                u8::try_from(value).map_err(|_| wrong())?
            }
            'x' | 'X' => {
                let first = self.peek().and_then(|digit| digit.to_digit(16)).ok_or_else(wrong)?;
                self.bump();
                u8::try_from(self.digits(first, 16, 1)).map_err(|_| wrong())?
            }
            'u' | 'U' => {
                let count = if letter == 'u' { 4 } else { 8 };
                let before = self.rest.len();
                let value = self.digits(0, 16, count);
                let character = char::from_u32(value).filter(|_| before - self.rest.len() == count);
                let character = character.ok_or_else(wrong)?;
                bytes.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
                return Ok(());
            }
            _ => return Err(wrong()),
        };
        bytes.push(plain);
        Ok(())
    }

    /// Up to `count` more digits behind `value`.
    fn digits(&mut self, mut value: u32, radix: u32, count: usize) -> u32 {
        for _ in 0..count {
            let Some(digit) = self.peek().and_then(|digit| digit.to_digit(radix)) else { break };
            self.bump();
            value = value.wrapping_mul(radix).wrapping_add(digit);
        }
        value
    }
}

fn read_number(text: &str) -> Option<Token> {
    if let Some(digits) = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        return u64::from_str_radix(digits, 16).ok().map(Token::Integer);
    }
    let is_whole = text.bytes().all(|byte| byte.is_ascii_digit());
    if is_whole && text.len() > 1 && text.starts_with('0') {
        return u64::from_str_radix(text, 8).ok().map(Token::Integer);
    }
    if is_whole && let Ok(value) = text.parse() {
        return Some(Token::Integer(value));
    }
    let digits = text.strip_suffix(['f', 'F']).unwrap_or(text);
    // What Rust would read as a word is none of a number's spellings.
    let is_float = digits.bytes().all(|byte| byte.is_ascii_digit() || b".eE+-".contains(&byte));
    digits.parse().ok().filter(|_| is_float).map(Token::Float)
}
