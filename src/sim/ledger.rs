//! What happened to a world, line by line: enough to make it again.

use super::{aws::Scope, cloud::Cloud, cloud::Outage};
use crate::wire::Request;
use bytes::Bytes;
use http::Method;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::fmt::Write;

/// One line of a ledger.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub(super) enum Line {
    /// A change that was accepted. Of its headers only those are kept that say for which service of AWS it was.
    Change {
        at: Timestamp,
        method: String,
        uri: String,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        headers: Vec<(String, String)>,
        body: Body,
    },
    Outage {
        at: Timestamp,
        outage: Outage,
        region: String,
    },
}

/// A body: as a text where it is one, else in hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Body {
    Text(String),
    Hex(String),
}

impl Body {
    fn of(bytes: &[u8]) -> Self {
        match std::str::from_utf8(bytes) {
            Ok(text) => Self::Text(text.to_owned()),
            Err(_) => Self::Hex(hex(bytes)),
        }
    }

    fn bytes(&self) -> Option<Bytes> {
        match self {
            Self::Text(text) => Some(Bytes::copy_from_slice(text.as_bytes())),
            Self::Hex(digits) => (0..digits.len() / 2)
                .map(|at| u8::from_str_radix(digits.get(2 * at..2 * at + 2)?, 16).ok())
                .collect::<Option<Vec<u8>>>()
                .map(Bytes::from),
        }
    }
}

impl Line {
    pub(super) fn change(request: &Request, at: Timestamp) -> Self {
        Self::Change {
            at,
            method: request.method().to_string(),
            uri: request.uri().to_string(),
            headers: for_aws(request),
            body: Body::of(request.body()),
        }
    }

    /// Does to a cloud what the line says; whether it was taken as it was then.
    pub(super) fn replay(&self, cloud: &mut Cloud) -> bool {
        match self {
            Self::Outage { at, outage, region } => {
                cloud.set_outage(*outage, region, *at);
                true
            }
            Self::Change { at, method, uri, headers, body } => {
                let request = body.bytes().and_then(|body| {
                    let method = Method::from_bytes(method.as_bytes()).ok()?;
                    let request = http::Request::builder().method(method).uri(uri);
                    let with = |request: http::request::Builder,
                                (name, value): &(String, String)| {
                        request.header(name, value)
                    };
                    headers.iter().fold(request, with).body(body).ok()
                });
                request.is_some_and(|request| cloud.replay(&request, *at).has_changed)
            }
        }
    }
}

/// The scope of a signature without the rest of it, and the operation that is named beside the body.
fn for_aws(request: &Request) -> Vec<(String, String)> {
    let header = |name: &str| request.headers().get(name)?.to_str().ok();
    let scope = header("authorization").and_then(Scope::read).map(|scope| scope.bare());
    let target = scope.as_ref().and_then(|_| header("x-amz-target")).map(ToOwned::to_owned);
    [("authorization", scope), ("x-amz-target", target)]
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_owned(), value?)))
        .collect()
}

pub(super) fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        let _ = write!(text, "{byte:02x}");
    }
    text
}
