//! Passing values that nobody reads.

use wharf_infer::ServiceError;

use super::Scanner;

/// What is open around the current place: one bit per level, so that half a million of them take 64 KB.
#[derive(Default)]
struct OpenContainers {
    bits: Vec<u64>,
    depth: usize,
}

impl OpenContainers {
    fn push(&mut self, is_object: bool) {
        let (word, bit) = (self.depth / 64, self.depth % 64);
        if word == self.bits.len() {
            self.bits.push(0);
        }
        if let Some(bits) = self.bits.get_mut(word) {
            *bits = (*bits & !(1 << bit)) | (u64::from(is_object) << bit);
        }
        self.depth += 1;
    }

    fn pop(&mut self) {
        self.depth = self.depth.saturating_sub(1);
    }

    /// Whether the innermost is an object; `None` where nothing is open.
    fn innermost_is_object(&self) -> Option<bool> {
        let level = self.depth.checked_sub(1)?;
        self.bits.get(level / 64).map(|bits| bits >> (level % 64) & 1 == 1)
    }
}

impl Scanner<'_> {
    /// Passes the value at this place and finds whatever is wrong with it, without recursion.
    pub(crate) fn skip_value(&mut self) -> Result<(), ServiceError> {
        let mut open = OpenContainers::default();
        loop {
            self.skip_whitespace();
            if self.skip_scalar_or_open(&mut open)? {
                continue;
            }
            if !self.skip_to_next_value(&mut open)? {
                return Ok(());
            }
        }
    }

    /// Passes a scalar or the start of a container. True where the first value of a container comes next.
    fn skip_scalar_or_open(&mut self, open: &mut OpenContainers) -> Result<bool, ServiceError> {
        match self.peek() {
            b'"' => self.skip_string().map(|()| false),
            b'{' => {
                self.advance(1);
                self.skip_whitespace();
                if self.accept(b'}') {
                    return Ok(false);
                }
                open.push(true);
                self.key().map(|_| true)
            }
            b'[' => {
                self.advance(1);
                self.skip_whitespace();
                if self.accept(b']') {
                    return Ok(false);
                }
                open.push(false);
                Ok(true)
            }
            b't' | b'f' | b'n' => self.word().map(|()| false),
            _ => self.number().map(|_| false),
        }
    }

    /// After a value: passes what closes, up to the next value. False where nothing is open any more.
    fn skip_to_next_value(&mut self, open: &mut OpenContainers) -> Result<bool, ServiceError> {
        while let Some(is_object) = open.innermost_is_object() {
            if !is_object {
                if self.more_elements()? {
                    return Ok(true);
                }
            } else if self.next_key(&mut false)?.is_some() {
                return Ok(true);
            }
            open.pop();
        }
        Ok(false)
    }

    /// Passes `true`, `false` or `null`.
    pub(crate) fn word(&mut self) -> Result<(), ServiceError> {
        let known = [&b"true"[..], b"false", b"null"].into_iter().any(|word| self.accept_word(word));
        if known { Ok(()) } else { Err(self.error("Invalid value.")) }
    }

    /// Passes the value at this place by counting brackets alone. Whoever calls this reads the value later,
    /// and finds then what is wrong with it.
    pub(crate) fn leap_value(&mut self) -> Result<(), ServiceError> {
        match self.peek() {
            b'[' | b'{' => {}
            b'"' => {
                self.leap_string()?;
                self.advance(1);
                return Ok(());
            }
            _ => return self.skip_value(),
        }
        let mut depth = 0_usize;
        loop {
            depth = self.leap_blocks(depth);
            match self.peek() {
                b'[' | b'{' => depth += 1,
                b']' | b'}' => depth -= 1,
                b'"' => self.leap_string()?,
                0 if self.rest().is_empty() => {
                    return Err(self.error("Missing a comma or ] after an array element."));
                }
                _ => {}
            }
            self.advance(1);
            if depth == 0 {
                return Ok(());
            }
        }
    }

    /// Passes whole blocks without strings, as long as none can close the outermost bracket.
    fn leap_blocks(&mut self, mut depth: usize) -> usize {
        const BLOCK: usize = 64;
        if depth == 0 {
            return depth;
        }
        for block in self.rest().chunks_exact(BLOCK) {
            let count = |hit: fn(u8) -> bool| {
                block.iter().fold(0_u8, |sum, &byte| sum.wrapping_add(u8::from(hit(byte))))
            };
            // Setting one bit turns `[` into `{` and `]` into `}`.
            let opened = usize::from(count(|byte| byte | 0x20 == b'{'));
            let closed = usize::from(count(|byte| byte | 0x20 == b'}'));
            if count(|byte| byte == b'"') != 0 {
                break;
            }
            // The counts alone are enough unless so much closes that the order matters.
            if closed >= depth && lowest_depth(block, depth) == 0 {
                break;
            }
            depth = depth + opened - closed;
            self.advance(BLOCK);
        }
        depth
    }

    /// Passes a string up to its closing quotation mark.
    fn leap_string(&mut self) -> Result<(), ServiceError> {
        loop {
            self.advance(1);
            let length = memchr::memchr2(b'"', b'\\', self.rest());
            self.advance(length.ok_or_else(|| self.error("Missing a closing quotation mark in string."))?);
            if self.peek() == b'"' {
                return Ok(());
            }
            self.advance(1);
        }
    }
}

/// The least depth within `block`, which begins at `depth` and has no strings; zero where it would fall lower.
fn lowest_depth(block: &[u8], depth: usize) -> usize {
    let mut current = depth as isize;
    let mut lowest = current;
    for &byte in block {
        let shape = byte | 0x20;
        current += isize::from(shape == b'{') - isize::from(shape == b'}');
        lowest = lowest.min(current);
    }
    usize::try_from(lowest).unwrap_or(0)
}
