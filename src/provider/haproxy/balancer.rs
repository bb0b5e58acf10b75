//! One balancer: asks it what its servers do, and tells it what they should.

use crate::{
    action::{Clients, Params, Trouble, Unapplied},
    journal::Permit,
    model::Diagnostic,
    provider::own::{address, unread, unsent},
    wire::{Intent, runtime},
};
use futures_util::future::try_join_all;
use std::collections::BTreeMap;

/// All balancers of one backend.
pub(super) struct Balancers {
    all: Vec<Balancer>,
    pub(super) backend: String,
}

pub(super) struct Balancer {
    clients: Clients,
    /// Its address, as the runbook names it.
    pub(super) name: String,
}

/// What a balancer says of one server.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Server {
    /// Such as `UP`, `DOWN 1/2`, `DRAIN`, `MAINT` or `no check`.
    pub(super) status: String,
    /// What it was told, whatever its health (`srv_uweight`).
    pub(super) weight: u64,
    /// What it was told of its state (`srv_admin_state`).
    admin: u64,
    pub(super) sessions: u64,
    /// What its last check said.
    checked: String,
}

/// The bits of `srv_admin_state` that the runtime API sets (management guide, "show servers state").
const FORCED_MAINTENANCE: u64 = 0x01;
const FORCED_DRAIN: u64 = 0x08;

impl Server {
    pub(super) fn is_in_maintenance(&self) -> bool {
        self.admin & FORCED_MAINTENANCE != 0
    }

    pub(super) fn is_draining(&self) -> bool {
        self.admin & FORCED_DRAIN != 0
    }

    /// Whether users may be sent to it: its checks say that it is well, or nobody checks it.
    pub(super) fn is_well(&self) -> bool {
        self.status.starts_with("UP") || self.status == "no check"
    }

    pub(super) fn says(&self) -> String {
        let checked = &self.checked;
        let checked = if checked.is_empty() { String::new() } else { format!(" ({checked})") };
        format!("{}{checked}", self.status)
    }
}

/// The servers of a backend, by name.
pub(super) type Servers = BTreeMap<String, Server>;

impl Balancers {
    pub(super) fn of(params: &Params<'_>, clients: &Clients) -> Result<Self, Diagnostic> {
        let span = params.span("balancers");
        let one = |name: String| {
            address(&name, span)?;
            if runtime(&name, &[]).is_none() {
                let message = format!("`{name}` names no port");
                let hint = "the runtime API of a balancer is named `HOST:PORT`";
                return Err(Diagnostic::at(span, message).hint(hint));
            }
            Ok(Balancer { clients: clients.clone(), name })
        };
        let all = params.texts("balancers")?.into_iter().map(one).collect::<Result<_, _>>()?;
        Ok(Self { all, backend: word(params, "backend")? })
    }

    /// What each of them says, in their order. One that is silent leaves the rest unknown.
    pub(super) async fn ask(&self) -> Result<Vec<(&Balancer, Servers)>, Trouble> {
        try_join_all(self.all.iter().map(async |one| Ok((one, one.ask(&self.backend).await?))))
            .await
    }

    pub(super) fn get(&self, name: &str) -> Option<&Balancer> {
        self.all.iter().find(|one| one.name == name)
    }

    pub(super) fn count(&self) -> usize {
        self.all.len()
    }
}

impl Balancer {
    async fn ask(&self, backend: &str) -> Result<Servers, Trouble> {
        let commands = ["show stat".to_owned(), format!("show servers state {backend}")];
        let odd = || Trouble::odd(format!("{}: an answer that cannot be read", self.name));
        let request = runtime(&self.name, &commands).ok_or_else(odd)?;
        let sent = self.clients.transport.send(request, Intent::Probe).await;
        let said = sent.map_err(|error| unread(&error))?;
        let text = std::str::from_utf8(said.body()).map_err(|_| odd())?;
        if let Some(why) = refusal(text) {
            return Err(Trouble::denied(format!("{}: {why}", self.name)));
        }
        read(text, backend).ok_or_else(odd)
    }

    /// Tells it to do something, all of it in one line.
    pub(super) async fn tell(&self, commands: &[String], permit: &Permit) -> Result<(), Unapplied> {
        let refused = |why: String| Unapplied::Refused { why, request_id: None };
        let request = runtime(&self.name, commands);
        let request = request.ok_or_else(|| refused(format!("{} is no address", self.name)))?;
        let sent = self.clients.transport.send(request, Intent::Change(permit)).await;
        let said = sent.map_err(|error| unsent(&error))?;
        let text = String::from_utf8_lossy(said.body());
        let why = text.trim();
        if why.is_empty() {
            return Ok(());
        }
        // The first of several may have been done before the second was refused.
        let why = format!("{}: {}", self.name, why.lines().next().unwrap_or_default());
        if commands.len() > 1 {
            return Err(Unapplied::InDoubt { why, wait: None });
        }
        Err(refused(why))
    }
}

/// What a balancer says in place of an answer.
fn refusal(text: &str) -> Option<&str> {
    let no = ["Permission denied", "Unknown command", "Can't find backend"];
    text.lines().find(|line| no.iter().any(|no| line.starts_with(no)))
}

