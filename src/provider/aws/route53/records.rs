//! Record sets of a zone, changed in one batch that Route 53 makes as a whole or not at all.
//!
//! What the runbook itself lists names only what should differ: the rest of each set stays as it is. A file holds whole
//! sets, as the API takes them, and is refused where it would drop what a set has.

use super::{
    super::{
        OnAws,
        call::Call,
        client::{Aws, before_sending},
        service::ROUTE_53_REGION,
        unknown_change,
    },
    CHANGES_RECORDS, CONTROL_PLANE, Desk, PROVE, ZONE,
    batch::{self, Edit, Verb},
    file::{self, Batch},
    heard::Heard,
    never, plan,
    record::{RecordSet, canonical},
    refused, silence,
    zone::Zone,
};
use crate::{
    action::{
        Action, Answer, Applied, Change, Clients, Effect, Finding, Handle, Kind, Look, Observation,
        Parameter, Params, Polled, Serves, Shape, Sign, Trouble, Unapplied,
    },
    model::{Datum, Diagnostic, Evidence, span},
    wire::Response,
};
use async_trait::async_trait;
use std::{collections::BTreeSet, sync::Arc, time::Duration};

pub(crate) static RECORDS: Kind = Kind {
    name: "aws.route53.records",
    summary: "Change record sets of Route 53 in one batch, and prove it on every name server",
    parameters: &[
        ZONE,
        Parameter::optional(
            "changes",
            Shape::Maps(&MEMBERS),
            "Names, each with what it should answer; the rest of its set stays as it is",
        ),
        Parameter::optional(
            "file",
            Shape::File { most_bytes: 256_000 },
            "A change batch, as `aws route53 change-resource-record-sets` takes it",
        ),
        PROVE,
    ],
    observed: &["records", "ttl", "servers", "serves"],
    planes: &[CONTROL_PLANE],
    permissions: &CHANGES_RECORDS,
    // "Changes generally propagate within 60 seconds" (ChangeResourceRecordSets).
    usual: Duration::from_mins(1),
    // A listing shows what is still PENDING (ListResourceRecordSets).
    shows_within: Duration::from_secs(30),
    deadline: Duration::from_mins(10),
    effect: Effect::Changes,
    proves_service: false,
    mark_valid_for: None,
    cured_by: &[],
    bind,
};

/// One entry of `changes`.
const MEMBERS: [Parameter; 5] = [
    Parameter::optional("type", Shape::Choice(&TYPES), "The type; A when left out"),
    Parameter::optional("value", Shape::Text, "The value; of several, each has a line of its own"),
    Parameter::optional(
        "ttl",
        Shape::Duration,
        "How long resolvers keep it; as it is when left out",
    ),
    Parameter::optional(
        "alias",
        Shape::Text,
        "Instead of a value, the name that it is an alias of",
    ),
    Parameter::optional("alias_zone", Shape::Text, "The id of the hosted zone of that name"),
];
const TYPES: [&str; 5] = ["A", "AAAA", "CNAME", "MX", "TXT"];
/// For values that had none before: what an alias has.
const TTL: Duration = Duration::from_mins(1);
const BATCH: &str = "batch";
/// How many changes of a batch are told one by one.
const TOLD: usize = 4;

fn bind(params: &Params<'_>, clients: &Clients) -> Result<Arc<dyn Action>, Diagnostic> {
    let mut entries = Vec::new();
    for (name, members) in params.maps("changes") {
        let entry = Entry::new(&name, &members).map_err(|what| {
            Diagnostic::at(params.span("changes"), format!("the record `{name}` {what}"))
        })?;
        entries.push(entry);
    }
    let source = match (params.optional_file("file"), entries.is_empty()) {
        (Some(file), true) => Source::File(file::read(&file.text).map_err(|why| {
            Diagnostic::at(params.span("file"), format!("`{}`: {why}", file.path))
        })?),
        (None, false) => Source::Entries(entries),
        _ => {
            let message = "`aws.route53.records` needs `changes` or `file`, and not both";
            return Err(Diagnostic::at(params.span("zone"), message));
        }
    };
    Ok(Records { desk: Desk::new(params, clients)?, source }.into_action())
}

enum Source {
    Entries(Vec<Entry>),
    File(Batch),
}

/// What a simple record should answer.
struct Entry {
    name: String,
    kind: String,
    target: Target,
    ttl: Option<Duration>,
}

enum Target {
    Values(Vec<String>),
    Alias { zone: String, host: String },
}

