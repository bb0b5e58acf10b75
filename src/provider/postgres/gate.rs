//! The gate of a primary: who is let in to write, and how it is shut and opened.

use super::{
    hba,
    server::{Door, Row, Server, first, literal},
};
use crate::{
    action::{Finding, Trouble, Unapplied},
    journal::Permit,
    provider::own::put_off,
};
use std::time::Duration;

const WITHIN: Duration = Duration::from_secs(10);
/// How long a server may take to load its configuration, and sessions to end.
const SETTLES_WITHIN: Duration = Duration::from_secs(10);
const FILES: &str = "select pg_has_role('pg_read_server_files', 'usage') as reads, pg_has_role('pg_write_server_files', 'usage') as writes";
const PAUSE: Duration = Duration::from_millis(20);

/// By what writers are kept away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Means {
    /// Its rules turn every other role away, and open sessions are ended.
    Hba,
    /// New transactions cannot write unless they ask to.
    ReadOnly,
}

impl Means {
    /// `None` for the strongest one that the role may use.
    pub(super) fn parse(text: &str) -> Option<Self> {
        match text {
            "hba" => Some(Self::Hba),
            "read_only" => Some(Self::ReadOnly),
            _ => None,
        }
    }
}

pub(super) struct Gate<'a> {
    pub(super) server: &'a Server,
    pub(super) means: Option<Means>,
}

/// How the gate stands.
#[derive(Clone, Debug)]
pub(super) struct Standing {
    /// What the file of rules says, where it may be read.
    file: Option<File>,
    pub(super) is_read_only: bool,
    /// Sessions of others.
    pub(super) sessions: usize,
    /// What a role met that the fence turns away.
    door: Option<Door>,
    /// What this role could do best.
    strongest: Means,
}

#[derive(Clone, Debug)]
struct File {
    path: String,
    text: String,
    is_loaded: bool,
}

fn strongest(may: &Row, is_file_read: bool) -> Means {
    if may.flag("writes") && is_file_read { Means::Hba } else { Means::ReadOnly }
}

impl Standing {
    /// Whether nobody gets in to write: by these means, or as well as this role can see to it.
    pub(super) fn is_shut(&self, means: Option<Means>) -> bool {
        let wanted = means.unwrap_or(self.strongest);
        self.shut_by().is_some_and(|shut| shut == Means::Hba || shut == wanted)
    }

    /// The means by which nobody gets in to write, where there is one. The weaker one counts only as what it is.
    pub(super) fn shut_by(&self) -> Option<Means> {
        if self.is_turning_away() && self.sessions == 0 {
            return Some(Means::Hba);
        }
        self.is_read_only.then_some(Means::ReadOnly)
    }

    fn is_turning_away(&self) -> bool {
        let is_loaded = self.file.as_ref().is_none_or(|file| file.is_loaded);
        self.door == Some(Door::Shut) && is_loaded
    }

    /// Whether a trace of a fence is left.
    pub(super) fn is_touched(&self) -> bool {
        let is_fenced = |file: &File| hba::is_fenced(&file.text) || !file.is_loaded;
        self.is_read_only || self.file.as_ref().is_some_and(is_fenced)
    }

    /// By what means writers are kept away, for people: no more than was seen.
    pub(super) fn says(&self) -> String {
        let sessions = match self.sessions {
            0 => String::new(),
            1 => "; 1 session is open".to_owned(),
            more => format!("; {more} sessions are open"),
        };
        let means = match self.file.as_ref().filter(|file| hba::is_fenced(&file.text)) {
            Some(_) if self.is_turning_away() => "pg_hba.conf turns others away, which was tried",
            Some(_) => "pg_hba.conf is to turn others away, and is not loaded",
            None if self.is_read_only => "new transactions are read-only unless they ask otherwise",
            None => "nothing",
        };
        format!("{means}{sessions}")
    }
}

