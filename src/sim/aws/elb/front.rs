//! What visitors of a load balancer get.
//!
//! Sources: "Listener rules" and "Fixed-response actions", user guide for Application Load Balancers; "Troubleshoot your
//! Application Load Balancers", HTTP 503: the target groups have no targets that are in use.

use super::action::Does;
use crate::sim::{call::Reply, cloud::Cloud, reached::Reached};
use serde_json::json;

/// What the domain of every load balancer ends with, after its region.
pub(super) const SUFFIX: &str = ".elb.amazonaws.com";
const UNAVAILABLE: &str = "<html>\r\n<head><title>503 Service Temporarily Unavailable</title></head>\r\n<body>\r\n<center><h1>503 Service Temporarily Unavailable</h1></center>\r\n</body>\r\n</html>\r\n";

/// One request of a visitor.
pub(in crate::sim) struct Visit<'a> {
    /// The name that was asked for, which may be another one than the load balancer's.
    pub host: &'a str,
    pub path: &'a str,
}

/// What a visitor gets.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::sim) enum Shown {
    /// The app, from this region.
    App(String),
    /// A page that the load balancer keeps itself, or a redirection.
    Page { status: u16, content_type: &'static str, text: String, location: Option<String> },
    /// Nobody is there to send the request to.
    Unavailable,
    /// The load balancer itself does not answer: its region is out.
    Silence,
}

impl Cloud {
    /// What the visitors of a load balancer get, by its DNS name: shares that sum up to one, the largest first. `None`
    /// when there is no such load balancer.
    pub(in crate::sim) fn app_answers(
        &self,
        balancer: &str,
        visit: &Visit<'_>,
    ) -> Option<Vec<(Shown, f64)>> {
        let elb = &self.aws.elb;
        let balancer = balancer.to_ascii_lowercase();
        let name = balancer.strip_prefix("dualstack.").unwrap_or(&balancer);
        let balancer = elb.balancers.iter().find(|one| one.host.eq_ignore_ascii_case(name))?;
        if self.is_dark(&balancer.region) {
            return Some(vec![(Shown::Silence, 1.0)]);
        }
        let listener = elb.listeners.iter().find(|one| one.balancer == balancer.arn);
        let Some(listener) = listener else { return Some(vec![(Shown::Silence, 1.0)]) };
        let rules = elb.rules_of(&listener.arn);
        let rule = rules.into_iter().find(|rule| rule.fits(visit));
        let action = rule.map_or(&listener.actions, |rule| &rule.actions).last()?;
        Some(match &action.does {
            Does::Forward(forward) => self.shares(&forward.groups),
            Does::Fixed(fixed) => {
                let text = fixed.message.clone().unwrap_or_default();
                let (status, content_type) = (fixed.status, fixed.typed());
                vec![(Shown::Page { status, content_type, text, location: None }, 1.0)]
            }
            Does::Redirect(redirect) => vec![(redirect.shown(visit), 1.0)],
        })
    }

    /// The app's health page, which says what the region's database lets it do.
    fn health_page(&self, region: &str) -> Reply {
        let database = self.database_in(region);
        let is_well = database != Some("down");
        let mut body = json!({ "status": if is_well { "ok" } else { "ill" }, "region": region });
        if let Some(database) = database {
            body["database"] = json!(database);
        }
        Reply::json(if is_well { 200 } else { 503 }, &body).with("x-region", region)
    }

    /// A load balancer does not look at health when it picks a group: the share of one that nobody serves is lost.
    fn shares(&self, groups: &[(String, u64)]) -> Vec<(Shown, f64)> {
        let weigh = |weight: u64| f64::from(u32::try_from(weight).unwrap_or(u32::MAX));
        let all: f64 = groups.iter().map(|(_, weight)| weigh(*weight)).sum();
        let mut shares: Vec<(Shown, f64)> = Vec::new();
        for (arn, weight) in groups.iter().filter(|(_, weight)| *weight > 0) {
            let group = self.aws.elb.groups.iter().find(|group| group.arn == *arn);
            let serves = group.filter(|group| group.serves(self));
            let shown = serves.map_or(Shown::Unavailable, |group| Shown::App(group.region.clone()));
            let share = weigh(*weight) / all;
            match shares.iter_mut().find(|(known, _)| *known == shown) {
                Some((_, known)) => *known += share,
                None => shares.push((shown, share)),
            }
        }
        if shares.is_empty() {
            shares.push((Shown::Unavailable, 1.0));
        }
        shares.sort_by(|one, other| other.1.total_cmp(&one.1));
        shares
    }
}

impl super::action::Redirect {
    fn shown(&self, visit: &Visit<'_>) -> Shown {
        let whole =
            format!("{}://{}:{}{}?{}", self.protocol, self.host, self.port, self.path, self.query);
        let parts = [
            ("#{protocol}", "https"),
            ("#{host}", visit.host),
            ("#{port}", "443"),
            ("#{path}", visit.path.trim_start_matches('/')),
            ("#{query}", ""),
        ];
        let location = parts.iter().fold(whole, |text, (name, value)| text.replace(name, value));
        let location = Some(location.trim_end_matches('?').to_owned());
        let content_type = "text/html";
        Shown::Page { status: self.status, content_type, text: String::new(), location }
    }
}

impl Shown {
    /// The answer to one request.
    pub(in crate::sim) fn answer(self, cloud: &Cloud, path: &str) -> Reached {
        Reached::Reply(match self {
            Self::Silence => return Reached::Nobody,
            Self::Unavailable => Reply::html(503, UNAVAILABLE),
            Self::Page { status, content_type, text, location } => {
                let reply = Reply::typed(status, content_type, text);
                location.into_iter().fold(reply, |reply, to| reply.with("location", to))
            }
            Self::App(region) if path == "/health" => cloud.health_page(&region),
            Self::App(region) => {
                let body = json!({ "service": cloud.aws.service, "region": region });
                Reply::json(200, &body).with("x-region", region)
            }
        })
    }
}
