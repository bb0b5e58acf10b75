//! The world that a plan expects to meet: every resource that it names, with one region active and one on standby.

use super::{
    address::{Address, location},
    aws::{self, endpoint::region_of, route53::canonical},
    azure::{Account, Profile, Server, Site},
    cloud::{Cloud, Outage},
    haproxy::Balancer,
    hook::{self, Hook},
    kubernetes::Kubernetes,
    listener::Listener,
    names::OwnZone,
    patroni,
    postgres::Instance,
    redis::Redis,
};
use crate::{
    model::{Node, Region, Resource, Value, Vendor},
    plan::{ActionWork, Plan, Side, Step},
};
use jiff::Timestamp;

/// What is there before a run, from what its plan says.
pub(super) struct Seed<'a> {
    pub plan: &'a Plan,
    /// The region that serves when the run starts, and the other one.
    pub active: String,
    pub standby: String,
    /// Each resource once. What the run makes itself is not among them.
    pub resources: Vec<Resource>,
    /// Every text of the plan: names that the world must bear stand in addresses.
    pub texts: Vec<&'a str>,
}

impl<'a> Seed<'a> {
    fn of(plan: &'a Plan) -> Self {
        let (active, standby) = match plan.serving {
            Side::From => (&plan.from, &plan.to),
            Side::To => (&plan.to, &plan.from),
        };
        let mut texts: Vec<_> = plan.watch.iter().map(|watch| watch.url.as_str()).collect();
        for work in plan.steps.iter().filter_map(Step::action) {
            texts.extend(texts_in(&work.with));
        }
        Self {
            plan,
            active: location(active.as_str()),
            standby: location(standby.as_str()),
            resources: resources(plan),
            texts,
        }
    }

    pub(super) fn of_kind(&self, kind: &str) -> impl Iterator<Item = &Resource> {
        self.resources.iter().filter(move |one| one.kind.eq_ignore_ascii_case(kind))
    }

    /// The steps that touch a resource of this kind.
    pub(super) fn steps_on(&self, kind: &str) -> impl Iterator<Item = &'a ActionWork> {
        let works = self.plan.steps.iter().filter_map(Step::action);
        works.filter(move |work| work.touches.iter().any(|one| one.kind == kind))
    }

    /// The largest number that a step on a resource of this kind gives to a parameter.
    pub(super) fn largest(&self, kind: &str, parameter: &str) -> Option<u64> {
        let number = |work: &ActionWork| match work.with.get(parameter)?.value {
            Value::Int(number) => u64::try_from(number).ok(),
            _ => None,
        };
        self.steps_on(kind).filter_map(number).max()
    }

    /// Where a resource is; what says nothing is where users are served.
    pub(super) fn region_of(&self, resource: &Resource) -> String {
        region(resource).unwrap_or_else(|| self.active.clone())
    }

    /// The setting in which the app keeps its database's host: the one that the plan points at a server.
    pub(super) fn database_setting(&self) -> String {
        let steps = self.plan.steps.iter().filter_map(Step::action);
        let sets = steps
            .flat_map(|work| ["settings", "connection_strings"].map(|name| work.with.get(name)));
        let mut entries = sets.flatten().flat_map(Node::entries);
        let names_a_server = |value: &Node| {
            texts_in(value).iter().any(|text| text.contains(".postgres.database.azure.com"))
        };
        let found = entries.find(|(_, value)| names_a_server(value));
        found.map_or_else(|| "DB_HOST".to_owned(), |(key, _)| key.text.clone())
    }

    /// The names before this suffix in the plan's texts: `NAME.trafficmanager.net`.
    pub(super) fn names_before(&self, suffix: &str) -> impl Iterator<Item = &'a str> {
        let letter = |c: char| c.is_ascii_alphanumeric() || c == '-';
        self.texts.iter().filter_map(move |text| {
            let before = &text[..text.find(suffix)?];
            let start = before.rfind(|c| !letter(c)).map_or(0, |at| at + 1);
            Some(&before[start..]).filter(|name| !name.is_empty())
        })
    }
}

