//! What happened to a world, line by line: enough to make it again.

use super::{cloud::Cloud, cloud::Outage};
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
    /// A change that was accepted. Its headers, and with them its token, are not kept.
    Change {
        at: Timestamp,
        method: String,
        uri: String,
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
            Self::Change { at, method, uri, body } => {
                let request = body.bytes().and_then(|body| {
                    let method = Method::from_bytes(method.as_bytes()).ok()?;
                    http::Request::builder().method(method).uri(uri).body(body).ok()
                });
                request.is_some_and(|request| cloud.replay(&request, *at).has_changed)
            }
        }
    }
}

pub(super) fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        let _ = write!(text, "{byte:02x}");
    }
    text
}
