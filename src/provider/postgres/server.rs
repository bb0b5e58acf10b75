//! One server: asks it, and tells it what to do.

use crate::{
    action::{Clients, Finding, Params, Trouble, TroubleKind, Unapplied},
    journal::Permit,
    model::{Diagnostic, Region},
    provider::own::{Said, address, tls, unread, unsent},
    wire::{Intent, Login, Request, Response, Tls, statements},
};
use http::{Method, StatusCode, uri::Authority};
use serde_json::{Map, Value};
use std::time::Duration;

/// How long a question may take.
const ASKS_WITHIN: Duration = Duration::from_secs(10);
/// The same where the server may be gone, and every look waits for it. One that is there answers in milliseconds.
const GONE_AFTER: Duration = Duration::from_secs(3);

/// A server, and how to log in to it.
#[derive(Clone)]
pub(super) struct Server {
    pub(super) clients: Clients,
    /// Its address, as the runbook names it.
    pub(super) name: String,
    pub(super) region: Option<Region>,
    pub(super) user: String,
    password: Option<String>,
    database: String,
    tls: Tls,
    patience: Duration,
}

/// What one statement gave.
pub(super) type Rows = Vec<Row>;

/// One row of it: texts by the names of their columns.
#[derive(Clone, Debug, Default)]
pub(super) struct Row(Map<String, Value>);

impl Row {
    pub(super) fn optional(&self, column: &str) -> Option<&str> {
        self.0.get(column)?.as_str()
    }

    pub(super) fn text(&self, column: &str) -> Result<&str, Trouble> {
        let missing = || Trouble::odd(format!("an answer without `{column}`"));
        self.optional(column).ok_or_else(missing)
    }

    pub(super) fn flag(&self, column: &str) -> bool {
        self.optional(column) == Some("t")
    }
}

/// The row that a question without rows would not have: its columns are all empty.
pub(super) fn first(rows: &[Row]) -> Row {
    rows.first().cloned().unwrap_or_default()
}

/// How a server takes a stranger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Door {
    /// Its rules turn the role away, whatever its password is.
    Shut,
    /// It asks for a password, or lets the role in.
    Ajar,
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
        Ok(Self {
            clients: clients.clone(),
            name: resource.name,
            region: resource.region,
            user: params.text("user")?,
            password: params.optional_text("password"),
            database: params.text("database")?,
            patience: ASKS_WITHIN,
            tls: tls(params)?,
        })
    }

    /// The same, which may be gone.
    pub(super) fn maybe_gone(self) -> Self {
        Self { patience: GONE_AFTER, ..self }
    }

    /// Its parts, as its own settings name them.
    pub(super) fn host_and_port(&self) -> (String, u16) {
        let authority = self.name.parse::<Authority>().ok();
        let host = authority.as_ref().map_or("", Authority::host);
        let port = authority.as_ref().and_then(Authority::port_u16);
        (host.trim_matches(['[', ']']).to_owned(), port.unwrap_or(5432))
    }

    async fn request(
        &self,
        method: Method,
        all: &[&str],
        (user, within): (&str, Duration),
    ) -> Result<Request, Trouble> {
        let password = match self.password.as_ref().filter(|_| user == self.user) {
            Some(name) => Some(self.clients.secrets.secret(name).await?),
            None => None,
        };
        let request = statements(method, (&self.name, &self.database), all);
        let mut request = request
            .ok_or_else(|| Trouble::odd(format!("{} is no address of a server", self.name)))?;
        let login = Login { user: user.to_owned(), password, tls: self.tls.clone(), within };
        request.extensions_mut().insert(login);
        Ok(request)
    }

    /// Asks questions over one connection, and gives the rows of each.
    pub(super) async fn ask(&self, questions: &[&str]) -> Result<Vec<Rows>, Trouble> {
        let request = self.request(Method::GET, questions, (&self.user, self.patience)).await?;
        // Whoever asks looks again by itself, and a primary that is gone should not be waited for.
        let sent = self.clients.transport.send(request, Intent::Probe).await;
        let response = sent.map_err(|error| unread(&error))?;
        if response.status().is_success() {
            let rows = read(&response).filter(|all| all.len() == questions.len());
            let odd = || Trouble::odd(format!("{} gave an answer that cannot be read", self.name));
            return rows.ok_or_else(odd);
        }
        Err(Said::read(&response).trouble(&self.name, &self.user))
    }

    /// What this role may do here, by a question of one row; or what stands in the way of asking. Whether a server may
    /// be silent is for the look to say, unless it is the one that nothing can be done without.
    pub(super) async fn privileges(
        &self,
        question: &str,
        must_answer: bool,
    ) -> Result<Row, Vec<Finding>> {
        match self.ask(&[question]).await {
            Ok(all) => Ok(first(&all[0])),
            Err(trouble) if must_answer || trouble.kind == TroubleKind::Denied => {
                Err(vec![Finding::blocker(trouble.why)])
            }
            Err(_) => Err(Vec::new()),
        }
    }

    /// Tells it to do one thing, which must be done in time.
    pub(super) async fn tell(
        &self,
        statement: &str,
        within: Duration,
        permit: &Permit,
    ) -> Result<Rows, Unapplied> {
        let refused = |why: String| Unapplied::Refused { why, request_id: None };
        let request = self.request(Method::POST, &[statement], (&self.user, within)).await;
        let request = request.map_err(|trouble| refused(trouble.why))?;
        let sent = self.clients.transport.send(request, Intent::Change(permit)).await;
        let response = sent.map_err(|error| unsent(&error))?;
        if response.status().is_success() {
            let lost = || format!("{} broke off its answer", self.name);
            let rows = read(&response).and_then(|mut all| all.pop());
            return rows.ok_or_else(|| Unapplied::InDoubt { why: lost(), wait: None });
        }
        Err(Said::read(&response).unapplied(&self.name, &self.user))
    }

    /// How it takes another role. Its rules are gone through before any password is asked for, so none is needed.
    pub(super) async fn door(&self, role: &str) -> Result<Door, Trouble> {
        let request = self.request(Method::GET, &["select now()"], (role, self.patience)).await?;
        let sent = self.clients.transport.send(request, Intent::Probe).await;
        match sent {
            Ok(response) if response.status() == StatusCode::UNAUTHORIZED => {
                // 28000 is the code of a rule; a wrong password or none has 28P01 (appendix A).
                let is_rule = Said::read(&response).code == "28000";
                Ok(if is_rule { Door::Shut } else { Door::Ajar })
            }
            Ok(_) => Ok(Door::Ajar),
            Err(error) => Err(unread(&error)),
        }
    }
}

fn read(response: &Response) -> Option<Vec<Rows>> {
    let all: Vec<Vec<Map<String, Value>>> = serde_json::from_slice(response.body()).ok()?;
    Some(all.into_iter().map(|rows| rows.into_iter().map(Row).collect()).collect())
}

/// A name or a text inside a statement.
pub(super) fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}
