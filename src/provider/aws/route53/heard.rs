//! What each authoritative server says of a name, beside what stands in the zone.

use super::{
    record::{RecordSet, canonical, shown},
    zone::Zone,
};
use crate::{
    action::Serves,
    provider::dns::{ByServer, Resolver, Told},
    wire::NameServer,
};
use futures_util::future::{join, join_all};
use hickory_proto::rr::RecordType;
use std::{collections::BTreeSet, time::Duration};

/// The record sets of one name and type, and what the zone's servers answer.
pub(crate) struct Heard<'a> {
    zone: &'a Zone,
    sets: Vec<Candidate<'a>>,
    told: ByServer,
}

/// A record set, and what is answered when it is chosen; nothing is known of an alias whose target is not found.
struct Candidate<'a> {
    set: &'a RecordSet,
    values: Option<BTreeSet<String>>,
}

impl<'a> Heard<'a> {
    /// Asks all servers of the zone, and for the addresses of what the sets are aliases of.
    pub(crate) async fn ask(
        resolver: &Resolver,
        zone: &'a Zone,
        (name, kind): (&str, &str),
        sets: &[&'a RecordSet],
    ) -> Self {
        let Ok(record) = kind.parse() else {
            return Self { zone, sets: Vec::new(), told: Vec::new() };
        };
        let name = canonical(name);
        let candidates = sets
            .iter()
            .map(async |set| Candidate { set, values: values(resolver, zone, set, record).await });
        let told = resolver.ask_each(&zone.servers, &name, record);
        let (sets, told) = join(join_all(candidates), told).await;
        Self { zone, sets, told }
    }

    /// What a server says that is not what stands in the zone, or why one says nothing.
    pub(crate) fn hindrance(&self) -> Option<String> {
        self.told.iter().find_map(|(server, told)| match told {
            Err(trouble) => Some(trouble.why.clone()),
            Ok(told) if self.fits(told) => None,
            Ok(told) => Some(format!("{} still answers {}", shown(server), answer(told))),
        })
    }

    fn fits(&self, told: &Told) -> bool {
        match &self.sets[..] {
            [] => told.values.is_empty(),
            [Candidate { set, values: Some(values) }]
                if set.identifier().is_none() && set.alias().is_none() =>
            {
                let ttl = told.ttl.map(|ttl| Duration::from_secs(ttl.into()));
                *values == comparable(&told.values) && ttl == Some(set.ttl())
            }
            several => {
                // When all weights are 0, all sets have users.
                let has_users = |one: &&Candidate| one.set.weight() != Some(0);
                let is_even = !several.iter().any(|one| has_users(&one));
                several.iter().any(|one| (is_even || has_users(&one)) && one.answers(told))
            }
        }
    }

    /// The set that every server that answers has chosen, when it can be told from the others.
    pub(crate) fn chosen(&self) -> Option<&'a RecordSet> {
        let told: Vec<_> = self.told.iter().filter_map(|(_, told)| told.as_ref().ok()).collect();
        let is_chosen =
            |one: &&Candidate| one.values.is_some() && told.iter().all(|told| one.answers(told));
        let mut chosen = self.sets.iter().filter(is_chosen).filter(|_| !told.is_empty());
        chosen.next().filter(|_| chosen.next().is_none()).map(|one| one.set)
    }

    /// The region that users are sent to.
    pub(crate) fn serves(&self) -> Serves {
        let region = self.chosen().and_then(RecordSet::region);
        region.map_or(Serves::NoRole, Serves::Region)
    }

    /// How many servers answer, and what.
    pub(crate) fn says(&self) -> String {
        if self.zone.is_private {
            return "not asked: they answer inside private networks only".to_owned();
        }
        let all = self.told.len();
        let told: Vec<_> = self.told.iter().filter_map(|(_, told)| told.as_ref().ok()).collect();
        let answers: BTreeSet<_> = told.iter().map(|told| answer(told)).collect();
        let answers = answers.into_iter().collect::<Vec<_>>().join("; ");
        match told.len() {
            0 => format!("none of {all} answers"),
            answering => format!("{answering} of {all} answer {answers}"),
        }
    }

    /// Why nothing can be proven from here.
    pub(super) fn silence(&self) -> Option<&str> {
        let troubles = self.told.iter().map(|(_, told)| told.as_ref().err());
        let troubles: Option<Vec<_>> = troubles.collect();
        Some(troubles?.first()?.why.as_str())
    }
}

impl Candidate<'_> {
    fn answers(&self, told: &Told) -> bool {
        let told = comparable(&told.values);
        match &self.values {
            Some(values) => !values.is_disjoint(&told),
            None => !told.is_empty(),
        }
    }
}

async fn values(
    resolver: &Resolver,
    zone: &Zone,
    set: &RecordSet,
    kind: RecordType,
) -> Option<BTreeSet<String>> {
    let Some((its_zone, host)) = set.alias() else {
        let values: Vec<_> = set.values().into_iter().collect();
        return Some(comparable(&values));
    };
    let server = match zone.servers.first() {
        Some(server) if its_zone == zone.id => NameServer::Named(server),
        _ => NameServer::Machine,
    };
    let told = resolver.ask(server, &host, kind).await.ok()?;
    Some(comparable(&told.values)).filter(|values| !values.is_empty())
}

fn answer(told: &Told) -> String {
    if told.values.is_empty() {
        return "nothing".to_owned();
    }
    let ttl = told.ttl.map(|ttl| format!(" for {ttl} s")).unwrap_or_default();
    format!("{}{ttl}", told.values.join(", "))
}

/// Zones and answers quote, space and end the same values in different ways.
fn comparable(values: &[String]) -> BTreeSet<String> {
    let comparable = |value: &String| {
        let words = value.split_whitespace().map(|word| shown(word.trim_matches('"')));
        words.collect::<String>().to_lowercase()
    };
    values.iter().map(comparable).collect()
}