impl Entry {
    fn new(name: &str, members: &[(String, String)]) -> Result<Self, &'static str> {
        let of = |key: &str| members.iter().find(|(known, _)| known == key).map(|(_, text)| text);
        let target = match (of("value"), of("alias"), of("alias_zone")) {
            (Some(lines), None, None) => {
                let lines = lines.lines().map(str::trim).filter(|line| !line.is_empty());
                Target::Values(lines.map(ToOwned::to_owned).collect())
            }
            (None, Some(host), Some(zone)) => {
                Target::Alias { zone: zone.clone(), host: host.clone() }
            }
            (None, None, None) => return Err("has no `value` and no `alias`"),
            (None, Some(_), None) => return Err("has an `alias` and no `alias_zone`"),
            _ => return Err("has a `value` and an `alias`: it can have one of them"),
        };
        let ttl = of("ttl").map(|text| span::parse(text).ok_or("has a `ttl` that is no length"));
        let kind = of("type").map_or("A", String::as_str);
        if !TYPES.contains(&kind) {
            return Err("has a `type` that no simple record has here: use a file");
        }
        let ttl = ttl.transpose()?;
        if matches!(target, Target::Alias { .. }) && ttl.is_some() {
            return Err("is an alias, which has the `ttl` of its target");
        }
        Ok(Self { name: name.to_owned(), kind: kind.to_owned(), target, ttl })
    }

    /// The whole set: what is there, with what should differ.
    fn onto(&self, there: &[RecordSet]) -> RecordSet {
        let new = RecordSet::new(&self.name, &self.kind);
        let now = there.iter().find(|set| set.key() == new.key());
        let ttl = now.filter(|set| set.alias().is_none()).map_or(TTL, RecordSet::ttl);
        let base = now.cloned().unwrap_or(new);
        match &self.target {
            Target::Alias { zone, host } => base.with_alias(zone, host),
            Target::Values(values) => base
                .with_values(values.iter().map(String::as_str))
                .with("TTL", self.ttl.unwrap_or(ttl).as_secs().to_string()),
        }
    }
}

struct Records {
    desk: Desk,
    source: Source,
}

/// What is there of the names of a batch, and what the batch says of them.
struct Found {
    there: Vec<RecordSet>,
    edits: Vec<Edit>,
}

impl Found {
    /// What the batch still has to do, or why it must not be sent.
    fn missing(&self, zone: &Zone) -> Result<Vec<Edit>, String> {
        let mut names = self.edits.iter().map(|edit| edit.set.name());
        match names.find(|name| !zone.holds(name)) {
            Some(stray) => Err(zone.stray(&stray)),
            None => plan::missing(&self.edits, &self.there),
        }
    }

    /// The sets of each name and type that the batch is about.
    fn groups(&self) -> Vec<(String, String, Vec<&RecordSet>)> {
        let groups = self.edits.iter().map(|edit| (edit.set.name(), edit.set.kind().to_owned()));
        let groups: BTreeSet<_> = groups.collect();
        let sets = |(name, kind): (String, String)| {
            let is_of = |set: &&RecordSet| set.name() == name && set.kind() == kind;
            let sets = self.there.iter().filter(is_of).collect();
            (name, kind, sets)
        };
        groups.into_iter().map(sets).collect()
    }
}

#[async_trait]
impl OnAws for Records {
    fn aws(&self) -> &Aws {
        &self.desk.aws
    }

