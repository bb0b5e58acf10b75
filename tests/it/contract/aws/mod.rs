//! Exchanges with AWS, over each of its protocols.
//!
//! An excerpt names whole structures: what it does not name is a breach wherever it stands, and so is a structure that
//! it leaves out. A service that is seen to use one needs more of its model in its excerpt.

mod answer;
mod excerpt;
mod form;
mod request;
mod samples;
mod shape;
mod tests;
mod xml;

use excerpt::{EXCERPTS, Service};
use failover::{sim::Exchange, wire::Element};
use http::HeaderMap;
use request::Request;

/// Whether it is signed for AWS, or goes to the host of a service of which there is an excerpt.
pub(super) fn is_meant(exchange: &Exchange) -> bool {
    Signature::of(&exchange.headers).is_some()
        || EXCERPTS.services.iter().any(|service| service.is_at(&exchange.host))
}

pub(super) fn check(exchange: &Exchange) -> Result<(), String> {
    let call = |why| format!("{} {}: {why}", exchange.method, exchange.host);
    let signature = Signature::of(&exchange.headers);
    let signature = signature.ok_or_else(|| call("is not signed for a service".to_owned()))?;
    let service = EXCERPTS.services.iter().find(|service| service.name == signature.service);
    let service = service.ok_or_else(|| call(format!("no excerpt of `{}`", signature.service)))?;
    service.check_address(&exchange.host, signature.region).map_err(call)?;
    let Some(status) = exchange.status else { return Ok(()) };
    let (sent, response) =
        exchange.bodies.as_ref().ok_or_else(|| call("bodies were not kept".to_owned()))?;
    let request = Request::new(service, exchange, sent).map_err(call)?;
    let named = |why| format!("{} of {}: {why}", request.name, service.name);
    request.check().and_then(|()| answer::check(&request, status, response)).map_err(named)
}

/// What a request says of itself where it is signed: `Credential=KEY/DATE/REGION/SERVICE/aws4_request`.
struct Signature<'a> {
    region: &'a str,
    service: &'a str,
}

impl<'a> Signature<'a> {
    fn of(headers: &'a HeaderMap) -> Option<Self> {
        let credential = header(headers, "authorization").split_once("Credential=")?.1;
        let mut parts = credential.split(',').next()?.split('/').skip(2);
        let (region, service) = (parts.next()?, parts.next()?);
        (parts.next() == Some("aws4_request")).then_some(Self { region, service })
    }
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

/// The type of a body, without its parameters.
fn check_type(headers: &HeaderMap, meant: &[&str]) -> Result<(), String> {
    let kind = header(headers, "content-type").split(';').next().unwrap_or_default().trim();
    if meant.contains(&kind) { Ok(()) } else { Err(format!("`{kind}` instead of {meant:?}")) }
}

/// A document whose root bears this name, in the namespace of the service.
fn document(service: &Service, text: &[u8], names: &[&str]) -> Result<Element, String> {
    let text = std::str::from_utf8(text).map_err(|error| error.to_string())?;
    let root = Element::read(text).ok_or("no XML, or it breaks off")?;
    if !names.contains(&root.name.as_str()) {
        return Err(format!("the root is `{}`, not one of {names:?}", root.name));
    }
    let tag = text.split_once(&format!("<{}", root.name)).map_or("", |(_, rest)| rest);
    let tag = tag.split('>').next().unwrap_or_default();
    let namespace = service.namespace.as_deref().unwrap_or_default();
    if tag.contains(&format!("xmlns=\"{namespace}\"")) {
        Ok(root)
    } else {
        Err(format!("`{}` is not in the namespace {namespace}", root.name))
    }
}
