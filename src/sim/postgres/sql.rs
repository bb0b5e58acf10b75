//! The little of SQL that is understood: enough to ask, and to change what a failover changes.

/// A statement, taken apart.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Statement {
    Select(Select),
    /// `None` resets it.
    AlterSystem {
        name: String,
        value: Option<String>,
    },
    Checkpoint,
    /// The text that is written to a file.
    CopyTo {
        text: String,
        path: String,
    },
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Select {
    /// What is asked for, and under which name it is answered.
    pub items: Vec<(Expression, String)>,
    pub from: Option<Expression>,
    pub conditions: Vec<Condition>,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Condition {
    pub column: String,
    pub equals: bool,
    pub value: Expression,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Expression {
    Column(String),
    Literal(String),
    Call(String, Vec<Expression>),
}

impl Expression {
    fn name(&self) -> String {
        match self {
            Self::Column(name) | Self::Call(name, _) => name.clone(),
            Self::Literal(_) => "?column?".to_owned(),
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
enum Token {
    Word(String),
    Text(String),
    Sign(&'static str),
}

const SIGNS: [&str; 8] = ["<>", "(", ")", ",", "=", "|", "*", "."];

fn tokens(sql: &str) -> Option<Vec<Token>> {
    let mut tokens = Vec::new();
    let mut rest = sql.trim();
    while !rest.is_empty() {
        let is_letter = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        let escaped = rest.strip_prefix(['e', 'E']).filter(|after| after.starts_with('\''));
        if let Some(after) = escaped.unwrap_or(rest).strip_prefix('\'') {
            let (text, after) = quoted(after)?;
            tokens.push(Token::Text(text));
            rest = after;
        } else if let Some(sign) = SIGNS.into_iter().find(|sign| rest.starts_with(sign)) {
            tokens.push(Token::Sign(sign));
            rest = &rest[sign.len()..];
        } else {
            let end = rest.find(|c| !is_letter(c)).unwrap_or(rest.len());
            if end == 0 {
                return None;
            }
            tokens.push(Token::Word(rest[..end].to_ascii_lowercase()));
            rest = &rest[end..];
        }
        rest = rest.trim_start();
    }
    Some(tokens)
}

/// A text up to its closing quote, two of which stand for one, and what comes after.
fn quoted(rest: &str) -> Option<(String, &str)> {
    let (mut text, mut rest) = (String::new(), rest);
    loop {
        let end = rest.find('\'')?;
        text.push_str(&rest[..end]);
        rest = &rest[end + 1..];
        match rest.strip_prefix('\'') {
            Some(after) => {
                text.push('\'');
                rest = after;
            }
            None => return Some((text, rest)),
        }
    }
}

struct Parser {
    tokens: std::vec::IntoIter<Token>,
}

impl Parser {
    fn peek(&self) -> Option<&Token> {
        self.tokens.as_slice().first()
    }

    fn takes_word(&mut self, word: &str) -> bool {
        let is_it = matches!(self.peek(), Some(Token::Word(next)) if next == word);
        if is_it {
            self.tokens.next();
        }
        is_it
    }

    fn takes(&mut self, sign: &str) -> bool {
        let is_it = matches!(self.peek(), Some(Token::Sign(next)) if *next == sign);
        if is_it {
            self.tokens.next();
        }
        is_it
    }

    fn word(&mut self) -> Option<String> {
        match self.tokens.next()? {
            Token::Word(word) => Some(word),
            Token::Text(_) | Token::Sign(_) => None,
        }
    }

    fn text(&mut self) -> Option<String> {
        match self.tokens.next()? {
            Token::Text(text) | Token::Word(text) => Some(text),
            Token::Sign(_) => None,
        }
    }

    fn expression(&mut self) -> Option<Expression> {
        let word = match self.tokens.next()? {
            Token::Text(text) => return Some(Expression::Literal(text)),
            Token::Word(word) => word,
            Token::Sign(_) => return None,
        };
        if word.bytes().all(|byte| byte.is_ascii_digit()) || ["true", "false"].contains(&&*word) {
            return Some(Expression::Literal(word));
        }
        if !self.takes("(") {
            return Some(Expression::Column(word));
        }
        let mut arguments = Vec::new();
        while !self.takes(")") {
            arguments.push(self.expression()?);
            self.takes(",");
        }
        Some(Expression::Call(word, arguments))
    }

    fn select(&mut self) -> Option<Select> {
        let mut items = Vec::new();
        loop {
            let item = self.expression()?;
            let name = if self.takes_word("as") { self.word()? } else { item.name() };
            items.push((item, name));
            if !self.takes(",") {
                break;
            }
        }
        let from = if self.takes_word("from") { Some(self.expression()?) } else { None };
        let mut conditions = Vec::new();
        if self.takes_word("where") {
            loop {
                let column = self.word()?;
                let equals = self.takes("=");
                if !equals && !self.takes("<>") {
                    return None;
                }
                conditions.push(Condition { column, equals, value: self.expression()? });
                if !self.takes_word("and") {
                    break;
                }
            }
        }
        self.peek().is_none().then_some(Select { items, from, conditions })
    }

    fn alter_system(&mut self) -> Option<Statement> {
        if !self.takes_word("system") {
            return None;
        }
        if self.takes_word("reset") {
            return Some(Statement::AlterSystem { name: self.word()?, value: None });
        }
        self.takes_word("set").then_some(())?;
        let name = self.word()?;
        self.takes("=").then_some(())?;
        Some(Statement::AlterSystem { name, value: Some(self.text()?) })
    }

    /// The first text inside is what is written, the first one after `to` is where.
    fn copy(&mut self) -> Option<Statement> {
        let all = self.tokens.by_ref();
        let text = all.find_map(|token| match token {
            Token::Text(text) if !text.is_empty() => Some(text),
            _ => None,
        })?;
        all.find(|token| matches!(token, Token::Word(word) if word == "to"))?;
        let path = self.text()?;
        self.tokens.by_ref().for_each(drop);
        Some(Statement::CopyTo { text, path })
    }
}

/// Reads one statement.
pub(super) fn parse(sql: &str) -> Option<Statement> {
    let mut parser = Parser { tokens: tokens(sql)?.into_iter() };
    match parser.word()?.as_str() {
        "select" => parser.select().map(Statement::Select),
        "alter" => parser.alter_system(),
        "checkpoint" => Some(Statement::Checkpoint),
        "copy" => parser.copy(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_understood_is_taken_apart() {
        let Some(Statement::Select(select)) = parse(
            "select pid, usename as who from pg_stat_activity where backend_type = 'client backend' and pid <> pg_backend_pid()",
        ) else {
            panic!()
        };
        assert_eq!(select.items[1], (Expression::Column("usename".into()), "who".to_owned()));
        assert_eq!(select.conditions.len(), 2);
        assert!(!select.conditions[1].equals);
        let alter = parse("ALTER SYSTEM SET primary_conninfo = 'host=a user=''r'''");
        let value = Some("host=a user='r'".to_owned());
        let name = "primary_conninfo".to_owned();
        assert_eq!(alter, Some(Statement::AlterSystem { name, value }));
        let copy = "copy (select nullif(l, '') from unnest(string_to_array('a\nb', E'\\n')) as l) to '/x' (format csv)";
        let (text, path) = ("a\nb".to_owned(), "/x".to_owned());
        assert_eq!(parse(copy), Some(Statement::CopyTo { text, path }));
        assert_eq!(parse("drop table users"), None);
        assert_eq!(parse("select 'open"), None);
    }
}
