//! Who may do what: tokens, permissions, locks, and how many requests there are to spare.

use super::operation::{guid, seed};
use crate::sim::{
    call::{Call, Refusal, Reply},
    cloud::Cloud,
};
use http::Method;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::time::Duration;

/// How long a token is good for.
const TOKEN: Duration = Duration::from_secs(3_599);
const TENANT: &str = "11111111-1111-1111-1111-111111111111";
const PRINCIPAL: &str = "22222222-2222-2222-2222-222222222222";

/// What the one principal of this world may not do, and what nobody may.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(in crate::sim) struct Policy {
    /// Patterns of actions, such as `Microsoft.Storage/*/failover/action`.
    pub denied: Vec<String>,
    pub locks: Vec<Lock>,
}

/// A management lock. `scope` is the id of a subscription, a group or a resource.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(in crate::sim) struct Lock {
    pub scope: String,
    pub name: String,
    /// `CanNotDelete` or `ReadOnly`.
    pub level: String,
}

impl Cloud {
    /// Takes the right to do this from whoever asks; `*` stands for any characters.
    pub fn deny(&mut self, action: impl Into<String>) {
        self.policy.denied.push(action.into());
    }

    /// Puts a management lock on a scope: `CanNotDelete` or `ReadOnly`.
    pub fn lock(&mut self, scope: impl Into<String>, level: impl Into<String>) {
        let name = format!("keep-{}", self.policy.locks.len() + 1);
        self.policy.locks.push(Lock { scope: scope.into(), name, level: level.into() });
    }

    /// Takes every denial and every lock away again.
    pub fn allow_everything(&mut self) {
        self.policy = Policy::default();
    }

    /// A bearer token for Azure Resource Manager.
    pub fn issue_token(&self, now: Timestamp) -> String {
        token("https://management.azure.com", now + TOKEN)
    }
}

/// A token that can be checked without being remembered: two parts that look like a JWT's, and a signature that says
/// when it ends.
fn token(audience: &str, expires: Timestamp) -> String {
    let claims = json!({
        "aud": audience, "exp": expires.as_second(), "tid": TENANT, "oid": PRINCIPAL, "appid": PRINCIPAL,
    });
    let header = base64url(br#"{"typ":"JWT","alg":"RS256"}"#);
    let signed = format!("{header}.{}", base64url(claims.to_string().as_bytes()));
    let end = expires.as_second();
    format!("{signed}.{end:x}-{}", signature(&signed, end))
}

/// No secret is kept by it: it only tells our tokens from others.
fn signature(signed: &str, end: i64) -> String {
    guid(seed(signed) ^ end.unsigned_abs())
}

fn base64url(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let group = chunk.iter().fold(0_u32, |group, byte| group << 8 | u32::from(*byte));
        let group = group << (8 * (3 - chunk.len()));
        for letter in 0..=chunk.len() {
            text.push(char::from(LETTERS[(group >> (18 - 6 * letter) & 63) as usize]));
        }
    }
    text
}

/// `POST /{tenant}/oauth2/v2.0/token`: by secret or by assertion (Microsoft identity platform, "OAuth 2.0 client
/// credentials flow").
pub(super) fn sign_in(call: &Call<'_>) -> Reply {
    let form: Vec<_> = url::form_urlencoded::parse(call.request.body()).into_owned().collect();
    let field = |name: &str| {
        form.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value.as_str())
    };
    let refused = |error: &str, number: u32, text: &str| {
        let body = json!({
            "error": error,
            "error_description": format!("AADSTS{number}: {text}"),
            "error_codes": [number],
            "timestamp": call.now.strftime("%Y-%m-%d %H:%M:%SZ").to_string(),
        });
        Reply::json(if error == "invalid_client" { 401 } else { 400 }, &body)
    };
    if field("grant_type") != "client_credentials" {
        return refused("unsupported_grant_type", 70_003, "The grant type is not supported.");
    }
    // One secret is wrong, so that a refused sign-in can be rehearsed.
    let secret = [field("client_secret"), field("client_assertion")].concat();
    if secret.is_empty() || secret == "wrong" {
        return refused("invalid_client", 7_000_215, "Invalid client secret provided.");
    }
    let audience = field("scope").trim_end_matches("/.default");
    let body = json!({
        "token_type": "Bearer",
        "expires_in": TOKEN.as_secs(),
        "ext_expires_in": TOKEN.as_secs(),
        "access_token": token(audience, call.now + TOKEN),
    });
    Reply::json(200, &body)
}

