//! Making what was the primary a standby of the one that took over.
//!
//! It is stopped in good order, rewound to where the two parted, and started as a standby. What it had committed and the
//! new primary lacks is gone then; that is why somebody is asked. SQL cannot stop and start a server, so the runbook says
//! how programs are run on its machine.

use super::{
    CA, DATABASE, PASSWORD, SERVER, TLS, USER,
    gate::begun,
    server::{Server, first, literal},
    state::{Role, State},
};
use crate::{
    action::{
        Action, Answer, Applied, Change, Clients, Effect, Kind, Look, Observation, Parameter,
        Params, Plane, Serves, Shape, Sign, Trouble, TroubleKind, Unapplied,
    },
    journal::Permit,
    model::{Datum, Diagnostic, Evidence, span},
    provider::{
        own::put_off,
        program::{Runner, failed, program},
    },
    wire::{Ended, Program},
};
use async_trait::async_trait;
use futures_util::future::join;
use std::{collections::BTreeMap, sync::Arc, time::Duration};

pub(crate) static REJOIN: Kind = Kind {
    name: "postgres.rejoin",
    summary: "Make what was the PostgreSQL primary a standby of the new one",
    parameters: &[
        Parameter::required("server", SERVER, "What was the primary"),
        Parameter::required("primary", SERVER, "The primary that it is to follow"),
        Parameter::required(
            "shell",
            Shape::Program,
            "What runs a program on the server's machine, as the owner of its data: [ssh, postgres@db-east]",
        ),
        Parameter::required("data", Shape::Text, "The server's data directory there"),
        Parameter::required(
            "replicates_as",
            Shape::Text,
            "The role that it logs in as to follow; its password is in a password file there",
        ),
        Parameter::optional("programs", Shape::Text, "The folder of pg_ctl and pg_rewind there"),
        Parameter::optional("stop", Shape::Program, "What stops the server, if not pg_ctl"),
        Parameter::optional("start", Shape::Program, "What starts the server, if not pg_ctl"),
        Parameter::optional("slot", Shape::Text, "The replication slot that keeps its log for it"),
        USER,
        PASSWORD,
        DATABASE,
        TLS,
        CA,
    ],
    observed: &["role", "timeline", "primary_timeline", "state"],
    planes: &[Plane::Data("server"), Plane::Data("primary")],
    permissions: &[
        "LOGIN",
        "pg_monitor",
        "EXECUTE ON FUNCTION pg_reload_conf",
        "ALTER SYSTEM ON PARAMETER primary_conninfo, primary_slot_name",
        "pg_checkpoint",
        "REPLICATION, for a slot",
    ],
    // What is rewound is small; starting takes what there is to replay.
    usual: Duration::from_mins(1),
    // It streams a moment after it has started.
    shows_within: Duration::from_secs(30),
    deadline: Duration::from_hours(1),
    effect: Effect::CannotBeUndone,
    proves_service: false,
    mark_valid_for: None,
    cured_by: &["postgres.promote", "postgres.switchover"],
    bind,
};

const SLOT: &str = "slot";
const REJOIN_ID: &str = "rejoin";
const FOLLOW: &str = "follow";
const WITHIN: Duration = Duration::from_secs(10);
/// Copying back what has changed may take long.
const REWINDS_WITHIN: Duration = Duration::from_mins(45);
const CHECKPOINTS_WITHIN: Duration = Duration::from_mins(5);
const LOOK_AGAIN: Duration = Duration::from_secs(2);
/// A standby that was told whom to follow asks every few seconds (documentation, `wal_retrieve_retry_interval`: 5 s).
const STREAMS_WITHIN: Duration = Duration::from_secs(15);
/// What a rewind would replace by the other server's.
const OWN_FILES: [&str; 4] =
    ["postgresql.conf", "pg_hba.conf", "pg_ident.conf", "postgresql.auto.conf"];
/// What `pg_ctl status` ends with where no server runs (documentation of it).
const NOT_RUNNING: i32 = 3;

fn bind(params: &Params<'_>, clients: &Clients) -> Result<Arc<dyn Action>, Diagnostic> {
    let programs = params.optional_text("programs").map(|folder| folder + "/").unwrap_or_default();
    Ok(Arc::new(Rejoin {
        server: Server::of(params, clients, "server")?.maybe_gone(),
        primary: Server::of(params, clients, "primary")?,
        shell: params.texts("shell")?,
        data: params.text("data")?,
        role: params.text("replicates_as")?,
        programs,
        stop: params.optional_texts("stop"),
        start: params.optional_texts("start"),
        slot: params.optional_text("slot"),
    }))
}

