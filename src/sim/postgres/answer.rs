//! What a server answers to a statement.

use super::{
    Instance, hba,
    seed::slot,
    shown,
    sql::{Expression, Select, Statement, parse},
};
use crate::{
    sim::{
        call::{Call, Reply},
        cloud::Cloud,
        fault::FAULT,
        reached::Reached,
    },
    wire::Request,
};
use jiff::Timestamp;
use serde_json::{Map, Value, json};
use std::time::Duration;

const SCHEME: &str = "postgres";
const ASKS: Duration = Duration::from_millis(5);
const DOES: Duration = Duration::from_millis(20);
const PROMOTES: Duration = Duration::from_millis(200);
const PORT: u16 = 5432;
/// The tool's own session; the app's follow.
const OWN: u32 = 4_000;

/// Functions that do something (PostgreSQL documentation, 9.27).
const DO: [&str; 5] = [
    "pg_create_physical_replication_slot",
    "pg_drop_replication_slot",
    "pg_promote",
    "pg_reload_conf",
    "pg_terminate_backend",
];

type Row = Vec<(&'static str, Option<String>)>;

/// What a statement comes to when it is refused: a code and a message.
struct No(&'static str, String);

type Said<T> = Result<T, No>;

fn is_meant(request: &Request) -> bool {
    request.uri().scheme_str() == Some(SCHEME)
}

/// Whether a request is a question to a server. `None` for what is no statement at all.
pub(in crate::sim) fn is_read(request: &Request) -> Option<bool> {
    let asks = |expression: &Expression| calls(expression).iter().all(|name| !DO.contains(name));
    is_meant(request).then(|| match parse(&text(request)) {
        Some(Statement::Select(select)) => select.items.iter().all(|(item, _)| asks(item)),
        Some(_) => false,
        // What cannot be read is not carried out.
        None => true,
    })
}

fn calls(expression: &Expression) -> Vec<&str> {
    match expression {
        Expression::Call(name, arguments) => {
            std::iter::once(name.as_str()).chain(arguments.iter().flat_map(calls)).collect()
        }
        Expression::Column(_) | Expression::Literal(_) => Vec::new(),
    }
}

fn text(request: &Request) -> String {
    String::from_utf8_lossy(request.body()).into_owned()
}

/// A fault's answer.
pub(in crate::sim) fn refusal(request: &Request, status: u16) -> Option<Reply> {
    let code = match status {
        401 => "28P01",
        403 => "42501",
        429 | 503 => "53300",
        409 => "55006",
        _ => "XX000",
    };
    is_meant(request).then(|| Reply::json(status, &json!({ "code": code, "message": FAULT })))
}

/// `None` for what is for others.
pub(in crate::sim) fn answer(cloud: &mut Cloud, call: &Call<'_>) -> Option<Reached> {
    if !is_meant(call.request) {
        return None;
    }
    let port = call.request.uri().port_u16().unwrap_or(PORT);
    let Some(at) = cloud.instances.iter().position(|one| one.is(&call.host, port)) else {
        return Some(Reached::Nowhere);
    };
    if cloud.is_dark(&cloud.instances[at].region) || cloud.instances[at].is_stopped() {
        return Some(Reached::Nobody);
    }
    let said = match parse(&text(call.request)) {
        None => Err(No("42601", "syntax error".to_owned())),
        Some(statement) => Server { cloud, at }.carry_out(&statement),
    };
    Some(Reached::Reply(match said {
        Ok((rows, after)) => Reply::json(200, &rows).taking(after),
        Err(No(code, message)) => {
            Reply::json(400, &json!({ "code": code, "message": message })).taking(ASKS)
        }
    }))
}

struct Server<'a> {
    cloud: &'a mut Cloud,
    at: usize,
}

impl Server<'_> {
    fn own(&self) -> &Instance {
        &self.cloud.instances[self.at]
    }

    fn own_mut(&mut self) -> &mut Instance {
        &mut self.cloud.instances[self.at]
    }

    fn now(&self) -> Timestamp {
        self.cloud.now
    }

    fn carry_out(&mut self, statement: &Statement) -> Said<(Value, Duration)> {
        let now = self.now();
        let done = Ok((json!([]), DOES));
        match statement {
            Statement::Select(select) => self.select(select),
            Statement::Checkpoint => {
                let own = self.own_mut();
                own.checkpoint = own.timeline;
                done
            }
            Statement::AlterSystem { name, value } => {
                let name = name.clone();
                match value {
                    Some(value) => self.own_mut().auto.insert(name, value.clone()),
                    None => self.own_mut().auto.remove(&name),
                };
                done
            }
            Statement::CopyTo { path, .. } if path != self.own().setting("hba_file") => {
                let why = format!("could not open file \"{path}\" for writing: Permission denied");
                Err(No("42501", why))
            }
            Statement::CopyTo { text, .. } => {
                let own = self.own_mut();
                own.hba = format!("{text}\n");
                own.hba_written = now;
                done
            }
        }
    }

    fn select(&mut self, select: &Select) -> Said<(Value, Duration)> {
        let mut after = ASKS;
        let rows = match &select.from {
            None => vec![Row::new()],
            Some(source) => self.source(source)?,
        };
        let mut answers = Vec::new();
        for row in rows {
            let mut fits = true;
            for condition in &select.conditions {
                let value = column(&row, &condition.column)?;
                let wanted = self.value(&condition.value, &row, &mut after)?;
                // What is not known is neither equal nor unequal.
                fits &= value.is_some() && (value == wanted) == condition.equals;
            }
            if !fits {
                continue;
            }
            let mut answer = Map::new();
            for (item, name) in &select.items {
                let value = self.value(item, &row, &mut after)?;
                answer.insert(name.clone(), value.map_or(Value::Null, Value::from));
            }
            answers.push(Value::Object(answer));
        }
        Ok((Value::Array(answers), after))
    }

    fn value(
        &mut self,
        expression: &Expression,
        row: &Row,
        after: &mut Duration,
    ) -> Said<Option<String>> {
        match expression {
            Expression::Literal(text) => Ok(Some(text.clone())),
            Expression::Column(name) => column(row, name),
            Expression::Call(name, arguments) => {
                let mut values = Vec::with_capacity(arguments.len());
                for argument in arguments {
                    values.push(self.value(argument, row, after)?.unwrap_or_default());
                }
                if name == "pg_promote" {
                    *after = PROMOTES;
                }
                let first = values.first().map(String::as_str).unwrap_or_default();
                if DO.contains(&name.as_str()) {
                    self.act(name, first)
                } else {
                    self.tell(name, first)
                }
            }
        }
    }

    /// Functions that tell.
    fn tell(&self, name: &str, argument: &str) -> Said<Option<String>> {
        let (cloud, own) = (&*self.cloud, self.own());
        let flag = |flag: bool| Some(if flag { "t" } else { "f" }.to_owned());
        let on_standby = |value: String| (!own.is_primary()).then_some(value);
        Ok(match name {
            "pg_is_in_recovery" => flag(!own.is_primary()),
            "current_setting" => Some(own.setting(argument).to_owned()),
            "now" => Some(instant(cloud.now)),
            "pg_backend_pid" => Some(OWN.to_string()),
            "pg_conf_load_time" => Some(instant(own.conf_loaded)),
            "has_function_privilege" | "pg_has_role" | "has_parameter_privilege" => flag(true),
            "pg_current_wal_lsn" if own.is_primary() => Some(shown(cloud.lsn(own))),
            "pg_walfile_name" if own.is_primary() => {
                let lsn = cloud.lsn(own);
                Some(format!("{:08X}{:08X}{:08X}", own.timeline, lsn >> 32, lsn >> 24 & 0xFF))
            }
            "pg_current_wal_lsn" | "pg_walfile_name" => {
                return Err(No("55000", "recovery is in progress".to_owned()));
            }
            "pg_last_wal_receive_lsn" | "pg_last_wal_replay_lsn" => {
                on_standby(shown(cloud.lsn(own)))
            }
            "pg_last_xact_replay_timestamp" => on_standby(instant(cloud.last_replayed(own))),
            "pg_get_wal_replay_pause_state" if own.is_primary() => {
                return Err(No("55000", "recovery is not in progress".to_owned()));
            }
            "pg_get_wal_replay_pause_state" => Some("not paused".to_owned()),
            "pg_read_file" if argument == own.setting("hba_file") => Some(own.hba.clone()),
            "pg_read_file" => {
                let why = format!("could not open file \"{argument}\" for reading");
                return Err(No("58P01", why));
            }
            _ => return Err(No("42883", format!("function {name} does not exist"))),
        })
    }

    /// Functions that do something.
    fn act(&mut self, name: &str, argument: &str) -> Said<Option<String>> {
        let now = self.now();
        let yes = Ok(Some("t".to_owned()));
        match name {
            "pg_promote" if self.own().is_primary() => {
                Err(No("55000", "recovery is not in progress".to_owned()))
            }
            "pg_promote" => {
                let lsn = self.cloud.lsn(self.own());
                for other in self.cloud.instances.iter_mut().filter(|one| one.is_primary()) {
                    other.is_diverged = true;
                }
                let own = self.own_mut();
                own.upstream = None;
                own.has_signal = false;
                own.timeline += 1;
                own.log = super::Log { lsn, at: now, rate: 0, before: 0 };
                yes
            }
            "pg_reload_conf" => {
                let own = self.own_mut();
                own.conf_loaded = now;
                own.loaded = own.auto.clone();
                if !own.is_primary() && own.auto.contains_key("primary_conninfo") {
                    own.upstream = Some(own.follows());
                }
                if hba::errors(&own.hba) == 0 {
                    own.hba_loaded = own.hba.clone();
                }
                yes
            }
            "pg_terminate_backend" => {
                let own = self.own_mut();
                own.sessions = own.sessions.saturating_sub(1);
                yes
            }
            "pg_create_physical_replication_slot" => {
                let own = self.own_mut();
                if own.slots.iter().any(|known| known == argument) {
                    let why = format!("replication slot \"{argument}\" already exists");
                    return Err(No("42710", why));
                }
                own.slots.push(argument.to_owned());
                Ok(Some(format!("({argument},)")))
            }
            _ => {
                let own = self.own_mut();
                own.slots.retain(|known| known != argument);
                Ok(None)
            }
        }
    }

    /// The rows of a view, or of what a function gives.
    fn source(&self, source: &Expression) -> Said<Vec<Row>> {
        let (cloud, own) = (&*self.cloud, self.own());
        let text = |text: &str| Some(text.to_owned());
        let name = match source {
            Expression::Column(name) | Expression::Call(name, _) => name.as_str(),
            Expression::Literal(_) => "",
        };
        Ok(match name {
            "pg_control_system" => vec![vec![("system_identifier", text(&own.system))]],
            "pg_control_checkpoint" => {
                vec![vec![("timeline_id", Some(own.checkpoint.to_string()))]]
            }
            "pg_stat_wal_receiver" => receiver(cloud, own),
            "pg_stat_replication" => standbys(cloud, own),
            "pg_replication_slots" => slots(cloud, own),
            "pg_stat_activity" => activity(own),
            "pg_roles" => {
                let role =
                    |role: &String| vec![("rolname", text(role)), ("rolcanlogin", text("t"))];
                own.roles.iter().map(role).collect()
            }
            "pg_stat_file" => vec![vec![("modification", Some(instant(own.hba_written)))]],
            "pg_hba_file_rules" => {
                let error =
                    (hba::errors(&own.hba) > 0).then(|| "invalid connection type".to_owned());
                vec![vec![("error", error)]]
            }
            _ => return Err(No("42P01", format!("relation \"{name}\" does not exist"))),
        })
    }
}

