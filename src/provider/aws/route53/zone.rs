//! A hosted zone, and the record sets that stand in it.

use super::{
    super::{call::Call, client::Aws, service::ROUTE_53},
    is_set,
    record::{RecordSet, canonical, shown},
};
use crate::{
    action::{Placed, Shape, Trouble},
    model::Resource,
    wire::Element,
};
use std::collections::BTreeSet;
use url::form_urlencoded::Serializer;

pub(crate) const ZONE: Shape =
    Shape::Resource { kind: "AWS::Route53::HostedZone", placed: Placed::Globally, made: false };

/// A zone that Route 53 answers for.
#[derive(Clone, Debug)]
pub(crate) struct Zone {
    pub id: String,
    pub name: String,
    /// Answers only inside the networks that it is associated with.
    pub is_private: bool,
    /// The servers that the zone above must name. A private zone has none that could be asked.
    pub servers: Vec<String>,
}

impl Zone {
    pub(crate) async fn find(aws: &Aws, zone: &Resource) -> Result<Option<Self>, Trouble> {
        let id = id(&zone.name);
        let call = Call::get(&ROUTE_53, "GetHostedZone", &format!("hostedzone/{id}"));
        let Some(answer) = aws.find_xml(&call, &["NoSuchHostedZone"]).await? else {
            return Ok(None);
        };
        let found = answer.find("HostedZone");
        let name = found.and_then(|zone| zone.text_of("Name"));
        let name = name.ok_or_else(|| Trouble::odd(format!("{}: no zone in it", call.says())))?;
        let config = found.and_then(|zone| zone.get("Config"));
        let servers = answer.find("NameServers").map(|all| all.children.as_slice());
        Ok(Some(Self {
            id: id.to_owned(),
            name: canonical(name),
            is_private: config.is_some_and(|config| is_set(config, "PrivateZone")),
            servers: servers
                .unwrap_or_default()
                .iter()
                .map(|server| canonical(&server.text))
                .collect(),
        }))
    }

    pub(crate) fn holds(&self, name: &str) -> bool {
        let name = canonical(name);
        name == self.name || name.ends_with(&format!(".{}", self.name))
    }

    /// Why a name is none of this zone's.
    pub(crate) fn stray(&self, name: &str) -> String {
        let [name, zone] = [name, &self.name].map(|name| shown(name).to_owned());
        format!("`{name}` is not in the zone {zone} ({})", self.id)
    }

    /// All record sets of these names, of every type.
    pub(super) async fn all_of(
        &self,
        aws: &Aws,
        names: &BTreeSet<String>,
    ) -> Result<Vec<RecordSet>, Trouble> {
        let mut all = Vec::new();
        for name in names {
            all.extend(self.sets(aws, name).await?);
        }
        Ok(all)
    }

    /// The record sets of a name and a type.
    pub(crate) async fn of(
        &self,
        aws: &Aws,
        name: &str,
        kind: &str,
    ) -> Result<Vec<RecordSet>, Trouble> {
        let all = self.sets(aws, name).await?;
        Ok(all.into_iter().filter(|set| set.kind() == kind).collect())
    }

    /// The record sets of a name. A listing goes on to the names behind it, page by page.
    async fn sets(&self, aws: &Aws, name: &str) -> Result<Vec<RecordSet>, Trouble> {
        let name = canonical(name);
        let mut found = Vec::new();
        let mut start = vec![("name", name.clone())];
        loop {
            let query = Serializer::new(String::new()).extend_pairs(&start).finish();
            let path = format!("hostedzone/{}/rrset?{query}", self.id);
            let call = Call::get(&ROUTE_53, "ListResourceRecordSets", &path);
            let answer = aws.xml(&call).await?;
            let sets = answer.find("ResourceRecordSets");
            let sets = sets.map(|sets| sets.children.as_slice()).unwrap_or_default();
            let page: Vec<_> = sets.iter().cloned().filter_map(RecordSet::read).collect();
            let goes_on = page.last().is_none_or(|last| last.name() == name);
            found.extend(page.into_iter().filter(|set| set.name() == name));
            match next(&answer).filter(|_| goes_on) {
                None => return Ok(found),
                Some(next) if next == start => {
                    return Err(Trouble::odd(format!("{}: its pages go round", call.says())));
                }
                Some(next) => start = next,
            }
        }
    }
}

/// Where the next page begins.
fn next(answer: &Element) -> Option<Vec<(&'static str, String)>> {
    if !is_set(answer, "IsTruncated") {
        return None;
    }
    let begins = [
        ("name", "NextRecordName"),
        ("type", "NextRecordType"),
        ("identifier", "NextRecordIdentifier"),
    ];
    let begins = begins.into_iter().filter_map(|(parameter, name)| {
        Some((parameter, answer.find(name)?.text.trim().to_owned()))
    });
    Some(begins.collect())
}

/// `/hostedzone/Z1D633PJN98FT9` is `Z1D633PJN98FT9`.
fn id(name: &str) -> &str {
    name.rsplit('/').next().unwrap_or_default()
}
