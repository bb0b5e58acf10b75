//! `when:`: whether a step is part of the plan at all.
//!
//! `== != in and or not`, parentheses, texts in quotes, numbers, `true`, `false`, lists, and paths of `mode`, `from`,
//! `to` and `vars`. Comparing unlike types is a mistake, never false. Decided when the plan is made.

use super::{
    ast::part_of,
    found::{Found, is_unknown, unknown},
    reference::{Scope, is_name},
};
use crate::model::{Diagnostic, Node, Span, Value};
use std::ops::Range;

/// Parentheses and `not` that may stand in each other.
const DEPTH_LIMIT: usize = 32;
const TOKENS_LIMIT: usize = 500;

#[derive(Clone, Debug)]
pub(crate) struct Condition {
    term: Term,
}

#[derive(Clone, Debug)]
struct Term {
    form: Form,
    span: Span,
}

#[derive(Clone, Debug)]
enum Form {
    Literal(Value),
    List(Vec<Term>),
    Path(String),
    Not(Box<Term>),
    Two(Operator, Box<Term>, Box<Term>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operator {
    Or,
    And,
    Equal,
    Unequal,
    In,
}

impl Condition {
    pub(crate) fn parse(node: &Node, source: &str, found: &mut Found) -> Option<Self> {
        let text = match &node.value {
            Value::Text(text) => text.as_str(),
            Value::Bool(true) => "true",
            Value::Bool(false) => "false",
            _ => {
                let message = format!("`when` must be a condition, not {}", node.describe());
                found
                    .add(Diagnostic::at(node.span, message).hint("when: mode.name == \"planned\""));
                return None;
            }
        };
        match Parser::new(text, node.span, source).and_then(Parser::whole) {
            Ok(term) => Some(Self { term }),
            Err(diagnostic) => {
                found.add(diagnostic);
                None
            }
        }
    }

    /// One that could not be read, which was reported.
    pub(super) fn unreadable(span: Span) -> Self {
        Self { term: Term { form: Form::Literal(unknown(span).value), span } }
    }

    pub(super) fn is_readable(&self) -> bool {
        let Form::Literal(value) = &self.term.form else { return true };
        !is_unknown(&Node::made(value.clone()))
    }

    /// Whether it holds; `None` when that cannot be said yet.
    pub(crate) fn holds(&self, scope: &Scope<'_>) -> Result<Option<bool>, Diagnostic> {
        self.term.flag(scope)
    }
}

impl Term {
    /// `None` when that depends on what is not known yet.
    fn flag(&self, scope: &Scope<'_>) -> Result<Option<bool>, Diagnostic> {
        let node = self.value(scope)?;
        match node.value {
            Value::Bool(flag) => Ok(Some(flag)),
            _ if is_unknown(&node) => Ok(None),
            _ => {
                let what = node.describe();
                Err(Diagnostic::at(self.span, format!("this must be true or false, and is {what}")))
            }
        }
    }

    fn value(&self, scope: &Scope<'_>) -> Result<Node, Diagnostic> {
        let value = match &self.form {
            Form::Literal(value) => value.clone(),
            Form::List(terms) => {
                Value::List(terms.iter().map(|term| term.value(scope)).collect::<Result<_, _>>()?)
            }
            Form::Path(path) => {
                let segments: Vec<&str> = path.split('.').collect();
                return scope.lookup(&segments, self.span);
            }
            Form::Not(term) => return Ok(self.answer(term.flag(scope)?.map(|flag| !flag))),
            Form::Two(operator, left, right) => {
                return self.two(scope, *operator, (left, right)).map(|flag| self.answer(flag));
            }
        };
        Ok(Node::new(value, self.span))
    }

    fn answer(&self, flag: Option<bool>) -> Node {
        flag.map_or_else(|| unknown(self.span), |flag| Node::new(Value::Bool(flag), self.span))
    }

    /// Both sides are always looked at, so that a mistake does not hide behind the other side.
    fn two(
        &self,
        scope: &Scope<'_>,
        operator: Operator,
        (left, right): (&Self, &Self),
    ) -> Result<Option<bool>, Diagnostic> {
        Ok(match operator {
            Operator::Or => any([left.flag(scope)?, right.flag(scope)?]),
            Operator::And => {
                let neither = [left.flag(scope)?, right.flag(scope)?].map(|flag| flag.map(|f| !f));
                any(neither).map(|flag| !flag)
            }
            Operator::Equal => self.equal(&left.value(scope)?, &right.value(scope)?)?,
            Operator::Unequal => {
                self.equal(&left.value(scope)?, &right.value(scope)?)?.map(|same| !same)
            }
            Operator::In => {
                let (item, list) = (left.value(scope)?, right.value(scope)?);
                let known = match &list.value {
                    Value::List(known) => known,
                    _ if is_unknown(&list) => return Ok(None),
                    _ => {
                        let message =
                            format!("`in` asks about a list, and this is {}", list.describe());
                        return Err(Diagnostic::at(right.span, message));
                    }
                };
                let same = known.iter().map(|known| self.equal(&item, known));
                any(same.collect::<Result<Vec<_>, _>>()?)
            }
        })
    }

    fn equal(&self, left: &Node, right: &Node) -> Result<Option<bool>, Diagnostic> {
        match (&left.value, &right.value) {
            (Value::Text(a), Value::Text(b)) => Ok(Some(a == b)),
            (Value::Bool(a), Value::Bool(b)) => Ok(Some(a == b)),
            (Value::Int(a), Value::Int(b)) => Ok(Some(a == b)),
            (Value::Null, Value::Null) => Ok(Some(true)),
            // A text of the environment that a check does not know.
            (Value::Late(_), Value::Text(_) | Value::Late(_))
            | (Value::Text(_), Value::Late(_)) => Ok(None),
            _ if is_unknown(left) || is_unknown(right) => Ok(None),
            _ => {
                let (left, right) = (left.describe(), right.describe());
                let message = format!("{left} cannot be compared with {right}");
                Err(Diagnostic::at(self.span, message))
            }
        }
    }
}

/// Whether one of them is true; `None` when that depends on those that are not known.
fn any(flags: impl IntoIterator<Item = Option<bool>>) -> Option<bool> {
    let flags: Vec<_> = flags.into_iter().collect();
    if flags.contains(&Some(true)) {
        Some(true)
    } else if flags.contains(&None) {
        None
    } else {
        Some(false)
    }
}

#[derive(Clone, Debug, PartialEq)]
enum Token {
    Word(String),
    Text(String),
    Sign(&'static str),
}

struct Parser<'a> {
    text: &'a str,
    whole: Span,
    source: &'a str,
    tokens: Vec<(Token, Range<usize>)>,
    at: usize,
    depth: usize,
}

impl<'a> Parser<'a> {
    fn new(text: &'a str, whole: Span, source: &'a str) -> Result<Self, Diagnostic> {
        let mut parser = Self { text, whole, source, tokens: Vec::new(), at: 0, depth: 0 };
        let mut at = 0;
        while let Some(c) = text[at..].chars().next() {
            let rest = &text[at..];
            let (token, length) = match c {
                _ if c.is_whitespace() => {
                    at += c.len_utf8();
                    continue;
                }
                '"' | '\'' => {
                    let Some(close) = rest[1..].find(c) else {
                        return Err(parser.wrong(at..text.len(), "this quote is never closed"));
                    };
                    (Token::Text(rest[1..=close].to_owned()), close + 2)
                }
                _ if rest.starts_with("${{") => {
                    let end = rest.find("}}").map_or(text.len(), |end| at + end + 2);
                    let bare = text[at + 3..end].trim_end_matches('}').trim();
                    return Err(parser
                        .wrong(at..end, "a condition names values without `${{ }}`")
                        .hint(format!("write `{bare}`")));
                }
                _ => {
                    let sign = ["==", "!=", "(", ")", "[", "]", ","];
                    match sign.into_iter().find(|sign| rest.starts_with(sign)) {
                        Some(sign) => (Token::Sign(sign), sign.len()),
                        None => parser.word(at, c)?,
                    }
                }
            };
            parser.tokens.push((token, at..at + length));
            at += length;
            if parser.tokens.len() > TOKENS_LIMIT {
                return Err(parser.wrong(0..at, "the condition is too long"));
            }
        }
        Ok(parser)
    }

    fn word(&self, at: usize, first: char) -> Result<(Token, usize), Diagnostic> {
        let rest = &self.text[at..];
        let belongs = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        let length = rest.find(|c| !belongs(c)).unwrap_or(rest.len());
        if length > 0 {
            return Ok((Token::Word(rest[..length].to_owned()), length));
        }
        Err(self
            .wrong(at..at + first.len_utf8(), &format!("`{first}` is not part of a condition"))
            .hint("a condition knows `==`, `!=`, `in`, `and`, `or`, `not` and parentheses"))
    }

    fn place(&self, part: Range<usize>) -> Span {
        part_of(self.source, self.whole, self.text, part)
    }

    fn wrong(&self, part: Range<usize>, message: &str) -> Diagnostic {
        Diagnostic::at(self.place(part), message)
    }

    fn whole(mut self) -> Result<Term, Diagnostic> {
        let term = self.or()?;
        match self.tokens.get(self.at) {
            None => Ok(term),
            Some((_, part)) => Err(self.wrong(part.clone(), "the condition has ended before this")),
        }
    }

    fn or(&mut self) -> Result<Term, Diagnostic> {
        let mut left = self.and()?;
        while self.accept(&Token::Word("or".to_owned())) {
            left = two(Operator::Or, left, self.and()?);
        }
        Ok(left)
    }

    fn and(&mut self) -> Result<Term, Diagnostic> {
        let mut left = self.not()?;
        while self.accept(&Token::Word("and".to_owned())) {
            left = two(Operator::And, left, self.not()?);
        }
        Ok(left)
    }

    fn not(&mut self) -> Result<Term, Diagnostic> {
        let start = self.tokens.get(self.at).map_or(self.text.len(), |(_, part)| part.start);
        if !self.accept(&Token::Word("not".to_owned())) {
            return self.comparison();
        }
        self.deeper(start)?;
        let term = self.not()?;
        self.depth -= 1;
        let span = Span::new(self.place(start..start + 3).start, term.span.end);
        Ok(Term { form: Form::Not(Box::new(term)), span })
    }

    fn comparison(&mut self) -> Result<Term, Diagnostic> {
        let left = self.operand()?;
        let operator = match self.tokens.get(self.at).map(|(token, _)| token) {
            Some(Token::Sign("==")) => Operator::Equal,
            Some(Token::Sign("!=")) => Operator::Unequal,
            Some(Token::Word(word)) if word == "in" => Operator::In,
            _ => return Ok(left),
        };
        self.at += 1;
        Ok(two(operator, left, self.operand()?))
    }

    fn operand(&mut self) -> Result<Term, Diagnostic> {
        let Some((token, part)) = self.tokens.get(self.at).cloned() else {
            let end = self.text.len();
            let last = self.tokens.last().map_or(0..end, |(_, part)| part.clone());
            return Err(self.wrong(last, "the condition ends too early"));
        };
        self.at += 1;
        let span = self.place(part.clone());
        let form = match token {
            Token::Text(text) => Form::Literal(Value::Text(text)),
            Token::Word(word) => self.path_or_literal(word, part)?,
            Token::Sign("(") => {
                self.deeper(part.start)?;
                let term = self.or()?;
                self.depth -= 1;
                self.expect(")", part)?;
                return Ok(term);
            }
            Token::Sign("[") => {
                let mut terms = Vec::new();
                self.deeper(part.start)?;
                while !self.accept(&Token::Sign("]")) {
                    if !terms.is_empty() {
                        self.expect(",", part.clone())?;
                    }
                    terms.push(self.operand()?);
                }
                self.depth -= 1;
                Form::List(terms)
            }
            Token::Sign(sign) => {
                return Err(self.wrong(part, &format!("a value must stand here, not `{sign}`")));
            }
        };
        Ok(Term { form, span })
    }

    fn path_or_literal(&self, word: String, part: Range<usize>) -> Result<Form, Diagnostic> {
        Ok(match word.as_str() {
            "true" => Form::Literal(Value::Bool(true)),
            "false" => Form::Literal(Value::Bool(false)),
            "and" | "or" | "in" | "not" => {
                let message = format!("a value must stand here, not `{word}`");
                return Err(self.wrong(part, &message));
            }
            _ => match word.parse() {
                Ok(number) => Form::Literal(Value::Int(number)),
                Err(_) if word.contains('.') && word.split('.').all(is_name) => Form::Path(word),
                Err(_) => {
                    return Err(self
                        .wrong(part, &format!("`{word}` is not known here"))
                        .hint(format!("a text stands in quotes: \"{word}\"")));
                }
            },
        })
    }

    fn accept(&mut self, token: &Token) -> bool {
        let is_next = self.tokens.get(self.at).is_some_and(|(next, _)| next == token);
        self.at += usize::from(is_next);
        is_next
    }

    fn expect(&mut self, sign: &'static str, opening: Range<usize>) -> Result<(), Diagnostic> {
        if self.accept(&Token::Sign(sign)) {
            return Ok(());
        }
        let place = self.tokens.get(self.at).map_or(opening, |(_, part)| part.clone());
        Err(self.wrong(place, &format!("`{sign}` is missing")))
    }

    fn deeper(&mut self, at: usize) -> Result<(), Diagnostic> {
        self.depth += 1;
        if self.depth > DEPTH_LIMIT {
            return Err(self.wrong(at..at + 1, "the condition is nested too deep"));
        }
        Ok(())
    }
}

fn two(operator: Operator, left: Term, right: Term) -> Term {
    let span = Span::new(left.span.start, right.span.end.max(left.span.start));
    Term { form: Form::Two(operator, Box::new(left), Box::new(right)), span }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runbook::{Outside, reference::Row};

    fn holds(text: &str) -> Option<bool> {
        let table = Node::map([(
            "planned",
            Node::map([
                ("quick", Node::made(Value::Bool(true))),
                ("rounds", Node::made(Value::Int(3))),
                ("kinds", Node::made(Value::List(vec![Node::text("a"), Node::text("b")]))),
            ]),
        )]);
        let row = Row {
            root: "mode",
            noun: "mode",
            name: Some("planned"),
            cells: table.get("planned"),
            table: &table,
            is_region: false,
        };
        let outside = &Outside::Nothing;
        let scope = Scope { source: text, rows: vec![row], env: None, late: None, outside };
        let mut found = Found::default();
        let node = Node::new(Value::Text(text.to_owned()), Span::new(0, text.len()));
        Condition::parse(&node, text, &mut found)?.holds(&scope).ok().flatten()
    }

    #[test]
    fn conditions_are_read_as_people_read_them() {
        for (text, expected) in [
            ("mode.quick", true),
            ("not mode.quick or mode.rounds == 3", true),
            ("not (mode.quick or mode.rounds == 3)", false),
            ("mode.name == 'planned' and mode.rounds != 4", true),
            ("false and false or true", true),
            ("false and (false or true)", false),
            ("'b' in mode.kinds", true),
            ("not 'c' in [\"a\", 'b']", true),
            ("mode.name in []", false),
        ] {
            assert_eq!(holds(text), Some(expected), "{text}");
        }
    }

    #[test]
    fn unlike_values_are_never_compared() {
        for text in [
            "mode.rounds == '3'",
            "mode.quick == 'true'",
            "mode.name",
            "mode.kinds == 'a'",
            "'a' in 'abc'",
            "1 in mode.kinds",
            "true or mode.rounds",
            "mode.unknown == 1",
        ] {
            assert_eq!(holds(text), None, "{text}");
        }
    }

    #[test]
    fn what_is_no_condition_is_refused() {
        for text in
            ["", "and", "mode.quick mode.quick", "(true", "true)", "[", "a == ", "1 < 2", "'"]
        {
            assert_eq!(holds(text), None, "{text}");
        }
        assert_eq!(holds(&"(".repeat(100_000)), None);
        assert_eq!(holds(&"not ".repeat(100_000)), None);
        assert_eq!(holds(&"true and ".repeat(100_000)), None);
    }
}
