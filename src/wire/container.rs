//! Programs in containers of Kubernetes: which one and with what is the body, as for a program of this machine, and how it
//! ended is the answer. On the way it is a WebSocket, whose messages begin with the number of a channel.
//!
//! Source: Kubernetes API, "Pod", "connect GET requests to exec"; the subprotocols as k8s.io/apimachinery,
//! `pkg/util/remotecommand`, names them. The fifth version adds how a channel is closed, which nobody asks of one that is
//! only read.

use super::{
    Ears, Request, Response, SendError,
    clients::{Carrier, HttpClients},
    host,
    network::{lost, whole},
    program::{Ended, Program, Tail},
};
use crate::model::{Clock, span};
use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use http::{
    HeaderMap, HeaderValue, StatusCode,
    header::{
        ACCEPT, CONNECTION, CONTENT_TYPE, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY,
        SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION, UPGRADE,
    },
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Status;
use std::time::Duration;
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{
        Message,
        handshake::{client::generate_key, derive_accept_key},
        protocol::Role,
    },
};

const PROTOCOLS: [&str; 2] = ["v5.channel.k8s.io", "v4.channel.k8s.io"];
const STDOUT: u8 = 1;
const STDERR: u8 = 2;
const STATUS: u8 = 3;

/// A program may be silent for long, and a server may not: after this it is asked for a sign of life.
const QUIET: Duration = Duration::from_secs(20);
/// How often it is asked.
const ASKED: u32 = 3;
/// How long the last words of a program may come after its status: its channels are carried beside each other.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// Marks a request whose body is a program for a container.
#[derive(Clone, Copy, Debug)]
pub struct InContainer;

pub(super) fn is_meant(request: &Request) -> bool {
    request.extensions().get::<InContainer>().is_some()
}

pub(super) async fn run(
    clients: &HttpClients,
    clock: &Clock,
    request: &Request,
) -> Result<Response, SendError> {
    let host = host(request);
    let not_sent = |why: String| SendError::NotSent { host: host.clone(), why };
    let unanswered = |why: String| SendError::Unanswered { host: host.clone(), why };
    let program: Program =
        serde_json::from_slice(request.body()).map_err(|error| not_sent(error.to_string()))?;
    let client = clients.get(Carrier::Upgraded).map_err(|error| lost(&host, error))?;
    let key = generate_key();
    let mut shake = client
        .get(request.uri().to_string())
        .headers(request.headers().clone())
        .build()
        .map_err(|error| lost(&host, error))?;
    greet(shake.headers_mut(), &key).map_err(not_sent)?;

    let exchange = async {
        let answer = client.execute(shake).await.map_err(|error| lost(&host, error))?;
        if answer.status() != StatusCode::SWITCHING_PROTOCOLS {
            return whole(&host, answer).await;
        }
        if !is_agreed(answer.headers(), &key) {
            return Err(unanswered("it speaks something else than was asked for".to_owned()));
        }
        let line = answer.upgrade().await.map_err(|error| lost(&host, error))?;
        let socket = WebSocketStream::from_raw_socket(line, Role::Client, None).await;
        let ended = listen(socket, clock, &Ears::of(request)).await.map_err(unanswered)?;
        let body = serde_json::to_vec(&ended).map_err(|error| unanswered(error.to_string()))?;
        Ok(Response::new(Bytes::from(body)))
    };
    let late = || {
        let within = span::show(program.within);
        Err(unanswered(format!("it did not end within {within}, and may run on")))
    };
    clock.within(program.within, exchange).await.unwrap_or_else(late)
}

/// The headers that ask for a WebSocket (RFC 6455, 4.1).
fn greet(headers: &mut HeaderMap, key: &str) -> Result<(), String> {
    let value = |text: &str| HeaderValue::from_str(text).map_err(|error| error.to_string());
    // Nothing is sent with it, and what comes is no document.
    headers.remove(CONTENT_TYPE);
    headers.remove(ACCEPT);
    headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
    headers.insert(SEC_WEBSOCKET_KEY, value(key)?);
    headers.insert(SEC_WEBSOCKET_PROTOCOL, value(&PROTOCOLS.join(", "))?);
    Ok(())
}

/// Whether a server has understood what it was asked for.
fn is_agreed(headers: &HeaderMap, key: &str) -> bool {
    let says = |name| headers.get(name).and_then(|value| value.to_str().ok());
    says(SEC_WEBSOCKET_ACCEPT) == Some(derive_accept_key(key.as_bytes()).as_str())
        && says(SEC_WEBSOCKET_PROTOCOL).is_some_and(|spoken| PROTOCOLS.contains(&spoken))
}

/// Hears a program out. Without its status nobody knows what became of it.
async fn listen<S>(
    mut socket: WebSocketStream<S>,
    clock: &Clock,
    ears: &Ears,
) -> Result<Ended, String>
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
{
    let (mut stdout, mut stderr) = (Tail::heard_by(ears), Tail::heard_by(ears));
    let mut status = Vec::new();
    let mut silences = 0;
    loop {
        let patience = if status.is_empty() { QUIET } else { LAST_WORDS };
        let heard = clock.within(patience, socket.next()).await;
        match heard {
            Some(Some(Ok(message))) => {
                silences = 0;
                let Message::Binary(message) = message else { continue };
                match message.split_first() {
                    Some((&STDOUT, text)) => stdout.push(text),
                    Some((&STDERR, text)) => stderr.push(text),
                    Some((&STATUS, text)) => status.extend_from_slice(text),
                    _ => {}
                }
            }
            None if status.is_empty() && silences < ASKED => {
                silences += 1;
                let asked = socket.send(Message::Ping(Bytes::new())).await;
                asked.map_err(|error| broken(&error.to_string()))?;
            }
            None if status.is_empty() => return Err(broken("it gives no sign of life")),
            Some(Some(Err(error))) if status.is_empty() => return Err(broken(&error.to_string())),
            Some(None | Some(Err(_))) | None => break,
        }
    }
    if status.is_empty() {
        return Err(broken("it hung up"));
    }
    Ok(Ended { status: Some(exit(&status)?), stdout: stdout.text(), stderr: stderr.text() })
}

