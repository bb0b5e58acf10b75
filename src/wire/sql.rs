//! Statements for PostgreSQL, as requests: the server and its database are the address, the statements the body, and
//! what the server says comes back as an answer with a status, as from any other cloud.
//!
//! Each request has a connection of its own: a promotion or a restart ends those that are there. No statement is waited
//! for without an end, which the server's own `statement_timeout` does not promise: it is not watched while a commit
//! waits for a standby that is gone.

use super::{
    Line, Request, Response, SendError, Streams, causes, statement,
    talk::{Talk, answer},
};
use crate::model::{Clock, span};
use bytes::Bytes;
use http::{Method, StatusCode};
use serde_json::{Map, Value, json};
use std::{future::Future, pin::Pin, time::Duration};
use tokio_postgres::{
    CancelToken, Client, Config, Connection, NoTls, SimpleQueryMessage,
    config::SslMode,
    tls::{MakeTlsConnect, TlsConnect},
};
use tokio_postgres_rustls::MakeRustlsConnect;

pub(super) const SCHEME: &str = "postgres";
const PORT: u16 = 5432;
/// Between statements: the one sign that none of them can hold.
const END: &str = "\0";
const WRONG_PASSWORD: &str = "28P01";
/// How long a server has to hear that a statement is not waited for any more.
const CLOSES_WITHIN: Duration = Duration::from_secs(1);

/// A request that these statements make. `GET` for what changes nothing.
pub fn statements(method: Method, (host, database): (&str, &str), all: &[&str]) -> Option<Request> {
    let uri = format!("{SCHEME}://{host}/{database}");
    http::Request::builder().method(method).uri(uri).body(Bytes::from(all.join(END))).ok()
}

/// The statements of a request.
pub fn each(request: &Request) -> impl Iterator<Item = &str> {
    std::str::from_utf8(request.body()).unwrap_or_default().split(END)
}

pub(super) fn is_meant(request: &Request) -> bool {
    request.uri().scheme_str() == Some(SCHEME)
}

pub(super) fn is_read(request: &Request) -> bool {
    request.method() == Method::GET && each(request).all(statement::is_read)
}

/// Puts the statements to the server that they are for.
pub(super) async fn ask(
    streams: &dyn Streams,
    clock: &Clock,
    request: &Request,
) -> Result<Response, SendError> {
    let talk = Talk::of(streams, clock, request)?;
    match talk.trust()? {
        Some(trust) => {
            talk.over(SslMode::Require, || {
                let mut tls = MakeRustlsConnect::new(trust.clone());
                MakeTlsConnect::<Line>::make_tls_connect(&mut tls, talk.host())
                    .map_err(|error| error.to_string())
            })
            .await
        }
        None => talk.over(SslMode::Disable, || Ok(NoTls)).await,
    }
}

