//! One request to Azure, before it has a token: what it asks, of whom, and which token it wants.

use super::id::{Id, encode};
use bytes::Bytes;
use http::Method;
use serde_json::Value;

/// Which of Azure's doors a request goes to: each wants a token of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Door {
    Manager,
    /// The deployment host of one site. azure-cli asks for this audience too.
    Deployment,
}

impl Door {
    pub(super) fn scope(self) -> &'static str {
        match self {
            Self::Manager => "https://management.azure.com/.default",
            Self::Deployment => "https://appservice.azure.com/.default",
        }
    }
}

/// One request, before it has a token.
#[derive(Clone, Debug)]
pub(super) struct Call {
    pub method: Method,
    /// A path of Resource Manager, or a whole address.
    pub url: String,
    pub door: Door,
    pub body: Option<(&'static str, Bytes)>,
}

impl Call {
    fn new(method: Method, id: &Id) -> Self {
        let url = format!("{id}?api-version={}", id.api_version());
        Self { method, url, door: Door::Manager, body: None }
    }

    pub(super) fn get(id: &Id) -> Self {
        Self::new(Method::GET, id)
    }

    pub(super) fn post(id: &Id) -> Self {
        Self::new(Method::POST, id)
    }

    pub(super) fn put(id: &Id, body: &Value) -> Self {
        Self::new(Method::PUT, id).json(body)
    }

    pub(super) fn patch(id: &Id, body: &Value) -> Self {
        Self::new(Method::PATCH, id).json(body)
    }

    pub(super) fn delete(id: &Id) -> Self {
        Self::new(Method::DELETE, id)
    }

    /// Reads an address that Azure gave, byte for byte.
    pub(super) fn get_url(url: &str) -> Self {
        Self { method: Method::GET, url: url.to_owned(), door: Door::Manager, body: None }
    }

    /// Sends a zip to the deployment host that Azure reported for a site. It is told of at once, and can be asked about
    /// by its id: an answer that is waited for says less, and not at all when the deployment takes long.
    pub(super) fn deploy(host: &str, zip: Bytes) -> Self {
        let url =
            format!("https://{host}/api/publish?type=zip&async=true&trackDeploymentProgress=true");
        let body = Some(("application/octet-stream", zip));
        Self { method: Method::POST, url, door: Door::Deployment, body }
    }

    /// Asks a deployment host about a deployment.
    pub(super) fn get_deployment(url: &str) -> Self {
        Self { door: Door::Deployment, ..Self::get_url(url) }
    }

    #[must_use]
    pub(super) fn query(mut self, name: &str, value: &str) -> Self {
        self.url.push('&');
        self.url.push_str(name);
        self.url.push('=');
        self.url.push_str(&encode(value));
        self
    }

    fn json(mut self, body: &Value) -> Self {
        self.body = Some(("application/json", Bytes::from(body.to_string())));
        self
    }

    /// What people read of it: the method and the end of the path, never a query, which may be signed.
    pub(super) fn says(&self) -> String {
        let path = self.url.split('?').next().unwrap_or_default();
        let end = path.rsplit_once("/providers/").map_or(path, |(_, kind)| kind);
        let end = end.split_once('/').map_or(end, |(_, rest)| rest);
        format!("{} …/{end}", self.method)
    }
}
