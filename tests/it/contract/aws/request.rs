//! Requests: which operation they ask for, and with what.

use super::{
    check_type, document,
    excerpt::{Operation, Protocol, Service},
    form, header,
    shape::kind,
    xml::{Origin, scalar},
};
use failover::sim::Exchange;
use http::Method;
use serde_json::{Map, Value};

/// A request for an operation of which there is an excerpt.
pub(super) struct Request<'a> {
    pub service: &'a Service,
    pub protocol: Protocol,
    pub name: &'a str,
    pub operation: &'a Operation,
    exchange: &'a Exchange,
    sent: &'a [u8],
}

impl<'a> Request<'a> {
    pub(super) fn new(
        service: &'a Service,
        exchange: &'a Exchange,
        sent: &'a [u8],
    ) -> Result<Self, String> {
        let target = header(&exchange.headers, "x-amz-target");
        let protocol = if service.protocols == [Protocol::RestXml] {
            Protocol::RestXml
        } else if target.is_empty() {
            Protocol::Query
        } else {
            Protocol::Json
        };
        if !service.protocols.contains(&protocol) {
            return Err(format!("`{}` does not speak {protocol:?}", service.name));
        }
        let asked = match protocol {
            Protocol::RestXml => format!("{} {}", exchange.method, path(exchange)),
            Protocol::Json => target.to_owned(),
            Protocol::Query => pairs(sent).find(|(key, _)| key == "Action").unwrap_or_default().1,
        };
        let is_it = |(name, operation): &(&String, &Operation)| match protocol {
            Protocol::RestXml => {
                operation.http.as_ref().is_some_and(|http| arguments(http, &asked).is_some())
            }
            Protocol::Json => {
                asked.split_once('.') == service.target.as_deref().map(|t| (t, name.as_str()))
            }
            Protocol::Query => asked == **name,
        };
        let (name, operation) = service
            .operations
            .iter()
            .find(is_it)
            .ok_or_else(|| format!("no excerpt of `{asked}` of {}", service.name))?;
        Ok(Self { service, protocol, name, operation, exchange, sent })
    }

    pub(super) fn check(&self) -> Result<(), String> {
        let input = match self.protocol {
            Protocol::Query => self.form(),
            Protocol::Json => self.json(),
            Protocol::RestXml => self.path_and_document(),
        }?;
        let shape = Value::from(self.operation.input.as_str());
        self.service.shapes.check(&shape, &input, "sent")
    }

    fn form(&self) -> Result<Value, String> {
        self.check_method(&Method::POST)?;
        check_type(&self.exchange.headers, &["application/x-www-form-urlencoded"])?;
        let (protocol, members): (Vec<_>, Vec<_>) =
            pairs(self.sent).partition(|(key, _)| key == "Action" || key == "Version");
        let version = protocol.iter().find(|(key, _)| key == "Version").map(|(_, text)| text);
        if version != Some(&self.service.version) {
            return Err(format!("version {version:?} instead of {}", self.service.version));
        }
        let shape = Value::from(self.operation.input.as_str());
        self.service.shapes.read(&shape, &form::tree(&members)?, Origin::Form)
    }

    fn json(&self) -> Result<Value, String> {
        self.check_method(&Method::POST)?;
        check_type(&self.exchange.headers, &[&json_type(self.service)])?;
        serde_json::from_slice(self.sent).map_err(|error| format!("the body sent: {error}"))
    }

    /// What is asked stands in the path, in its parameters and in a document.
    fn path_and_document(&self) -> Result<Value, String> {
        let (shapes, input) = (&self.service.shapes, &self.operation.input);
        let members = shapes.members(input);
        let asked = format!("{} {}", self.exchange.method, path(self.exchange));
        let http = self.operation.http.as_deref().unwrap_or_default();
        let in_path = arguments(http, &asked).into_iter().flatten();
        let query = self.exchange.path_and_query.split_once('?').map_or("", |(_, query)| query);
        let in_query = pairs(query.as_bytes());
        let all = in_path
            .map(|(name, text)| ("uri", name.to_owned(), text.to_owned()))
            .chain(in_query.map(|(name, text)| ("querystring", name, text)));
        let mut object = Map::new();
        for (place, name, text) in all {
            let is_it = |(_, member): &(&String, &Value)| {
                member["in"] == place && member["name"] == name.as_str()
            };
            let (key, member) = members
                .iter()
                .find(is_it)
                .ok_or(format!("the parameter `{name}` is not of this operation"))?;
            object.insert(key.clone(), scalar(kind(shapes.get(&member["shape"])), &text));
        }
        if self.sent.is_empty() {
            return Ok(Value::Object(object));
        }
        // Route 53 refuses members in another order than its schema's: "Invalid XML ; cvc-complex-type.2.4.a".
        let root = document(self.service, self.sent, &[input])?;
        let Value::Object(body) =
            shapes.read(&Value::from(input.as_str()), &root, Origin::Document)?
        else {
            return Err(format!("{input} is no structure"));
        };
        object.extend(body);
        Ok(Value::Object(object))
    }

    fn check_method(&self, meant: &Method) -> Result<(), String> {
        let method = &self.exchange.method;
        if method == meant { Ok(()) } else { Err(format!("{method} instead of {meant}")) }
    }
}

pub(super) fn json_type(service: &Service) -> String {
    format!("application/x-amz-json-{}", service.json.as_deref().unwrap_or_default())
}

fn path(exchange: &Exchange) -> &str {
    exchange.path_and_query.split('?').next().unwrap_or_default()
}

fn pairs(text: &[u8]) -> impl Iterator<Item = (String, String)> {
    url::form_urlencoded::parse(text).into_owned()
}

/// What stands for the names in a template, such as `GET /change/{Id}`; none when it does not fit. A slash at the end
/// says nothing.
fn arguments<'a>(template: &'a str, asked: &'a str) -> Option<Vec<(&'a str, &'a str)>> {
    let parts = |text: &'a str| text.trim_end_matches('/').split('/');
    let mut found = Vec::new();
    if parts(template).count() != parts(asked).count() {
        return None;
    }
    for (meant, part) in parts(template).zip(parts(asked)) {
        match meant.strip_prefix('{').and_then(|name| name.strip_suffix('}')) {
            Some(name) => found.push((name, part)),
            None if meant == part => {}
            None => return None,
        }
    }
    Some(found)
}
