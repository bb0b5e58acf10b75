//! What an action needs to reach its cloud. Nothing that holds these knows which world it is in.

use super::Trouble;
use crate::{
    model::{Clock, RunId, Seal, Secret, wipe},
    wire::{Dns, Ears, Transport, Trust},
};
use async_trait::async_trait;
use http::{HeaderMap, HeaderValue, header::AUTHORIZATION};
use jiff::Timestamp;
use std::{collections::BTreeMap, sync::Arc};
use url::{Url, form_urlencoded};

/// Bound into every action. Which world they belong to was decided above.
#[derive(Clone)]
pub struct Clients {
    pub transport: Arc<dyn Transport>,
    pub tokens: Arc<dyn Tokens>,
    pub clock: Clock,
    /// Tells secrets apart in the journal.
    pub seal: Seal,
    /// Groups the requests of one run in the cloud's own logs.
    pub run: RunId,
    /// Azure Resource Manager's endpoint.
    pub azure: Url,
    pub aws: Aws,
    pub clusters: Arc<dyn Clusters>,
    pub dns: Arc<dyn Dns>,
    pub secrets: Arc<dyn Secrets>,
    /// Whoever shows what a step's program prints.
    pub ears: Ears,
}

/// Where secrets come from, by the names that a runbook gives them.
#[async_trait]
pub trait Secrets: Send + Sync {
    async fn secret(&self, name: &str) -> Result<Secret, Trouble>;

    /// A text without what was fetched.
    fn wipe(&self, text: String) -> String;
}

/// The way to AWS.
#[derive(Clone)]
pub struct Aws {
    pub keys: Arc<dyn Keys>,
    pub endpoints: Endpoints,
}

impl Aws {
    /// With keys that were given, to where AWS has its services.
    pub fn with_keys(id: &str, secret: &str) -> Self {
        let keys = AwsKeys { id: id.to_owned(), secret: Secret::new(secret), token: None };
        Self { keys: Arc::new(keys), endpoints: Endpoints::default() }
    }
}

/// Where services are asked instead of where AWS has them.
#[derive(Clone, Debug, Default)]
pub struct Endpoints {
    /// For all services (`AWS_ENDPOINT_URL`).
    pub all: Option<Url>,
    /// For one (`AWS_ENDPOINT_URL_SERVICE`), by the name that stands there, such as `ROUTE_53`.
    pub of: BTreeMap<String, Url>,
}

impl Endpoints {
    /// What was set for a service.
    pub fn get(&self, service: &str) -> Option<&Url> {
        self.of.get(service).or(self.all.as_ref())
    }
}

/// What signs requests to AWS.
#[derive(Clone, Debug)]
pub struct AwsKeys {
    pub id: String,
    pub secret: Secret,
    /// Comes with keys that end.
    pub token: Option<Secret>,
}

/// Keys that were given, and never change.
#[async_trait]
impl Keys for AwsKeys {
    async fn keys(&self, _: bool) -> Result<AwsKeys, Trouble> {
        Ok(self.clone())
    }
}

/// One secret that was given, whatever it is asked for.
#[async_trait]
impl Secrets for Secret {
    async fn secret(&self, _: &str) -> Result<Secret, Trouble> {
        Ok(self.clone())
    }

    fn wipe(&self, text: String) -> String {
        wipe(&text, [(self, "(a secret)".to_owned())])
    }
}

/// Where AWS's keys come from.
#[async_trait]
pub trait Keys: Send + Sync {
    /// Keys that hold for a while. With `fresh`, none that were handed out before.
    async fn keys(&self, fresh: bool) -> Result<AwsKeys, Trouble>;

    /// When the keys that were handed out last end, where that is known.
    fn ends(&self) -> Option<Timestamp> {
        None
    }
}

/// Where the clusters of Kubernetes are, by the contexts of a kubeconfig.
#[async_trait]
pub trait Clusters: Send + Sync {
    /// The way to the API server of a context. With `fresh`, with credentials that were not handed out before.
    async fn cluster(&self, context: &str, fresh: bool) -> Result<Cluster, Trouble>;
}

/// The way to one API server.
#[derive(Clone, Debug)]
pub struct Cluster {
    /// What its paths follow, without a slash at the end.
    pub base: String,
    /// What says who is asking.
    pub headers: HeaderMap,
    /// How it proves itself; without, as any server does.
    pub trust: Option<Trust>,
}

/// One host that leads to all clusters, each by its context at the beginning of the path.
#[derive(Clone, Debug)]
pub struct Gateway {
    base: String,
    token: Secret,
}

impl Gateway {
    pub fn new(base: &str, token: &str) -> Self {
        Self { base: base.to_owned(), token: Secret::new(token) }
    }
}

#[async_trait]
impl Clusters for Gateway {
    async fn cluster(&self, context: &str, _: bool) -> Result<Cluster, Trouble> {
        let name: String = form_urlencoded::byte_serialize(context.as_bytes()).collect();
        let bearer = HeaderValue::try_from(format!("Bearer {}", self.token.expose()));
        let mut bearer = bearer.map_err(|_| Trouble::odd("the token is none"))?;
        bearer.set_sensitive(true);
        let headers = HeaderMap::from_iter([(AUTHORIZATION, bearer)]);
        Ok(Cluster { base: format!("{}/{name}", self.base), headers, trust: None })
    }
}

/// Where bearer tokens come from.
#[async_trait]
pub trait Tokens: Send + Sync {
    /// A token for this scope. With `fresh`, one that was not handed out before.
    async fn token(&self, scope: &str, fresh: bool) -> Result<Secret, Trouble>;

    /// Who is asking, for people: never a secret.
    fn identity(&self) -> String;

    /// When the first of the tokens that were handed out ends, where that is known. It is renewed then, unless whoever
    /// signed in may not any more.
    fn ends(&self) -> Option<Timestamp> {
        None
    }
}
