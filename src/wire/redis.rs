//! Commands for Redis and for its sentinels, as requests: the server is the address, the commands are the body, and what
//! it says comes back as an answer with a status, as from any other cloud.
//!
//! The `redis` crate packs the commands and reads the replies. Each request has a connection of its own: a failover ends
//! those that are there.

use super::{
    Request, Response, SendError, Stream, Streams, causes,
    talk::{Talk, answer},
};
use crate::model::{Clock, span};
use bytes::Bytes;
use combine::stream::Decoder;
use http::{Method, StatusCode};
use redis::Value as Said;
use rustls::pki_types::ServerName;
use serde_json::{Value, json};
use std::{future::Future, sync::Arc};
use tokio::io::AsyncWriteExt;
use tokio_rustls::TlsConnector;

pub(super) const SCHEME: &str = "redis";
const PORT: u16 = 6379;

/// Commands that tell, and do nothing (redis.io, "Commands", and "High availability with Redis Sentinel").
const TELL: [&[&str]; 7] = [
    &["acl", "dryrun"],
    &["info"],
    &["ping"],
    &["sentinel", "ckquorum"],
    &["sentinel", "get-master-addr-by-name"],
    &["sentinel", "master"],
    &["sentinel", "replicas"],
];

/// A request that these commands make. `GET` for what changes nothing, and then each is answered by itself; a change is
/// one command.
pub fn commands(method: Method, host: &str, all: &[&[&str]]) -> Option<Request> {
    let body = serde_json::to_vec(all).ok()?;
    let uri = format!("{SCHEME}://{host}/");
    http::Request::builder().method(method).uri(uri).body(Bytes::from(body)).ok()
}

fn each(request: &Request) -> Vec<Vec<String>> {
    serde_json::from_slice(request.body()).unwrap_or_default()
}

pub(super) fn is_meant(request: &Request) -> bool {
    request.uri().scheme_str() == Some(SCHEME)
}

pub(super) fn is_read(request: &Request) -> bool {
    let tells = |command: &Vec<String>| {
        let begins = |words: &&&[&str]| {
            let pairs = words.iter().zip(command);
            words.len() <= command.len()
                && pairs.fold(true, |so, (a, b)| so && b.eq_ignore_ascii_case(a))
        };
        TELL.iter().any(|words| begins(&words))
    };
    request.method() == Method::GET && each(request).iter().all(tells)
}

/// Puts the commands to the server that they are for.
pub(super) async fn ask(
    streams: &dyn Streams,
    clock: &Clock,
    request: &Request,
) -> Result<Response, SendError> {
    let talk = Talk::of(streams, clock, request)?;
    let line = talk.open(PORT).await?;
    let Some(trust) = talk.trust()? else { return talk.commands_over(line).await };
    let name = ServerName::try_from(talk.host().to_owned());
    let name = name.map_err(|error| talk.not_sent(error.to_string()))?;
    let hands = TlsConnector::from(Arc::new(trust)).connect(name, line);
    match clock.within(talk.opens_within(), hands).await {
        Some(Ok(line)) => talk.commands_over(line).await,
        Some(Err(error)) => Err(talk.not_sent(error.to_string())),
        None => Err(talk.not_sent("nothing in time")),
    }
}

impl Talk<'_> {
    async fn commands_over(&self, mut line: impl Stream) -> Result<Response, SendError> {
        let mut decoder = Decoder::new();
        if let Some(password) = &self.login.password {
            let command = ["AUTH", &self.login.user, password.expose()];
            let hello = say(&mut line, &mut decoder, &command);
            let within = self.opens_within();
            match self.clock.within(within, hello).await {
                Some(Ok(Said::ServerError(error))) => return Ok(refused(&error)),
                Some(Ok(_)) => {}
                Some(Err(error)) => return Err(self.not_sent(causes(&error))),
                None => return Err(self.not_sent(format!("nothing within {}", span::show(within)))),
            }
        }
        let is_change = self.request.method() != Method::GET;
        let mut all = Vec::new();
        for command in each(self.request) {
            let said = say(&mut line, &mut decoder, &command);
            let said = match self.within_login(said).await? {
                Ok(said) => said,
                Err(error) => return Err(self.unanswered(causes(&error))),
            };
            match &said {
                Said::ServerError(error) if is_change || status(error).is_some() => {
                    return Ok(refused(error));
                }
                _ => all.push(value(&said)),
            }
        }
        Ok(answer(StatusCode::OK, &Value::Array(all)))
    }

    async fn within_login<T>(&self, said: impl Future<Output = T>) -> Result<T, SendError> {
        let within = self.login.within;
        let nothing = || self.unanswered(format!("nothing within {}", span::show(within)));
        self.clock.within(within, said).await.ok_or_else(nothing)
    }
}

type Replies = Decoder<
    combine::parser::combinator::AnySendSyncPartialState,
    combine::stream::PointerOffset<[u8]>,
>;

async fn say<S: AsRef<str>>(
    line: &mut impl Stream,
    replies: &mut Replies,
    words: &[S],
) -> redis::RedisResult<Said> {
    let mut command = redis::Cmd::new();
    for word in words {
        command.arg(word.as_ref());
    }
    line.write_all(&command.get_packed_command()).await?;
    line.flush().await?;
    redis::parse_redis_value_async(replies, line).await
}

/// What kept a server from hearing a command at all. `None` where it heard it, and said no.
fn status(error: &redis::ServerError) -> Option<StatusCode> {
    match error.code() {
        "NOAUTH" | "WRONGPASS" => Some(StatusCode::UNAUTHORIZED),
        "NOPERM" => Some(StatusCode::FORBIDDEN),
        "LOADING" | "BUSY" | "MASTERDOWN" | "TRYAGAIN" => Some(StatusCode::SERVICE_UNAVAILABLE),
        _ => None,
    }
}

fn refused(error: &redis::ServerError) -> Response {
    let body = json!({ "code": error.code(), "message": error.details().unwrap_or_default() });
    answer(status(error).unwrap_or(StatusCode::BAD_REQUEST), &body)
}

/// A reply as JSON: texts, numbers, lists, and an object with its `error` where it says no.
fn value(said: &Said) -> Value {
    match said {
        Said::Int(number) => json!(number),
        Said::BulkString(bytes) => Value::from(String::from_utf8_lossy(bytes)),
        Said::SimpleString(text) | Said::VerbatimString { text, .. } => json!(text),
        Said::Okay => json!("OK"),
        Said::Array(items) | Said::Set(items) => items.iter().map(value).collect(),
        Said::ServerError(error) => {
            json!({ "error": format!("{} {}", error.code(), error.details().unwrap_or_default()) })
        }
        _ => Value::Null,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_stands_in_the_list_is_a_read() {
        let table: [(&[&str], bool); 8] = [
            (&["INFO", "replication"], true),
            (&["SENTINEL", "CKQUORUM", "m"], true),
            (&["SENTINEL", "FAILOVER", "m"], false),
            (&["SENTINEL"], false),
            (&["REPLICAOF", "NO", "ONE"], false),
            (&["ACL", "SETUSER", "a"], false),
            (&["CLIENT", "PAUSE", "1"], false),
            (&["infos"], false),
        ];
        for (command, expected) in table {
            let request = commands(Method::GET, "db:1", &[&["PING"], command]).unwrap();
            assert_eq!(is_read(&request), expected, "{command:?}");
            let request = commands(Method::POST, "db:1", &[command]).unwrap();
            assert!(!is_read(&request));
        }
    }
}