/// Whether the request bears a token of ours that has not ended.
pub(super) fn authenticate(call: &Call<'_>) -> Result<(), Refusal> {
    let refused = |code, message: &str| {
        let challenge = format!(
            "Bearer authorization_uri=\"https://login.windows.net/{TENANT}\", error=\"invalid_token\", error_description=\"{message}\""
        );
        Refusal::new(401, code, message).with("www-authenticate", challenge)
    };
    let Some(bearer) = call.header("authorization") else {
        let why = "Authentication failed. The 'Authorization' header is missing.";
        return Err(refused("AuthenticationFailed", why));
    };
    let invalid = || refused("InvalidAuthenticationToken", "The access token is invalid.");
    let token = bearer.strip_prefix("Bearer ").ok_or_else(invalid)?;
    let (signed, seal) = token.rsplit_once('.').ok_or_else(invalid)?;
    let (end, sum) = seal.split_once('-').ok_or_else(invalid)?;
    let end = i64::from_str_radix(end, 16).map_err(|_| invalid())?;
    if sum != signature(signed, end) {
        return Err(invalid());
    }
    if end <= call.now.as_second() {
        let why = "The access token expiry UTC time is earlier than current UTC time.";
        return Err(refused("ExpiredAuthenticationToken", why));
    }
    Ok(())
}

/// The action that a request needs: `Microsoft.Web/sites/config/list/action` for a POST to `…/config/appsettings/list`.
pub(super) fn action(method: &Method, kind: &str, rest: &[&str]) -> String {
    let mut action = kind.to_owned();
    for part in rest.iter().step_by(2) {
        action.push('/');
        action.push_str(part);
    }
    action.push_str(match *method {
        Method::GET | Method::HEAD => "/read",
        Method::POST => "/action",
        Method::DELETE => "/delete",
        _ => "/write",
    });
    action
}

/// The action that asking about an operation needs: `Microsoft.DBforPostgreSQL/locations/azureAsyncOperation/read`.
pub(super) fn of_operation(segments: &[&str]) -> String {
    let at = segments.iter().rposition(|part| *part == "providers").map_or(0, |at| at + 1);
    match &segments[at..] {
        [namespace, "locations", _, kind, _] => format!("{namespace}/locations/{kind}/read"),
        [namespace, of, _, kind, _] => format!("{namespace}/{of}/{kind}/read"),
        other => format!("{}/read", other.join("/")),
    }
}

/// Refuses what the principal may not do, and what a lock forbids.
pub(super) fn authorize(cloud: &Cloud, call: &Call<'_>, action: &str) -> Result<(), Refusal> {
    let path = call.request.uri().path();
    if cloud.policy.denied.iter().any(|pattern| matches(pattern, action)) {
        let why = format!(
            "The client '{PRINCIPAL}' with object id '{PRINCIPAL}' does not have authorization to perform action '{action}' over scope '{path}' or the scope is invalid."
        );
        return Err(Refusal::new(403, "AuthorizationFailed", why));
    }
    let forbids = |lock: &&Lock| {
        lock.covers(path)
            && match *call.method() {
                Method::GET | Method::HEAD => false,
                Method::DELETE => true,
                // ReadOnly forbids POSTs too, listings of secrets among them (Lock your resources, Microsoft Learn).
                _ => lock.level.eq_ignore_ascii_case("ReadOnly"),
            }
    };
    if let Some(lock) = cloud.policy.locks.iter().find(forbids) {
        let verb = if call.method() == Method::DELETE { "delete" } else { "write" };
        let why = format!(
            "The scope '{path}' cannot perform {verb} operation because following scope(s) are locked: '{}'. Please remove the lock and try again.",
            lock.scope
        );
        return Err(Refusal::new(409, "ScopeLocked", why));
    }
    Ok(())
}

