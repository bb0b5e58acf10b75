//! A source file, and its code without comments and texts.

use std::iter::Peekable;

pub(super) struct Source {
    pub path: String,
    pub text: String,
    /// As long as the text, line by line, with nothing but code in it.
    pub code: String,
}

impl Source {
    pub(super) fn new(path: &str, text: &str) -> Self {
        Self { path: path.to_owned(), text: text.to_owned(), code: code(text) }
    }

    /// The room that it belongs to; none for the roots of the crate.
    pub(super) fn room(&self) -> Option<&str> {
        let (room, _) = self.path.strip_prefix("src/")?.split_once('/')?;
        Some(room)
    }

    /// Whether nothing but tests stands in it.
    pub(super) fn is_test(&self) -> bool {
        self.path.ends_with("/tests.rs") || self.path.contains("/tests/")
    }

    /// How many modules it is below the root: `src/engine/next.rs` is two.
    fn depth(&self) -> usize {
        let inner = self.path.trim_start_matches("src/").trim_end_matches(".rs");
        inner.trim_end_matches("/mod").split('/').count()
    }

    /// Every module of the root that is named, with its line.
    pub(super) fn rooms_named(&self) -> Vec<(usize, String)> {
        let words = words(&self.code);
        let mut named = Vec::new();
        for (at, (_, word)) in words.iter().enumerate() {
            let is_root = word == "crate" || word == "super" && self.is_root(&words[..=at]);
            if is_root && words.get(at + 1).is_some_and(|(_, next)| next == "::") {
                named.extend(first_names(&words[at + 2..]));
            }
        }
        named
    }

    /// Whether the chain of `super`s that ends here has arrived at the root.
    fn is_root(&self, words: &[(usize, String)]) -> bool {
        let backwards = words.iter().rev().map(|(_, word)| word.as_str());
        let chain = backwards.take_while(|word| ["super", "::"].contains(word));
        chain.filter(|word| *word == "super").count() >= self.depth()
    }
}

/// The names at the head of a path, or of every path in braces.
fn first_names(words: &[(usize, String)]) -> Vec<(usize, String)> {
    let Some(first) = words.first() else { return Vec::new() };
    if first.1 != "{" {
        return vec![first.clone()];
    }
    let mut depth = 0;
    let mut names = Vec::new();
    let mut is_head = false;
    for word in words {
        match word.1.as_str() {
            "{" => depth += 1,
            "}" => depth -= 1,
            _ if is_head && depth == 1 => names.push(word.clone()),
            _ => {}
        }
        is_head = depth == 1 && ["{", ","].contains(&word.1.as_str());
        if depth == 0 {
            break;
        }
    }
    names
}

/// Names, `::` and every other sign, each with its line.
fn words(code: &str) -> Vec<(usize, String)> {
    let mut words: Vec<(usize, String)> = Vec::new();
    for (number, line) in code.lines().enumerate() {
        let mut rest = line.trim_start();
        while let Some(first) = rest.chars().next() {
            let is_name = |c: char| c.is_alphanumeric() || c == '_';
            let end = match first {
                ':' if rest.starts_with("::") => 2,
                c if is_name(c) => rest.find(|c| !is_name(c)).unwrap_or(rest.len()),
                c => c.len_utf8(),
            };
            words.push((number + 1, rest[..end].to_owned()));
            rest = rest[end..].trim_start();
        }
    }
    words
}

/// The text with every comment and literal left out; lines stay lines.
fn code(text: &str) -> String {
    let mut code = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    let mut last = ' ';
    while let Some(c) = rest.next() {
        let follows = rest.peek().copied();
        match c {
            '/' if follows == Some('/') => skip_line(&mut rest),
            '/' if follows == Some('*') => skip_comment(&mut rest, &mut code),
            '"' => skip_text(&mut rest, &mut code),
            'r' if matches!(follows, Some('"' | '#')) && !last.is_alphanumeric() => {
                skip_raw(&mut rest, &mut code);
            }
            '\'' => skip_quote(&mut rest),
            _ => code.push(c),
        }
        last = c;
    }
    code
}

type Rest<'a> = Peekable<std::str::Chars<'a>>;

fn skip_line(rest: &mut Rest<'_>) {
    while rest.next_if(|c| *c != '\n').is_some() {}
}

fn skip_comment(rest: &mut Rest<'_>, code: &mut String) {
    let mut depth = 1;
    rest.next();
    while let Some(c) = rest.next() {
        match (c, rest.peek()) {
            ('\n', _) => code.push('\n'),
            ('/', Some('*')) => {
                depth += 1;
                rest.next();
            }
            ('*', Some('/')) => {
                depth -= 1;
                rest.next();
            }
            _ => {}
        }
        if depth == 0 {
            return;
        }
    }
}

fn skip_text(rest: &mut Rest<'_>, code: &mut String) {
    while let Some(c) = rest.next() {
        match c {
            '\\' => code.extend(rest.next().filter(|c| *c == '\n')),
            '\n' => code.push(c),
            '"' => return,
            _ => {}
        }
    }
}

fn skip_raw(rest: &mut Rest<'_>, code: &mut String) {
    let mut hashes = 0;
    while rest.next_if_eq(&'#').is_some() {
        hashes += 1;
    }
    if rest.next_if_eq(&'"').is_none() {
        return;
    }
    while let Some(c) = rest.next() {
        match c {
            '\n' => code.push(c),
            '"' if (0..hashes).all(|_| rest.next_if_eq(&'#').is_some()) => return,
            _ => {}
        }
    }
}

/// A letter in quotes; a lifetime is left as it is.
fn skip_quote(rest: &mut Rest<'_>) {
    let mut ahead = rest.clone();
    let escaped = ahead.next() == Some('\\');
    let length = match escaped {
        true => 2 + ahead.skip(1).take_while(|c| *c != '\'').count() + 1,
        false if ahead.next() == Some('\'') => 2,
        false => 0,
    };
    for _ in 0..length {
        rest.next();
    }
}