/// The table of `show stat`, and after it that of `show servers state`; each names its columns after a `#`.
fn read(text: &str, backend: &str) -> Option<Servers> {
    let mut servers = Servers::new();
    let mut lines = text.lines().filter(|line| !line.trim().is_empty()).peekable();
    let columns: Vec<_> = lines.next()?.strip_prefix("# ")?.split(',').collect();
    while let Some(line) = lines.next_if(|line| line.contains(',')) {
        let fields: Vec<_> = line.split(',').collect();
        let field = |name: &str| {
            let at = columns.iter().position(|column| *column == name)?;
            fields.get(at).copied()
        };
        let name = field("svname")?;
        if field("pxname")? != backend || ["FRONTEND", "BACKEND"].contains(&name) {
            continue;
        }
        let server = Server {
            status: field("status")?.to_owned(),
            sessions: field("scur")?.parse().unwrap_or_default(),
            checked: field("last_chk").unwrap_or_default().trim_matches('"').to_owned(),
            ..Server::default()
        };
        servers.insert(name.to_owned(), server);
    }
    // Its version stands in a line of its own.
    let mut lines = lines.skip_while(|line| !line.starts_with('#'));
    let columns: Vec<_> = lines.next()?.trim_start_matches("# ").split(' ').collect();
    for line in lines {
        let fields: Vec<_> = line.split(' ').collect();
        let field = |name: &str| {
            let at = columns.iter().position(|column| *column == name)?;
            fields.get(at).copied()
        };
        if field("be_name")? != backend {
            continue;
        }
        if let Some(server) = servers.get_mut(field("srv_name")?) {
            server.weight = field("srv_uweight")?.parse().ok()?;
            server.admin = field("srv_admin_state")?.parse().ok()?;
        }
    }
    Some(servers)
}

/// A name as it may stand in a command (HAProxy configuration manual, 2: proxy names).
pub(super) fn word(params: &Params<'_>, parameter: &str) -> Result<String, Diagnostic> {
    let text = params.text(parameter)?;
    checked(params, parameter, &text)?;
    Ok(text)
}

/// The same of a list.
pub(super) fn words(params: &Params<'_>, parameter: &str) -> Result<Vec<String>, Diagnostic> {
    let all = params.texts(parameter)?;
    for text in &all {
        checked(params, parameter, text)?;
    }
    Ok(all)
}

fn checked(params: &Params<'_>, parameter: &str, text: &str) -> Result<(), Diagnostic> {
    let letter = |c: char| c.is_ascii_alphanumeric() || "-_.:".contains(c);
    if !text.is_empty() && text.chars().all(letter) {
        return Ok(());
    }
    let message = format!("`{text}` can be no name in HAProxy");
    Err(Diagnostic::at(params.span(parameter), message))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// What HAProxy 2.6 prints, with some of its columns.
    pub(in crate::provider::haproxy) fn said(servers: &[(&str, &str, u64, u64, u64)]) -> String {
        let stat = |(name, status, _, _, sessions): &(&str, &str, u64, u64, u64)| {
            format!("web,{name},0,{sessions},{status},1,\"Layer7 check passed\",\n")
        };
        let state = |(at, (name, _, admin, weight, _)): (usize, &(&str, &str, u64, u64, u64))| {
            format!("3 web {at} {name} 10.0.0.1 2 {admin} {weight} 100\n")
        };
        format!(
            "# pxname,svname,qcur,scur,status,weight,last_chk,\nweb,FRONTEND,,9,OPEN,,,\n{}web,BACKEND,0,9,UP,1,,\n\n\
             1\n# be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state srv_uweight srv_iweight\n{}\n",
            servers.iter().map(stat).collect::<String>(),
            servers.iter().enumerate().map(state).collect::<String>(),
        )
    }

    #[test]
    fn both_tables_are_read_by_the_names_of_their_columns() {
        let text = said(&[("east", "UP", 0, 100, 3), ("west", "DRAIN", 8, 0, 0)]);
        let servers = read(&text, "web").unwrap();
        let east = &servers["east"];
        assert_eq!((east.weight, east.sessions), (100, 3));
        assert!(east.is_well() && !east.is_draining());
        assert_eq!(east.says(), "UP (Layer7 check passed)");
        assert!(servers["west"].is_draining() && !servers["west"].is_in_maintenance());
        assert_eq!(servers.len(), 2);
        assert_eq!(read(&text, "other"), Some(Servers::new()));
        for broken in
            ["", "no such thing", "# pxname,svname\nweb,east", "# pxname,svname,scur,status\n"]
        {
            assert_eq!(read(broken, "web"), None, "{broken}");
        }
    }

    #[test]
    fn a_no_is_told_from_an_answer() {
        assert_eq!(refusal("Permission denied\n\n"), Some("Permission denied"));
        assert!(refusal("Unknown command: 'shw', but maybe…\n").is_some());
        let no_backend = "# pxname,svname\n\nCan't find backend.\n\n";
        assert_eq!(refusal(no_backend), Some("Can't find backend."));
        assert_eq!(refusal(&said(&[])), None);
    }
}