struct Rejoin {
    server: Server,
    primary: Server,
    shell: Vec<String>,
    data: String,
    role: String,
    programs: String,
    stop: Option<Vec<String>>,
    start: Option<Vec<String>>,
    slot: Option<String>,
}

#[async_trait]
impl Action for Rejoin {
    async fn observe(&self, look: &Look) -> Result<Observation, Trouble> {
        let (server, primary) = join(State::read(&self.server), State::read(&self.primary)).await;
        let primary = primary?;
        let timeline = Datum::Count(primary.timeline.into());
        let mut evidence = Evidence::new().with("primary_timeline", timeline);
        let answer = match server {
            Ok(server) => {
                evidence.set("role", Datum::Text(server.role.as_str().to_owned()));
                evidence.set("timeline", Datum::Count(server.timeline.into()));
                self.answer(&server, &primary, look).await?
            }
            Err(trouble) if trouble.kind == TroubleKind::Unreachable => {
                let state = self.at_rest(&trouble).await?;
                evidence.set("state", Datum::Text("stopped".to_owned()));
                state
            }
            Err(trouble) => return Err(trouble),
        };
        let serves = match (&primary.role, &self.primary.region) {
            (Role::Primary { .. }, Some(region)) => Serves::Region(region.clone()),
            _ => Serves::NoRole,
        };
        let answer = self.after_the_slot(answer, &primary);
        Ok(Observation::new(answer, evidence).serving(serves))
    }

    async fn apply(&self, change: &Change, permit: &Permit) -> Result<Applied, Unapplied> {
        match change.id.as_str() {
            SLOT => self.make_slot(permit).await?,
            FOLLOW => self.follow(permit).await?,
            _ => self.rejoin(permit).await?,
        }
        Ok(Applied::Done { request_id: None })
    }
}

impl Rejoin {
    async fn answer(
        &self,
        server: &State,
        primary: &State,
        look: &Look,
    ) -> Result<Answer, Trouble> {
        let (old, new) = (&self.server.name, &self.primary.name);
        let never = |why| Answer::Never { why };
        let not_yet = |why| Answer::NotYet { why, look_again: LOOK_AGAIN };
        if server.system != primary.system {
            return Ok(never(format!(
                "{old} and {new} are not copies of one database: their system identifiers differ"
            )));
        }
        if !matches!(primary.role, Role::Primary { .. }) {
            return Ok(not_yet(format!("{new} is a standby itself, and cannot be followed")));
        }
        Ok(match &server.role {
            Role::Primary { .. } if server.timeline >= primary.timeline => not_yet(format!(
                "{old} is a primary on timeline {}, and {new} on {}: it is not the one that was left behind",
                server.timeline, primary.timeline
            )),
            Role::Standby(replay) if replay.is_streaming && server.timeline == primary.timeline => {
                Answer::AsDesired
            }
            Role::Standby(_) if !self.is_told().await? => {
                let says = format!("{old}: follow {new}");
                Answer::Missing(vec![Change::harmless(FOLLOW, Sign::Changes, says)])
            }
            Role::Standby(_) if span::between(look.since, look.now) < STREAMS_WITHIN => {
                not_yet(format!("{old} does not stream from {new} yet"))
            }
            // A primary, or what was started as a standby with a log that leads elsewhere.
            Role::Primary { .. } | Role::Standby(_) => Answer::Missing(vec![self.change()]),
        })
    }

    /// Whether the server was told to follow its primary.
    async fn is_told(&self) -> Result<bool, Trouble> {
        let all = self.server.ask(&["select current_setting('primary_conninfo') as way"]).await?;
        Ok(first(&all[0]).text("way")?.starts_with(&self.way()))
    }

    fn way(&self) -> String {
        let (host, port) = self.primary.host_and_port();
        format!("host={host} port={port} ")
    }

    /// A server that does not answer, and is known not to run, is one that a rejoin has stopped.
    async fn at_rest(&self, trouble: &Trouble) -> Result<Answer, Trouble> {
        let argv = self.ctl(&["status"]);
        let ended = self.runner().look(&program(argv.clone(), WITHIN)).await?;
        match ended.status {
            Some(NOT_RUNNING) => Ok(Answer::Missing(vec![self.change()])),
            Some(0) => Ok(Answer::NotYet { why: trouble.why.clone(), look_again: LOOK_AGAIN }),
            _ => Err(Trouble::odd(failed(&argv, &ended))),
        }
    }