    fn permissions(&self) -> &'static [&'static str] {
        RECORDS.permissions
    }

    fn region(&self) -> &str {
        ROUTE_53_REGION
    }

    async fn observe(&self, _: &Look) -> Result<Observation, Trouble> {
        let zone = match self.desk.zone().await? {
            Ok(zone) => zone,
            Err(why) => return Ok(never(why)),
        };
        let found = self.find(&zone).await?;
        let mut evidence = evidence(&found);
        let answer = match found.missing(&zone) {
            Err(why) => Answer::Never { why },
            Ok(edits) if !edits.is_empty() => Answer::Missing(vec![change(&edits, &found.there)]),
            Ok(_) => {
                let heard = self.hear(&zone, &found).await;
                if let Some(heard) = heard.first() {
                    evidence.set("servers", Datum::Text(heard.says()));
                }
                match heard.iter().find_map(Heard::hindrance) {
                    Some(why) => Answer::NotYet { why, look_again: super::ASK_AGAIN },
                    None => Answer::AsDesired,
                }
            }
        };
        let serves = serves(&found);
        if let Serves::Region(region) = &serves {
            evidence.set("serves", Datum::Text(region.to_string()));
        }
        Ok(Observation::new(answer, evidence).serving(serves))
    }

    async fn request(&self, change: &Change) -> Result<Call, Unapplied> {
        if change.id.as_str() != BATCH {
            return Err(unknown_change(change));
        }
        let zone = self.desk.zone().await.map_err(before_sending)?.map_err(refused)?;
        let found = self.find(&zone).await.map_err(before_sending)?;
        let edits = found.missing(&zone).map_err(refused)?;
        let comment = match &self.source {
            Source::File(batch) => batch.comment.as_deref(),
            Source::Entries(_) => None,
        };
        self.desk.request(&zone, comment, &edits)
    }

    fn accepted(&self, response: &Response) -> Applied {
        batch::accepted(response)
    }

    async fn poll(&self, handle: &Handle) -> Result<Polled, Trouble> {
        self.desk.poll(handle).await
    }

    async fn examine(&self) -> Vec<Finding> {
        let Ok(Ok(zone)) = self.desk.zone().await else { return Vec::new() };
        let Ok(found) = self.find(&zone).await else { return Vec::new() };
        let heard = self.hear(&zone, &found).await;
        silence(heard.first()).into_iter().collect()
    }
}

impl Records {
    async fn find(&self, zone: &Zone) -> Result<Found, Trouble> {
        let names = match &self.source {
            Source::Entries(entries) => entries.iter().map(|one| canonical(&one.name)).collect(),
            Source::File(batch) => batch.edits.iter().map(|edit| edit.set.name()).collect(),
        };
        let there = zone.all_of(&self.desk.aws, &names).await?;
        let edits = match &self.source {
            Source::File(batch) => batch.edits.clone(),
            Source::Entries(entries) => {
                entries.iter().map(|entry| Edit::upsert(entry.onto(&there))).collect()
            }
        };
        Ok(Found { there, edits })
    }

    async fn hear<'a>(&self, zone: &'a Zone, found: &'a Found) -> Vec<Heard<'a>> {
        let mut all = Vec::new();
        for (name, kind, sets) in found.groups() {
            all.extend(self.desk.hear(zone, (&name, &kind), &sets).await);
        }
        all
    }
}

fn evidence(found: &Found) -> Evidence {
    let sets = found.groups().into_iter().flat_map(|(_, _, sets)| sets);
    let sets: Vec<_> = sets.collect();
    let told = sets.iter().take(TOLD).map(|set| format!("{} {}", set.label(), set.target()));
    let told = told.collect::<Vec<_>>().join("; ");
    let mut evidence =
        Evidence::new().text("records", if told.is_empty() { "none" } else { &told });
    if let Some(longest) = sets.iter().map(|set| set.ttl()).max() {
        evidence.set("ttl", Datum::Seconds(longest.as_secs_f64()));
    }
    evidence
}

/// The region that simple and weighted records send users to. A pair is not served by what its records say.
fn serves(found: &Found) -> Serves {
    let groups = found.groups();
    let sets = groups.iter().filter(|(_, kind, _)| ["A", "AAAA", "CNAME"].contains(&kind.as_str()));
    let with_users = sets.flat_map(|(_, _, sets)| sets).filter(|set| set.weight() != Some(0));
    let regions: Option<Vec<_>> =
        with_users.map(|set| set.region().filter(|_| set.failover().is_none())).collect();
    let Some(regions) = regions else { return Serves::NoRole };
    match regions.split_first() {
        None => Serves::NoRole,
        Some((first, others)) if others.iter().all(|other| other == first) => {
            Serves::Region(first.clone())
        }
        Some(_) => Serves::Nobody,
    }
}

/// The one change that is the whole batch.
fn change(edits: &[Edit], there: &[RecordSet]) -> Change {
    let more = edits.len().saturating_sub(TOLD);
    let more = (more > 0).then(|| format!("and {more} more"));
    let told = edits.iter().take(TOLD).map(|edit| plan::says(edit, there));
    let says = told.chain(more).collect::<Vec<_>>().join("; ");
    let is_new = |edit: &Edit| !there.iter().any(|set| set.key() == edit.set.key());
    let creates = edits.iter().all(|edit| edit.verb != Verb::Delete && is_new(edit));
    Change::harmless(BATCH, if creates { Sign::Creates } else { Sign::Changes }, says)
}

#[cfg(test)]
mod tests;