fn column(row: &Row, name: &str) -> Said<Option<String>> {
    let found = row.iter().find(|(known, _)| *known == name).map(|(_, value)| value.clone());
    found.ok_or_else(|| No("42703", format!("column \"{name}\" does not exist")))
}

fn receiver(cloud: &Cloud, own: &Instance) -> Vec<Row> {
    let Some(upstream) = cloud.streams_from(own) else { return Vec::new() };
    vec![vec![
        ("status", Some("streaming".to_owned())),
        ("received_tli", Some(upstream.timeline.to_string())),
        ("slot_name", Some(slot(&own.host))),
        ("sender_host", Some(upstream.host.clone())),
        ("sender_port", Some(upstream.port.to_string())),
    ]]
}

fn following<'a>(cloud: &'a Cloud, own: &'a Instance) -> impl Iterator<Item = &'a Instance> {
    let is_its = |standby: &&Instance| {
        cloud.streams_from(standby).is_some_and(|one| one.is(&own.host, own.port))
    };
    cloud.instances.iter().filter(move |standby| is_its(standby))
}

fn standbys(cloud: &Cloud, own: &Instance) -> Vec<Row> {
    let row = |standby: &Instance| {
        vec![
            ("application_name", Some(slot(&standby.host))),
            ("state", Some("streaming".to_owned())),
            ("sync_state", Some("async".to_owned())),
            ("replay_lsn", Some(shown(cloud.lsn(standby)))),
        ]
    };
    following(cloud, own).map(row).collect()
}

fn slots(cloud: &Cloud, own: &Instance) -> Vec<Row> {
    let row = |name: &String| {
        let is_active = following(cloud, own).any(|standby| slot(&standby.host) == *name);
        vec![
            ("slot_name", Some(name.clone())),
            ("active", Some(if is_active { "t" } else { "f" }.to_owned())),
            ("wal_status", Some("reserved".to_owned())),
        ]
    };
    own.slots.iter().map(row).collect()
}

fn activity(own: &Instance) -> Vec<Row> {
    let row = |number: u32| {
        vec![
            ("pid", Some((OWN + number).to_string())),
            ("usename", Some("app".to_owned())),
            ("datname", Some("app".to_owned())),
            ("backend_type", Some("client backend".to_owned())),
        ]
    };
    (1..=own.sessions).map(row).collect()
}

/// `2026-11-20 02:14:00.25+00`.
fn instant(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%S%.6f+00").to_string()
}
