//! One request to AWS, before it is signed.

use super::service::{Host, Service};
use crate::wire::Element;
use bytes::Bytes;
use http::Method;
use serde_json::Value;
use url::form_urlencoded::Serializer;

/// One request, before it is signed.
#[derive(Clone, Debug)]
pub(super) struct Call {
    pub service: &'static Service,
    /// The region that is asked, and that the signature is for.
    pub region: String,
    /// As the vendor writes it.
    pub operation: &'static str,
    pub method: Method,
    pub path: String,
    /// Where this one goes, when the caller knows better than the service.
    pub endpoint: Option<String>,
    pub headers: Vec<(&'static str, String)>,
    pub body: Bytes,
}

impl Call {
    fn new(service: &'static Service, region: &str, operation: &'static str) -> Self {
        let region = match service.host {
            Host::Global { region, .. } => region,
            Host::Regional(_) | Host::Given => region,
        };
        Self {
            service,
            region: region.to_owned(),
            operation,
            method: Method::POST,
            path: "/".to_owned(),
            endpoint: None,
            headers: Vec::new(),
            body: Bytes::new(),
        }
    }

    /// Over the Query protocol, which answers in XML.
    pub(super) fn query<'a>(
        service: &'static Service,
        region: &str,
        operation: &'static str,
        parameters: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Self {
        let form = Serializer::new(String::new())
            .append_pair("Action", operation)
            .append_pair("Version", service.version)
            .extend_pairs(parameters)
            .finish();
        let mut call = Self::new(service, region, operation);
        call.headers = vec![("content-type", "application/x-www-form-urlencoded".to_owned())];
        call.body = form.into();
        call
    }

    /// Over the JSON protocol, in the version that the service speaks.
    pub(super) fn json(
        service: &'static Service,
        region: &str,
        operation: &'static str,
        body: &Value,
    ) -> Self {
        let mut call = Self::new(service, region, operation);
        call.headers = vec![
            ("content-type", format!("application/x-amz-json-{}", service.json)),
            ("x-amz-target", format!("{}.{operation}", service.version)),
        ];
        call.body = body.to_string().into();
        call
    }

    /// Reads a path below the version of a service that speaks XML over REST.
    pub(super) fn get(service: &'static Service, operation: &'static str, path: &str) -> Self {
        let path = format!("/{}/{path}", service.version);
        Self { method: Method::GET, path, ..Self::new(service, "", operation) }
    }

    /// Sends a document there.
    pub(super) fn post(
        service: &'static Service,
        operation: &'static str,
        path: &str,
        body: &Element,
    ) -> Self {
        let text = format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>{body}");
        Self {
            method: Method::POST,
            headers: vec![("content-type", "text/xml".to_owned())],
            body: text.into(),
            ..Self::get(service, operation, path)
        }
    }

    /// The same, asked at this endpoint.
    #[must_use]
    pub(super) fn at(mut self, endpoint: &str) -> Self {
        self.endpoint = Some(endpoint.to_owned());
        self
    }

    /// What people read of it.
    pub(super) fn says(&self) -> String {
        match self.service.host {
            Host::Global { .. } => self.operation.to_owned(),
            Host::Regional(_) | Host::Given => format!("{} in {}", self.operation, self.region),
        }
    }
}