impl Talk<'_> {
    fn config(&self, mode: SslMode) -> Config {
        let mut config = Config::new();
        let database = self.request.uri().path().trim_start_matches('/');
        config.user(&self.login.user).dbname(database).application_name("failover");
        config.ssl_mode(mode);
        // Instants are read in one form, whatever the role is used to.
        config.options("-c datestyle=ISO");
        if let Some(password) = &self.login.password {
            config.password(password.expose());
        }
        config
    }

    /// It did not let us in, so nothing was said.
    fn kept_out(&self, error: &tokio_postgres::Error) -> Result<Response, SendError> {
        let why = causes(error);
        // The library gives up at once, and says so in no other way.
        if why.contains("password missing") {
            let message =
                format!("a password is asked for, and `{}` has none here", self.login.user);
            let body = json!({ "code": WRONG_PASSWORD, "message": message });
            return Ok(answer(StatusCode::UNAUTHORIZED, &body));
        }
        refused(error).ok_or_else(|| self.not_sent(why))
    }

    /// Says all statements, one after the other, over a connection that is made so.
    async fn over<T, M>(&self, mode: SslMode, tls: M) -> Result<Response, SendError>
    where
        T: TlsConnect<Line, Stream: Send, Future: Send> + Send + 'static,
        M: Fn() -> Result<T, String>,
    {
        let make = || tls().map_err(|why| self.not_sent(why));
        let opening = connect(self.config(mode), self.open(PORT).await?, make()?);
        let within = self.opens_within();
        let (client, mut connection) = match self.clock.within(within, opening).await {
            Some(Ok(opened)) => opened,
            Some(Err(error)) => return self.kept_out(&error),
            None => {
                let why = format!("it did not let us in within {}", span::show(within));
                return Err(self.not_sent(why));
            }
        };
        let mut all = Vec::new();
        for sql in each(self.request) {
            let said = self.clock.within(self.login.within, client.simple_query(sql));
            let answer = tokio::select! {
                biased;
                answer = said => answer,
                _ = &mut connection => return Err(self.unanswered("the connection was lost")),
            };
            match answer {
                Some(Ok(messages)) => all.push(rows(&messages)),
                Some(Err(error)) => {
                    return refused(&error).ok_or_else(|| self.unanswered(causes(&error)));
                }
                None => {
                    self.call_off(&client, make()?).await;
                    let within = span::show(self.login.within);
                    return Err(self.unanswered(format!("nothing within {within}; called off")));
                }
            }
        }
        drop(client);
        // Good manners: whether the server heard that we leave changes nothing.
        drop(self.clock.within(CLOSES_WITHIN, connection).await);
        Ok(answer(StatusCode::OK, &Value::Array(all)))
    }

    /// A statement that nobody waits for any more should not go on.
    async fn call_off<T>(&self, client: &Client, tls: T)
    where
        T: TlsConnect<Line, Stream: Send, Future: Send> + Send + 'static,
    {
        let Ok(stream) = self.open(PORT).await else { return };
        let call = cancel(client.cancel_token(), stream, tls);
        drop(self.clock.within(CLOSES_WITHIN, call).await);
    }
}

type Opened<T> = (Client, Connection<Line, <T as TlsConnect<Line>>::Stream>);

/// Owns all that it needs: the library's own future is not known to be sendable while it borrows.
fn connect<T>(
    config: Config,
    stream: Line,
    tls: T,
) -> Pin<Box<dyn Future<Output = Result<Opened<T>, tokio_postgres::Error>> + Send>>
where
    T: TlsConnect<Line, Stream: Send, Future: Send> + Send + 'static,
{
    Box::pin(async move { config.connect_raw(stream, tls).await })
}

fn cancel<T>(
    token: CancelToken,
    stream: Line,
    tls: T,
) -> Pin<Box<dyn Future<Output = Result<(), tokio_postgres::Error>> + Send>>
where
    T: TlsConnect<Line, Stream: Send, Future: Send> + Send + 'static,
{
    Box::pin(async move { token.cancel_query_raw(stream, tls).await })
}

/// What the server said no to. `None` where no word of it came, or where it broke off: then nobody knows.
///
/// Classes of codes: PostgreSQL documentation, appendix A.
fn refused(error: &tokio_postgres::Error) -> Option<Response> {
    let said = error.as_db_error()?;
    let code = said.code().code();
    let status = match code {
        // An administrator, a crash or a shutdown ended the session in the middle of what it did.
        "57P01" | "57P02" => return None,
        // It starts or stops, or has no room for one more.
        "57P03" => StatusCode::SERVICE_UNAVAILABLE,
        _ if code.starts_with("53") => StatusCode::SERVICE_UNAVAILABLE,
        _ if code.starts_with("28") => StatusCode::UNAUTHORIZED,
        "42501" => StatusCode::FORBIDDEN,
        _ => StatusCode::BAD_REQUEST,
    };
    Some(answer(status, &json!({ "code": code, "message": said.message() })))
}

/// What one statement gave, row by row.
fn rows(messages: &[SimpleQueryMessage]) -> Value {
    let row = |message: &SimpleQueryMessage| match message {
        SimpleQueryMessage::Row(row) => {
            let columns = row.columns().iter().enumerate();
            let pair = |(at, column): (usize, &tokio_postgres::SimpleColumn)| {
                (column.name().to_owned(), row.get(at).map_or(Value::Null, Value::from))
            };
            Some(Value::Object(columns.map(pair).collect::<Map<_, _>>()))
        }
        _ => None,
    };
    messages.iter().filter_map(row).collect()
}
