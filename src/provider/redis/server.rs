//! One server or sentinel: asks it, and tells it what to do.

use crate::{
    action::{Clients, Params, Trouble, Unapplied},
    journal::Permit,
    model::{Diagnostic, Region},
    provider::own::{Said, address, tls, unread, unsent, with_port},
    wire::{Intent, Login, Request, Tls, commands},
};
use http::Method;
use serde_json::Value;
use std::time::Duration;

/// One that is there answers in milliseconds, and every look waits for one that is gone.
const WITHIN: Duration = Duration::from_secs(3);
const SENTINEL_PORT: u16 = 26379;

#[derive(Clone)]
pub(super) struct Server {
    pub(super) clients: Clients,
    /// Its address, as the runbook names it.
    pub(super) name: String,
    pub(super) region: Option<Region>,
    login: Arrival,
}

/// Who asks, and how.
#[derive(Clone)]
struct Arrival {
    user: String,
    password: Option<String>,
    tls: Tls,
}

impl Arrival {
    fn of(params: &Params<'_>, user: &str, password: &str) -> Result<Self, Diagnostic> {
        Ok(Self {
            user: params.text(user)?,
            password: params.optional_text(password),
            tls: tls(params)?,
        })
    }
}

impl Server {
    /// The server that a parameter names.
    pub(super) fn of(
        params: &Params<'_>,
        clients: &Clients,
        parameter: &str,
    ) -> Result<Self, Diagnostic> {
        let resource = params.resource(parameter)?;
        address(&resource.name, params.span(parameter))?;
        let login = Arrival::of(params, "user", "password")?;
        let (clients, name, region) = (clients.clone(), resource.name, resource.region);
        Ok(Self { clients, name, region, login })
    }

    /// All sentinels, which listen on a port of their own (redis.io, "High availability with Redis Sentinel").
    pub(super) fn sentinels(
        params: &Params<'_>,
        clients: &Clients,
    ) -> Result<Vec<Self>, Diagnostic> {
        let login = Arrival::of(params, "sentinel_user", "sentinel_password")?;
        let one = |name: String| {
            address(&name, params.span("sentinels"))?;
            let name = with_port(&name, SENTINEL_PORT);
            Ok(Self { clients: clients.clone(), name, region: None, login: login.clone() })
        };
        params.texts("sentinels")?.into_iter().map(one).collect()
    }

    async fn request(&self, method: Method, all: &[&[&str]]) -> Result<Request, Trouble> {
        let Arrival { user, password, tls } = &self.login;
        let password = match password {
            Some(name) => Some(self.clients.secrets.secret(name).await?),
            None => None,
        };
        let odd = || Trouble::odd(format!("{} is no address of a server", self.name));
        let mut request = commands(method, &self.name, all).ok_or_else(odd)?;
        let login = Login { user: user.clone(), password, tls: tls.clone(), within: WITHIN };
        request.extensions_mut().insert(login);
        Ok(request)
    }

    /// Asks over one connection, and gives what it says to each question.
    pub(super) async fn ask(&self, questions: &[&[&str]]) -> Result<Vec<Value>, Trouble> {
        let request = self.request(Method::GET, questions).await?;
        let sent = self.clients.transport.send(request, Intent::Probe).await;
        let response = sent.map_err(|error| unread(&error))?;
        if !response.status().is_success() {
            return Err(Said::read(&response).trouble(&self.name, &self.login.user));
        }
        let said = serde_json::from_slice::<Vec<Value>>(response.body()).ok();
        let odd = || Trouble::odd(format!("{} gave an answer that cannot be read", self.name));
        said.filter(|all| all.len() == questions.len()).ok_or_else(odd)
    }

    /// Tells it to do one thing.
    pub(super) async fn tell(&self, command: &[&str], permit: &Permit) -> Result<(), Unapplied> {
        let request = self.request(Method::POST, &[command]).await;
        let request =
            request.map_err(|trouble| Unapplied::Refused { why: trouble.why, request_id: None })?;
        let sent = self.clients.transport.send(request, Intent::Change(permit)).await;
        let response = sent.map_err(|error| unsent(&error))?;
        if response.status().is_success() {
            return Ok(());
        }
        Err(Said::read(&response).unapplied(&self.name, &self.login.user))
    }

    /// Whether its user may do this. Where it cannot be told, nothing is said.
    pub(super) async fn forbids(&self, command: &[&str]) -> Option<String> {
        let question = [&["ACL", "DRYRUN", self.login.user.as_str()][..], command].concat();
        let said = self.ask(&[&question]).await.ok()?;
        let text = said.first()?.as_str()?;
        // Whoever may not asks in vain, and is told so in a sentence (redis.io, "ACL DRYRUN").
        let is_no = text.contains("no permissions");
        is_no.then(|| format!("{}: {text}", self.name))
    }
}