impl Lock {
    fn covers(&self, path: &str) -> bool {
        is_within(path, &self.scope)
    }
}

/// Whether an id is a scope or something below it.
fn is_within(id: &str, scope: &str) -> bool {
    let (id, scope) = (id.trim_end_matches('/'), scope.trim_end_matches('/'));
    id.get(..scope.len()).is_some_and(|start| start.eq_ignore_ascii_case(scope))
        && matches!(id.as_bytes().get(scope.len()), None | Some(b'/'))
}

/// Whether a pattern with `*` fits an action, without case.
fn matches(pattern: &str, action: &str) -> bool {
    let (pattern, action) = (pattern.to_ascii_lowercase(), action.to_ascii_lowercase());
    let mut parts = pattern.split('*');
    let Some(mut rest) = action.strip_prefix(parts.next().unwrap_or_default()) else {
        return false;
    };
    let mut last = None;
    for part in parts {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
        last = Some(part);
    }
    last.map_or(rest.is_empty(), |part| action.ends_with(part))
}

/// Permissions: list for resource.
pub(super) fn permissions(cloud: &Cloud) -> Reply {
    let entry = json!({
        "actions": ["*"], "notActions": cloud.policy.denied, "dataActions": [], "notDataActions": [],
    });
    Reply::json(200, &json!({ "value": [entry], "nextLink": null }))
}

/// Management locks: those at a scope and below it.
pub(super) fn locks(cloud: &Cloud, scope: &str) -> Reply {
    let shown = |lock: &Lock| {
        json!({
            "id": format!("{}/providers/Microsoft.Authorization/locks/{}", lock.scope, lock.name),
            "name": lock.name,
            "type": "Microsoft.Authorization/locks",
            "properties": { "level": lock.level, "notes": "", "owners": [] },
        })
    };
    let here = cloud.policy.locks.iter().filter(|lock| is_within(&lock.scope, scope));
    Reply::json(200, &json!({ "value": here.map(shown).collect::<Vec<Value>>() }))
}

/// Token buckets of a subscription and principal (Understand how ARM throttles requests, Microsoft Learn).
#[derive(Clone, Debug, Default)]
pub(in crate::sim) struct Throttle {
    reads: Option<Bucket>,
    writes: Option<Bucket>,
    deletes: Option<Bucket>,
    /// How many requests came; request ids are made from it.
    pub requests: u64,
    /// How often a name was resolved.
    pub asked: u64,
}

#[derive(Clone, Copy, Debug)]
struct Bucket {
    left: f64,
    since: Timestamp,
}

impl Throttle {
    /// Takes one from the bucket of this method, and tells the header that shows what is left.
    pub(super) fn take(&mut self, call: &Call<'_>) -> Result<(&'static str, String), Refusal> {
        let (bucket, size, refill, name, word) = match *call.method() {
            Method::GET | Method::HEAD => (
                &mut self.reads,
                250.0,
                25.0,
                "x-ms-ratelimit-remaining-subscription-reads",
                "read",
            ),
            Method::DELETE => (
                &mut self.deletes,
                200.0,
                10.0,
                "x-ms-ratelimit-remaining-subscription-deletes",
                "delete",
            ),
            _ => (
                &mut self.writes,
                200.0,
                10.0,
                "x-ms-ratelimit-remaining-subscription-writes",
                "write",
            ),
        };
        let bucket = bucket.get_or_insert(Bucket { left: size, since: call.now });
        let passed = call.now.duration_since(bucket.since).as_secs_f64().max(0.0);
        bucket.left = f64::min(size, bucket.left + passed * refill);
        bucket.since = call.now;
        if bucket.left < 1.0 {
            let why = format!(
                "Number of '{word}' requests for subscription actor '{PRINCIPAL}' exceeded. Please try again after '1' seconds."
            );
            let refusal = Refusal::new(429, "SubscriptionRequestsThrottled", why);
            return Err(refusal.with("retry-after", "1"));
        }
        bucket.left -= 1.0;
        Ok((name, format!("{:.0}", bucket.left.floor())))
    }
}