    fn after_the_slot(&self, answer: Answer, primary: &State) -> Answer {
        let (Some(slot), Answer::Missing(changes)) = (&self.slot, &answer) else { return answer };
        if primary.slots.iter().any(|one| one.name == *slot && !one.is_lost) {
            return answer;
        }
        let says = format!("{}: slot `{slot}`", self.primary.name);
        let slot = Change::harmless(SLOT, Sign::Creates, says);
        Answer::Missing(std::iter::once(slot).chain(changes.iter().cloned()).collect())
    }

    fn change(&self) -> Change {
        let says = format!(
            "{}: stop, rewind, and start as a standby of {}; what only it has is gone",
            self.server.name, self.primary.name
        );
        Change::harmless(REJOIN_ID, Sign::CannotBeUndone, says)
    }

    fn runner(&self) -> Runner<'_> {
        let Self { server, .. } = self;
        Runner { clients: &server.clients, place: &server.name, given: BTreeMap::new() }
    }

    /// A program with its arguments, as it is run on the server's machine.
    fn there(&self, words: impl IntoIterator<Item = String>) -> Vec<String> {
        self.shell.iter().cloned().chain(words).collect()
    }

    fn ctl(&self, words: &[&str]) -> Vec<String> {
        let ctl = [format!("{}pg_ctl", self.programs), "-D".to_owned(), self.data.clone()];
        self.there(ctl.into_iter().chain(words.iter().map(|word| (*word).to_owned())))
    }

    async fn run(
        &self,
        argv: Vec<String>,
        within: Duration,
        permit: &Permit,
    ) -> Result<(), Unapplied> {
        self.end_well(&program(argv, within), permit).await
    }

    async fn end_well(&self, program: &Program, permit: &Permit) -> Result<(), Unapplied> {
        let ended = self.runner().run(program, permit).await?;
        if ended.status == Some(0) {
            return Ok(());
        }
        Err(Unapplied::Refused { why: failed(&program.argv, &ended), request_id: None })
    }

    async fn try_run(
        &self,
        argv: &[String],
        within: Duration,
        permit: &Permit,
    ) -> Result<Ended, Unapplied> {
        self.runner().run(&program(argv.to_vec(), within), permit).await
    }

    /// Goes through all of it from the beginning: each part finds what an earlier attempt has done.
    async fn rejoin(&self, permit: &Permit) -> Result<(), Unapplied> {
        self.settle_the_timeline(permit).await?;
        let status = self.runner().look(&program(self.ctl(&["status"]), WITHIN)).await;
        if status.map_err(|trouble| put_off(&trouble))?.status != Some(NOT_RUNNING) {
            let stop = self.stop.clone().map(|stop| self.there(stop));
            let stop = stop.unwrap_or_else(|| self.ctl(&["stop", "-m", "fast", "-w", "-t", "60"]));
            self.run(stop, Duration::from_secs(90), permit).await?;
        }
        self.rewind(permit).await?;
        self.make_standby(permit).await.map_err(begun)?;
        let start = self.start.clone().map(|start| self.there(start));
        let log = format!("{}/failover.log", self.aside());
        let start = start.unwrap_or_else(|| self.ctl(&["start", "-w", "-t", "300", "-l", &log]));
        self.run(start, Duration::from_mins(6), permit).await.map_err(begun)
    }

    /// It lets nobody in before it has caught up with what it was rewound to, so it must know from the start whom to
    /// follow; of settings that stand twice the last one counts. Without its file it would start as a second primary on
    /// the timeline of the first: that is seen to be there.
    async fn make_standby(&self, permit: &Permit) -> Result<(), Unapplied> {
        let file = format!("{}/postgresql.auto.conf", self.data);
        let settings = self.settings().map(|(name, value)| format!("{name} = {value}\n")).concat();
        let tee = self.there(["tee".to_owned(), "-a".to_owned(), file]);
        let tee = Program { input: settings, ..program(tee, WITHIN) };
        self.end_well(&tee, permit).await?;
        let signal = format!("{}/standby.signal", self.data);
        let touch = self.there(["touch".to_owned(), signal.clone()]);
        self.run(touch, WITHIN, permit).await?;
        let test = self.there(["test".to_owned(), "-f".to_owned(), signal]);
        let ended = self.runner().look(&program(test.clone(), WITHIN)).await;
        let ended = ended.map_err(|trouble| put_off(&trouble))?;
        if ended.status == Some(0) {
            return Ok(());
        }
        Err(Unapplied::Refused { why: failed(&test, &ended), request_id: None })
    }

    /// A rewind takes the timeline of its source from the last checkpoint there: before the first one on a new timeline
    /// it would find nothing to rewind (documentation, notes on `pg_rewind`).
    async fn settle_the_timeline(&self, permit: &Permit) -> Result<(), Unapplied> {
        let name = &self.primary.name;
        let checkpoint = self.primary.tell("checkpoint", CHECKPOINTS_WITHIN, permit).await;
        let current = State::read(&self.primary).await.map_err(|trouble| put_off(&trouble))?;
        let question = "select timeline_id from pg_control_checkpoint()";
        let all = self.primary.ask(&[question]).await.map_err(|trouble| put_off(&trouble))?;
        let last = first(&all[0]).optional("timeline_id").map(str::to_owned);
        if last == Some(current.timeline.to_string()) {
            return Ok(());
        }
        let why = match checkpoint {
            Err(error) => {
                format!("{name} has had no checkpoint since its promotion: {}", error.why())
            }
            Ok(_) => format!("{name} has had no checkpoint since its promotion"),
        };
        Err(Unapplied::Deferred { why, wait: WITHIN })
    }

    /// Where the server's own files are kept while it is rewound.
    fn aside(&self) -> String {
        format!("{}.failover", self.data.trim_end_matches('/'))
    }

    async fn rewind(&self, permit: &Permit) -> Result<(), Unapplied> {
        let aside = self.aside();
        let folder = ["mkdir".to_owned(), "-p".to_owned(), aside.clone()];
        self.run(self.there(folder), WITHIN, permit).await?;
        let copy =
            |from: String, to: String| self.there(["cp".to_owned(), "-p".to_owned(), from, to]);
        let mut kept = Vec::new();
        for file in OWN_FILES {
            // Where a server's settings stand outside of its data, there is nothing to be kept.
            let there = copy(format!("{}/{file}", self.data), format!("{aside}/{file}"));
            if self.try_run(&there, WITHIN, permit).await?.status == Some(0) {
                kept.push(file);
            }
        }
        let source = format!("postgresql://{}@{}/postgres", self.role, self.primary.name);
        let rewind = self.there([
            format!("{}pg_rewind", self.programs),
            "-D".to_owned(),
            self.data.clone(),
            format!("--source-server={source}"),
        ]);
        let ended = self.try_run(&rewind, REWINDS_WITHIN, permit).await?;
        for file in kept {
            let back = copy(format!("{aside}/{file}"), format!("{}/{file}", self.data));
            self.run(back, WITHIN, permit).await.map_err(begun)?;
        }
        if ended.status == Some(0) {
            return Ok(());
        }
        let slot = self.slot.as_ref().map(|slot| format!(" -S {slot}")).unwrap_or_default();
        let why = format!(
            "{}; rebuild it: empty {}, then pg_basebackup -D {} -d {source} -R -X stream{slot}, and start it",
            failed(&rewind, &ended),
            self.data,
            self.data
        );
        Err(Unapplied::Refused { why, request_id: None })
    }

    async fn make_slot(&self, permit: &Permit) -> Result<(), Unapplied> {
        let slot = literal(self.slot.as_deref().unwrap_or_default());
        let make = format!("select pg_create_physical_replication_slot({slot})");
        self.primary.tell(&make, WITHIN, permit).await.map(drop)
    }

    /// What tells a standby whom to follow, and as whom.
    fn settings(&self) -> [(&'static str, String); 2] {
        let slot = self.slot.as_deref().unwrap_or_default();
        let name = if slot.is_empty() { &self.server.name } else { slot };
        let way = format!("{}user={} application_name={name}", self.way(), self.role);
        [("primary_conninfo", literal(&way)), ("primary_slot_name", literal(slot))]
    }

    /// Tells a standby whom to follow.
    async fn follow(&self, permit: &Permit) -> Result<(), Unapplied> {
        for (name, value) in self.settings() {
            let set = format!("alter system set {name} = {value}");
            self.server.tell(&set, WITHIN, permit).await?;
        }
        self.server.tell("select pg_reload_conf()", WITHIN, permit).await.map(drop)
    }
}
