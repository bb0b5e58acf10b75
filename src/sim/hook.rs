//! Addresses to which a plan sends single requests: each answers as the plan hopes that it will.

use super::{
    call::{Call, Reply},
    cloud::Cloud,
    reached::Reached,
    seed::Seed,
};
use crate::{
    model::{Node, Value},
    plan::{ActionWork, Step},
};
use http::{Method, Uri, uri::PathAndQuery};
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Hook {
    method: String,
    url: String,
    status: u16,
    says: String,
    /// What is sent there.
    body: String,
    /// Whether somebody has come with that.
    is_done: bool,
    /// Where this is seen, and what is said there then.
    observe: Option<(String, String)>,
}

fn text<'a>(work: &'a ActionWork, name: &str) -> Option<&'a str> {
    work.with.get(name).and_then(Node::as_text)
}

/// Whether a step sends a request of its own to its `url`, and does not ask what users would see there.
pub(super) fn is_sent(with: &Node) -> bool {
    with.get("method").is_some()
}

impl Hook {
    pub(super) fn seed(cloud: &mut Cloud, seed: &Seed<'_>) {
        for work in seed.plan.steps.iter().filter_map(Step::action) {
            let (Some(method), Some(url)) = (text(work, "method"), text(work, "url")) else {
                continue;
            };
            let body = text(work, "body").unwrap_or_default();
            let is_known =
                |hook: &Hook| hook.method == method && hook.url == url && hook.body == body;
            if cloud.hooks.iter().any(is_known) {
                continue;
            }
            let status = match work.with.get("status").map(|node| &node.value) {
                Some(Value::Int(status)) => u16::try_from(*status).unwrap_or(200),
                _ => 200,
            };
            let observed = || text(work, "observe_contains").unwrap_or_default().to_owned();
            cloud.hooks.push(Self {
                method: method.to_owned(),
                url: url.to_owned(),
                status,
                says: text(work, "contains").unwrap_or("ok").to_owned(),
                observe: text(work, "observe").map(|url| (url.to_owned(), observed())),
                body: body.to_owned(),
                is_done: false,
            });
        }
    }
}

impl Cloud {
    /// Lets it be as if nobody had come to any of them.
    pub fn forget_requests(&mut self) {
        self.hooks.iter_mut().for_each(|hook| hook.is_done = false);
    }
}

/// `None` for what is for others.
pub(super) fn answer(cloud: &mut Cloud, call: &Call<'_>) -> Option<Reached> {
    let path = |uri: &Uri| uri.path_and_query().map_or("/", PathAndQuery::as_str).to_owned();
    let asked = path(call.request.uri());
    // What is served on a loopback port hears of no scheme, and of no other port.
    let is_it = |url: &str| {
        let Ok(url) = url.parse::<Uri>() else { return false };
        url.host().is_some_and(|host| host.eq_ignore_ascii_case(&call.host)) && path(&url) == asked
    };
    if *call.method() == Method::GET
        && let Some(hook) =
            cloud.hooks.iter().find(|hook| hook.observe.as_ref().is_some_and(|(url, _)| is_it(url)))
    {
        let says = hook.observe.as_ref().map_or("", |(_, says)| says).to_owned();
        let status = if hook.is_done { 200 } else { 404 };
        return Some(Reached::Reply(Reply::typed(status, "text/plain", says)));
    }
    let body = call.request.body();
    let hook = cloud.hooks.iter_mut().find(|hook| {
        hook.method == call.method().as_str()
            && is_it(&hook.url)
            && hook.body.as_bytes() == &body[..]
    })?;
    hook.is_done = true;
    Some(Reached::Reply(Reply::typed(hook.status, "text/plain", hook.says.clone())))
}