impl Gate<'_> {
    /// Looks, and tries the door as a role that should not get in.
    pub(super) async fn look(&self) -> Result<Standing, Trouble> {
        let user = literal(&self.server.user);
        let sessions = format!(
            "select pid from pg_stat_activity where backend_type = 'client backend' and usename <> {user}"
        );
        let questions = [
            "select current_setting('default_transaction_read_only') as read_only, pg_conf_load_time() as loaded",
            sessions.as_str(),
            FILES,
        ];
        let all = self.server.ask(&questions).await?;
        let basics = first(&all[0]);
        let is_read_only = basics.optional("read_only") == Some("on");
        let may = first(&all[2]);
        let file = if may.flag("reads") { self.file().await? } else { None };
        let strongest = strongest(&may, file.is_some());
        let role = file.as_ref().and_then(|file| hba::turned_away(&file.text));
        let door = match role {
            Some(role) => Some(self.server.door(&role).await?),
            None => None,
        };
        Ok(Standing { file, is_read_only, sessions: all[1].len(), door, strongest })
    }

    /// What of it the role may not do.
    pub(super) async fn examine(&self) -> Vec<Finding> {
        let question = "select has_function_privilege('pg_reload_conf()', 'execute') as reload, pg_has_role('pg_signal_backend', 'usage') as signal, pg_has_role('pg_monitor', 'usage') as monitor, pg_has_role('pg_write_server_files', 'usage') as writes, pg_has_role('pg_read_server_files', 'usage') as reads";
        let may = match self.server.privileges(question, false).await {
            Ok(may) => may,
            Err(findings) => return findings,
        };
        let (user, name) = (&self.server.user, &self.server.name);
        let lacks =
            |grant: &str| format!("`{user}` lacks a privilege on {name}: {grant} to \"{user}\"");
        let needs = [
            ("reload", "grant execute on function pg_reload_conf()"),
            ("signal", "grant pg_signal_backend"),
            ("monitor", "grant pg_monitor"),
        ];
        let missing = needs.into_iter().filter(|(column, _)| !may.flag(column));
        let mut findings: Vec<_> =
            missing.map(|(_, grant)| Finding::blocker(lacks(grant))).collect();
        if self.means != Some(Means::ReadOnly) && !(may.flag("writes") && may.flag("reads")) {
            let grant = "grant pg_read_server_files, pg_write_server_files, and execute on function pg_read_file(text)";
            findings.push(match self.means {
                Some(_) => Finding::blocker(lacks(grant)),
                None => Finding::warning(format!("the fence of {name} can only be a weak one: new transactions are read-only unless they ask otherwise. {}", lacks(grant))),
            });
        }
        findings
    }

    /// The file of rules. `None` where the role may not read it after all.
    async fn file(&self) -> Result<Option<File>, Trouble> {
        let questions = [
            "select current_setting('hba_file') as path, pg_read_file(current_setting('hba_file')) as text, pg_conf_load_time() as loaded",
            "select modification from pg_stat_file(current_setting('hba_file'))",
        ];
        let all = match self.server.ask(&questions).await {
            Ok(all) => all,
            Err(trouble) if trouble.kind == crate::action::TroubleKind::Denied => return Ok(None),
            Err(trouble) => return Err(trouble),
        };
        let (row, file) = (first(&all[0]), first(&all[1]));
        let instant = |text: &str| text.parse::<jiff::Timestamp>().ok();
        let is_loaded = instant(row.text("loaded")?) >= instant(file.text("modification")?);
        let [path, text] = [row.text("path")?, row.text("text")?].map(ToOwned::to_owned);
        Ok(Some(File { path, text, is_loaded }))
    }

    /// The strongest means that the role may use, or why there is none.
    async fn chosen(&self) -> Result<Means, Unapplied> {
        if let Some(means) = self.means {
            return Ok(means);
        }
        let file = self.file().await.map_err(|trouble| put_off(&trouble))?;
        let all = self.server.ask(&[FILES]).await.map_err(|trouble| put_off(&trouble))?;
        Ok(strongest(&first(&all[0]), file.is_some()))
    }

    /// Keeps everybody out but this role and replication.
    pub(super) async fn shut(&self, permit: &Permit) -> Result<(), Unapplied> {
        let means = self.chosen().await?;
        match means {
            Means::ReadOnly => {
                let set = "alter system set default_transaction_read_only = 'on'";
                self.server.tell(set, WITHIN, permit).await?;
            }
            Means::Hba => {
                let roles = self.roles().await.map_err(|trouble| put_off(&trouble))?;
                self.rewrite(|text| hba::fenced(text, &roles), permit).await?;
            }
        }
        // From here on something is changed, whatever comes.
        self.load(permit).await.map_err(begun)?;
        self.end_sessions(means, permit).await.map_err(begun)
    }

    /// Lets everybody in again who was before.
    pub(super) async fn open(&self, permit: &Permit) -> Result<(), Unapplied> {
        let standing = self.look().await.map_err(|trouble| put_off(&trouble))?;
        if standing.file.as_ref().is_some_and(|file| hba::is_fenced(&file.text)) {
            self.rewrite(|text| hba::opened(text).to_owned(), permit).await?;
        }
        if standing.is_read_only {
            let reset = "alter system reset default_transaction_read_only";
            self.server.tell(reset, WITHIN, permit).await?;
        }
        self.load(permit).await.map_err(begun)
    }

    /// Who can log in, but this role.
    async fn roles(&self) -> Result<Vec<String>, Trouble> {
        let user = literal(&self.server.user);
        let question =
            format!("select rolname from pg_roles where rolcanlogin = 't' and rolname <> {user}");
        let all = self.server.ask(&[&question]).await?;
        let mut roles: Vec<_> =
            all[0].iter().filter_map(|row| row.optional("rolname")).map(str::to_owned).collect();
        roles.sort();
        if roles.is_empty() {
            let why = format!(
                "`{}` is the only role of {}: whoever else uses it cannot be told from us",
                self.server.user, self.server.name
            );
            return Err(Trouble::odd(why));
        }
        Ok(roles)
    }

    async fn rewrite(
        &self,
        edit: impl FnOnce(&str) -> String,
        permit: &Permit,
    ) -> Result<(), Unapplied> {
        let refused = |why: String| Unapplied::Refused { why, request_id: None };
        let file = self.file().await.map_err(|trouble| put_off(&trouble))?;
        let file = file.ok_or_else(|| {
            refused(format!(
                "`{}` may not read pg_hba.conf of {}",
                self.server.user, self.server.name
            ))
        })?;
        let new = edit(&file.text);
        if new == file.text {
            return Ok(());
        }
        let statement = hba::write(&file.path, &new).map_err(refused)?;
        self.server.tell(&statement, WITHIN, permit).await?;
        let question = "select error from pg_hba_file_rules where error <> ''";
        let all = self.server.ask(&[question]).await.map_err(|trouble| begun(put_off(&trouble)))?;
        if let Some(error) = all[0].first() {
            // With errors in it the server would not load it, nor start with it.
            let old = hba::write(&file.path, &file.text).map_err(refused)?;
            self.server.tell(&old, WITHIN, permit).await.map_err(begun)?;
            let error = error.optional("error").unwrap_or_default();
            return Err(refused(format!(
                "{} does not take its new pg_hba.conf: {error}",
                self.server.name
            )));
        }
        Ok(())
    }

    /// Loads the configuration, and waits until it is loaded.
    async fn load(&self, permit: &Permit) -> Result<(), Unapplied> {
        let loaded = || async {
            let all = self.server.ask(&["select pg_conf_load_time() as loaded"]).await?;
            first(&all[0]).text("loaded").map(str::to_owned)
        };
        let before = loaded().await.map_err(|trouble| put_off(&trouble))?;
        self.server.tell("select pg_reload_conf()", WITHIN, permit).await?;
        self.until("load its configuration", || async { Ok(loaded().await? != before) }).await
    }

    /// Ends the sessions of others, again and again until there is none: one may slip in meanwhile. Where nobody is
    /// turned away they come back, so each is ended once.
    async fn end_sessions(&self, means: Means, permit: &Permit) -> Result<(), Unapplied> {
        let user = literal(&self.server.user);
        let others = format!(
            "from pg_stat_activity where backend_type = 'client backend' and usename <> {user}"
        );
        let end = format!("select pg_terminate_backend(pid) {others}");
        self.server.tell(&end, WITHIN, permit).await?;
        if means == Means::ReadOnly {
            return Ok(());
        }
        let left = format!("select pid {others}");
        self.until("end the sessions of others", || async {
            if self.server.ask(&[&left]).await?[0].is_empty() {
                return Ok(true);
            }
            self.server.tell(&end, WITHIN, permit).await.ok();
            Ok(false)
        })
        .await
    }

    async fn until<F>(&self, what: &str, is_so: impl Fn() -> F) -> Result<(), Unapplied>
    where
        F: Future<Output = Result<bool, Trouble>>,
    {
        let clock = &self.server.clients.clock;
        let until = clock.now() + SETTLES_WITHIN;
        while !is_so().await.map_err(|trouble| put_off(&trouble))? {
            if clock.now() > until {
                let why = format!("{} does not {what}", self.server.name);
                return Err(Unapplied::InDoubt { why, wait: None });
            }
            clock.sleep(PAUSE).await;
        }
        Ok(())
    }
}

/// What failed came after something had been changed.
pub(super) fn begun(error: Unapplied) -> Unapplied {
    match error {
        Unapplied::Refused { why, .. } | Unapplied::Deferred { why, .. } => {
            Unapplied::InDoubt { why, wait: None }
        }
        in_doubt @ Unapplied::InDoubt { .. } => in_doubt,
    }
}
