//! The world of dry-runs and checks: reads pass, everything else stays here.

use super::{
    Intent, Request, Response, SendError, Transport, haproxy, message, program, redis, sql,
};
use async_trait::async_trait;
use http::Method;
use std::sync::Arc;

/// Reads that the vendors made POSTs, by the end of their path. Azure: the listing of an app's settings, and signing in;
/// Kubernetes: the question whether one may do something.
const READS_THAT_ARE_POSTS: [&str; 4] = [
    "/config/appsettings/list",
    "/config/connectionstrings/list",
    "/oauth2/v2.0/token",
    "/selfsubjectaccessreviews",
];

/// How the operations of AWS that change nothing begin, over the protocols that send all of them as POSTs. Its policies
/// for reading alone are written in the same way (AWS managed policy `ReadOnlyAccess`).
const READS_OF_AWS: [&str; 4] = ["Describe", "Get", "List", "SimulatePrincipalPolicy"];

/// Lets reads through and refuses the rest, whatever the caller says that a request is for.
pub struct ReadOnly {
    inner: Arc<dyn Transport>,
}

impl ReadOnly {
    pub fn new(inner: Arc<dyn Transport>) -> Self {
        Self { inner }
    }
}

/// Refuses what is called a read and is none: only a permit lets a change pass.
pub fn check(request: &Request, intent: Intent<'_>) -> Result<(), SendError> {
    if intent.is_read() && !is_read(request) {
        return Err(SendError::NoPermit {
            method: request.method().to_string(),
            path: request.uri().path().to_owned(),
        });
    }
    Ok(())
}

/// Whether a request is a read by its method and path, whatever the caller says.
pub(super) fn is_read(request: &Request) -> bool {
    if sql::is_meant(request) {
        return sql::is_read(request);
    }
    if redis::is_meant(request) {
        return redis::is_read(request);
    }
    if haproxy::is_meant(request) {
        return haproxy::is_read(request);
    }
    if message::is_meant(request) {
        return message::is_read(request);
    }
    // Who names a program that only looks answers for it.
    if program::is_meant(request) {
        return request.method() == Method::GET;
    }
    let path = request.uri().path().to_ascii_lowercase();
    match *request.method() {
        Method::GET | Method::HEAD => true,
        Method::POST => {
            READS_THAT_ARE_POSTS.iter().any(|read| path.ends_with(read))
                || operation_of_aws(request)
                    .is_some_and(|name| READS_OF_AWS.iter().any(|read| name.starts_with(read)))
        }
        _ => false,
    }
}

/// The operation that a signed POST names: in a header of the JSON protocols, or first in the form of the Query protocol.
fn operation_of_aws(request: &Request) -> Option<&str> {
    let header = |name: &str| request.headers().get(name)?.to_str().ok();
    header("authorization").filter(|signed| signed.starts_with("AWS4-HMAC-SHA256 "))?;
    if let Some(target) = header("x-amz-target") {
        return target.rsplit('.').next();
    }
    let form = std::str::from_utf8(request.body()).ok()?;
    form.strip_prefix("Action=")?.split('&').next()
}

#[async_trait]
impl Transport for ReadOnly {
    async fn send(&self, request: Request, intent: Intent<'_>) -> Result<Response, SendError> {
        if !intent.is_read() || !is_read(&request) {
            return Err(SendError::ReadOnly {
                method: request.method().to_string(),
                path: request.uri().path().to_owned(),
            });
        }
        self.inner.send(request, intent).await
    }
}