fn broken(why: &str) -> String {
    format!("{why} before it said how the program ended")
}

/// The exit status that a `Status` tells. One of another kind says that something went wrong on the way, and leaves open
/// whether the program was started.
fn exit(status: &[u8]) -> Result<i32, String> {
    let told: Status = serde_json::from_slice(status)
        .map_err(|_| broken("it said something else than a status"))?;
    if told.status.as_deref() == Some("Success") {
        return Ok(0);
    }
    let causes = told.details.into_iter().flat_map(|details| details.causes.unwrap_or_default());
    let code = causes
        .into_iter()
        .filter(|cause| cause.reason.as_deref() == Some("ExitCode"))
        .find_map(|cause| cause.message?.parse().ok());
    match code {
        Some(code) if told.reason.as_deref() == Some("NonZeroExitCode") => Ok(code),
        _ => Err(told.message.unwrap_or_else(|| broken("it failed"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_exit_status_is_one() {
        assert_eq!(exit(br#"{"metadata":{},"status":"Success"}"#), Ok(0));
        let failed = |reason: &str, cause: &str| {
            format!(
                r#"{{"metadata":{{}},"status":"Failure","message":"said so","reason":"{reason}","details":{{"causes":[{{"reason":"{cause}","message":"7"}}]}}}}"#
            )
        };
        assert_eq!(exit(failed("NonZeroExitCode", "ExitCode").as_bytes()), Ok(7));
        for (reason, cause) in [("InternalError", "ExitCode"), ("NonZeroExitCode", "Other")] {
            assert_eq!(exit(failed(reason, cause).as_bytes()), Err("said so".to_owned()));
        }
        assert!(exit(b"oops").unwrap_err().contains("something else than a status"));
    }

    #[test]
    fn a_server_that_speaks_something_else_is_not_listened_to() {
        let key = "dGhlIHNhbXBsZSBub25jZQ==";
        let said = |accept: &'static str, protocol: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(SEC_WEBSOCKET_ACCEPT, HeaderValue::from_static(accept));
            headers.insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(protocol));
            is_agreed(&headers, key)
        };
        // The key and its answer are the example of RFC 6455, 1.3.
        let good = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";
        assert!(said(good, "v5.channel.k8s.io") && said(good, "v4.channel.k8s.io"));
        assert!(!said(good, "channel.k8s.io") && !said("", "v5.channel.k8s.io"));
        assert!(!is_agreed(&HeaderMap::new(), key));
    }

    /// What becomes of a program whose server does this.
    async fn heard<F: Future<Output = ()>>(
        server: impl FnOnce(WebSocketStream<tokio::io::DuplexStream>, Clock) -> F,
    ) -> Result<Ended, String> {
        let clock = Clock::virtual_from(jiff::Timestamp::UNIX_EPOCH);
        let (ours, theirs) = tokio::io::duplex(4096);
        let ours = WebSocketStream::from_raw_socket(ours, Role::Client, None).await;
        let theirs = WebSocketStream::from_raw_socket(theirs, Role::Server, None).await;
        let deaf = Ears::default();
        let listening = listen(ours, &clock, &deaf);
        futures_util::future::join(listening, server(theirs, clock.clone())).await.0
    }

    const SUCCESS: &[u8] = b"\x03{\"metadata\":{},\"status\":\"Success\"}";

    #[tokio::test]
    async fn a_program_may_be_silent_as_long_as_its_server_lives() {
        let ended = heard(async |mut server, clock| {
            // Whoever reads answers what asks for a sign of life.
            clock
                .within(Duration::from_hours(1), async { while server.next().await.is_some() {} })
                .await;
            let (begins, ends) = SUCCESS.split_at(9);
            let ends = [b"\x03", ends].concat();
            // A channel may begin with nothing, and what is said at once may come in parts.
            let all = [b"\x03", &b"\x01late"[..], begins, &ends, b"\x02later", b"\x09?", b""];
            for message in all {
                server.send(Message::binary(message.to_vec())).await.unwrap();
            }
        });
        let ended = ended.await.unwrap();
        assert_eq!((ended.status, &*ended.stdout, &*ended.stderr), (Some(0), "late", "later"));
    }

    #[tokio::test]
    async fn a_server_that_gives_no_sign_of_life_is_given_up() {
        let heard = heard(async |_server, clock| clock.sleep(Duration::from_mins(3)).await).await;
        assert!(heard.unwrap_err().contains("no sign of life"));
    }

    #[tokio::test]
    async fn a_server_that_hangs_up_too_early_has_told_nothing() {
        let heard = heard(async |mut server, _| {
            server.send(Message::binary(b"\x01all is well".to_vec())).await.unwrap();
        });
        assert!(heard.await.unwrap_err().contains("before it said how the program ended"));
    }

    #[tokio::test]
    async fn what_was_told_before_a_server_hangs_up_counts() {
        let heard = heard(async |mut server, _| {
            server.send(Message::binary(SUCCESS.to_vec())).await.unwrap();
        });
        assert_eq!(heard.await.unwrap().status, Some(0));
    }
}