/// The texts of a value, however deep they stand.
pub(super) fn texts_in(node: &Node) -> Vec<&str> {
    match &node.value {
        Value::Text(text) | Value::Late(text) => vec![text],
        Value::List(items) => items.iter().flat_map(texts_in).collect(),
        Value::Map(entries) => entries.iter().flat_map(|(_, item)| texts_in(item)).collect(),
        Value::Null | Value::Bool(_) | Value::Int(_) | Value::Float(_) => Vec::new(),
    }
}

/// Each resource that the plan touches, once, without those that any of its steps makes.
fn resources(plan: &Plan) -> Vec<Resource> {
    let mut known: Vec<Resource> = Vec::new();
    for touched in plan.steps.iter().filter_map(Step::action).flat_map(|work| &work.touches) {
        let same = |one: &&mut Resource| {
            // Azure's addresses are the same everywhere; a name in AWS is one of its region.
            let is_there = one.vendor() != Vendor::Aws || one.region == touched.region;
            let is_it = address(one) == address(touched) && is_there;
            one.kind.eq_ignore_ascii_case(&touched.kind) && is_it
        };
        if let Some(one) = known.iter_mut().find(same) {
            one.made_by_the_run |= touched.made_by_the_run;
            one.region = one.region.take().or_else(|| touched.region.clone());
        } else {
            known.push(touched.clone());
        }
    }
    known.retain(|one| !one.made_by_the_run);
    known
}

pub(super) fn address(resource: &Resource) -> Address {
    Address {
        subscription: resource.subscription().to_owned(),
        group: resource.resource_group().to_owned(),
        name: resource.name.clone(),
    }
}

pub(super) fn region(resource: &Resource) -> Option<String> {
    resource.region.as_ref().map(Region::as_str).map(location)
}

impl Cloud {
    /// The world that this plan expects, with an outage of the region that it leaves.
    pub fn seeded(plan: &Plan, outage: Outage, now: Timestamp) -> Self {
        let mut cloud = Self::empty(now, outage, &location(plan.from.as_str()));
        cloud.add_missing(plan);
        cloud
    }

    /// Adds what the plan names and is not there.
    pub fn add_missing(&mut self, plan: &Plan) {
        let seed = Seed::of(plan);
        self.add_groups(plan);
        if let Some(account) = seed.resources.iter().find_map(Resource::account) {
            self.aws.settle(account);
        }
        Account::seed(self, &seed);
        Server::seed(self, &seed);
        Instance::seed(self, &seed);
        Redis::seed(self, &seed);
        patroni::seed(self, &seed);
        Listener::seed(self, &seed);
        Kubernetes::seed(self, &seed);
        OwnZone::seed(self, &seed);
        Balancer::seed(self, &seed);
        Hook::seed(self, &seed);
        Site::seed(self, &seed);
        Profile::seed(self, &seed);
        aws::seed(self, &seed);
        self.add_aliases(plan);
        self.refresh();
    }

    /// A name outside Azure that the plan probes is taken to stand for its public name.
    fn add_aliases(&mut self, plan: &Plan) {
        let works = plan.steps.iter().filter_map(Step::action);
        let asks = works.filter(|work| !hook::is_sent(&work.with));
        let urls = asks.filter_map(|work| work.with.get("url"));
        let watched = plan.watch.iter().map(|watch| watch.url.as_str());
        let public =
            self.profiles.first().map(Profile::host).or_else(|| self.sites.first().map(Site::host));
        let Some(public) = public else { return };
        for url in urls.filter_map(Node::as_text).chain(watched) {
            let Some(host) =
                url::Url::parse(url).ok().and_then(|url| url.host_str().map(str::to_owned))
            else {
                continue;
            };
            let is_of_aws =
                region_of(self, &host).is_some() || self.zone_of(&canonical(&host)).is_some();
            if !is_of_aws
                && ![".azurewebsites.net", ".trafficmanager.net"]
                    .iter()
                    .any(|azure| host.ends_with(azure))
            {
                self.aliases.insert(host, public.clone());
            }
        }
    }
}
