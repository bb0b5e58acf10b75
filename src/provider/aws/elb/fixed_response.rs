//! A maintenance page that a load balancer answers with by itself.
//!
//! The page is a rule of its own before all others: for every path, a fixed response. What the listener and its rules do
//! otherwise stays as it is, and is there again when the rule is deleted, whoever deletes it. So nothing is remembered,
//! and a crash loses nothing. No second rule can come of a request that is sent twice: a priority holds one rule.
//!
//! The page answers health checks, too: whoever probes through this listener sees 503.

use super::{LISTENER, by_arn, query, rules_of, short};
use crate::{
    action::{
        Action, Answer, Change, Clients, Default, Effect, Finding, Kind, Look, Observation,
        Parameter, Params, Plane, Shape, Sign, Trouble, Unapplied,
    },
    model::{Datum, Diagnostic, Evidence, Resource},
    provider::aws::{
        OnAws, absent,
        call::Call,
        client::{Aws, before_sending},
        region_of, unknown_change,
    },
    wire::Element,
};
use async_trait::async_trait;
use std::{sync::Arc, time::Duration};

pub(crate) static FIXED_RESPONSE: Kind = Kind {
    name: "aws.elb.fixed_response",
    summary: "Let a load balancer answer everybody with a maintenance page, or take it away",
    parameters: &[
        Parameter::required("listener", LISTENER, "The listener, by its ARN"),
        Parameter::optional("on", Shape::Flag, "Whether the page is up; `false` takes it away")
            .or(Default::Flag(true)),
        // A character takes four bytes at most.
        Parameter::optional(
            "page",
            Shape::File { most_bytes: 4 * LONGEST as u64 },
            "The page: at most 1024 characters",
        ),
        Parameter::optional("text", Shape::Text, "The text, instead of a page"),
        Parameter::optional(
            "content_type",
            Shape::Choice(&[
                "text/html",
                "text/plain",
                "text/css",
                "application/javascript",
                "application/json",
            ]),
            "What it is; `text/html` for a page and `text/plain` for a text when left out",
        ),
        Parameter::optional(
            "priority",
            Shape::Int { least: 1, most: 50_000 },
            "The priority of the page's rule: no other may have it, and lower ones come first",
        )
        .or(Default::Int(1)),
    ],
    observed: &["page", "rule"],
    planes: &[Plane::Control("listener"), Plane::Data("listener")],
    permissions: &[
        "elasticloadbalancing:DescribeListeners",
        "elasticloadbalancing:DescribeRules",
        "elasticloadbalancing:CreateRule",
        "elasticloadbalancing:ModifyRule",
        "elasticloadbalancing:DeleteRule",
    ],
    // Load balancers take new rules up within seconds.
    usual: Duration::from_secs(10),
    shows_within: Duration::from_secs(30),
    deadline: Duration::from_mins(5),
    effect: Effect::Changes,
    proves_service: false,
    mark_valid_for: None,
    cured_by: &[],
    bind,
};

/// The longest message that AWS takes, in characters.
const LONGEST: usize = 1024;
const STATUS: &str = "503";
const PUT_UP: &str = "page";
const TAKE_AWAY: &str = "back";

fn bind(params: &Params<'_>, clients: &Clients) -> Result<Arc<dyn Action>, Diagnostic> {
    let listener = by_arn(params, "listener", "listener")?;
    Ok(FixedResponse {
        aws: Aws::new(clients),
        region: region_of(&listener),
        listener,
        page: if params.flag("on")? { Some(page(params)?) } else { None },
        priority: params.int("priority")?.to_string(),
    }
    .into_action())
}

fn page(params: &Params<'_>) -> Result<Page, Diagnostic> {
    let (name, kind, body) = match (params.optional_file("page"), params.optional_text("text")) {
        (Some(file), None) => ("page", "text/html", file.text),
        (None, Some(text)) => ("text", "text/plain", text),
        _ => {
            let message = "`aws.elb.fixed_response` needs either a `page` or a `text`";
            return Err(Diagnostic::at(params.span("text"), message));
        }
    };
    let length = body.chars().count();
    if length > LONGEST {
        let message = format!("`{name}` has {length} characters, and AWS takes {LONGEST} at most");
        return Err(Diagnostic::at(params.span(name), message));
    }
    let content_type = params.optional_text("content_type").unwrap_or_else(|| kind.to_owned());
    Ok(Page { content_type, body })
}

/// What users are answered.
#[derive(Debug, PartialEq, Eq)]
struct Page {
    content_type: String,
    body: String,
}

impl Page {
    /// Whether an action answers with it. Line ends may have become others on the way.
    fn is_answered_by(&self, action: &Element) -> bool {
        let config = action.get("FixedResponseConfig");
        let is = |name: &str, text: &str| {
            let shown = config.and_then(|config| config.text_of(name)).unwrap_or_default();
            shown.split_whitespace().eq(text.split_whitespace())
        };
        is("StatusCode", STATUS)
            && is("ContentType", &self.content_type)
            && is("MessageBody", &self.body)
    }

    fn parameters(&self) -> Vec<(String, String)> {
        let config = "Actions.member.1.FixedResponseConfig";
        vec![
            ("Actions.member.1.Type".to_owned(), FIXED.to_owned()),
            (format!("{config}.StatusCode"), STATUS.to_owned()),
            (format!("{config}.ContentType"), self.content_type.clone()),
            (format!("{config}.MessageBody"), self.body.clone()),
        ]
    }
}

const FIXED: &str = "fixed-response";

struct FixedResponse {
    aws: Aws,
    region: String,
    listener: Resource,
    /// None when it is to be away.
    page: Option<Page>,
    priority: String,
}

/// What holds the priority of the page's rule.
enum Held {
    Nothing,
    Page { rule: String, action: Element },
    SomethingElse,
}

#[async_trait]
impl OnAws for FixedResponse {
    fn aws(&self) -> &Aws {
        &self.aws
    }

    fn permissions(&self) -> &'static [&'static str] {
        FIXED_RESPONSE.permissions
    }

    fn region(&self) -> &str {
        &self.region
    }

    async fn observe(&self, _: &Look) -> Result<Observation, Trouble> {
        let Some(protocol) = self.protocol().await? else {
            return Ok(Observation::new(absent("listener", &self.listener), Evidence::new()));
        };
        if !matches!(protocol.as_str(), "HTTP" | "HTTPS") {
            let name = short(&self.listener.name);
            let why = format!(
                "the listener of `{name}` speaks {protocol}: only HTTP and HTTPS can be answered with a page"
            );
            return Ok(Observation::new(Answer::Never { why }, Evidence::new()));
        }
        let held = self.held().await?;
        let mut evidence = Evidence::new().with("page", Datum::Flag(held.is_page()));
        if let Held::Page { rule, .. } = &held {
            evidence.set("rule", Datum::Text(rule.clone()));
        }
        Ok(Observation::new(self.answer(&held), evidence))
    }

    async fn request(&self, change: &Change) -> Result<Call, Unapplied> {
        let held = self.held().await.map_err(before_sending)?;
        let (operation, parameters) = match (change.id.as_str(), &self.page, held) {
            (PUT_UP, Some(page), Held::Page { rule, .. }) => {
                let own = ("RuleArn".to_owned(), rule);
                ("ModifyRule", [vec![own], page.parameters()].concat())
            }
            (PUT_UP, Some(page), _) => {
                let own = [
                    ("ListenerArn", self.listener.name.as_str()),
                    ("Priority", &self.priority),
                    ("Conditions.member.1.Field", PATHS),
                    ("Conditions.member.1.Values.member.1", EVERY),
                ];
                let own = own.map(|(name, value)| (name.to_owned(), value.to_owned()));
                ("CreateRule", [own.to_vec(), page.parameters()].concat())
            }
            (TAKE_AWAY, None, Held::Page { rule, .. }) => {
                ("DeleteRule", vec![("RuleArn".to_owned(), rule)])
            }
            (TAKE_AWAY, None, _) => {
                let why = "the page is away already".to_owned();
                return Err(Unapplied::Refused { why, request_id: None });
            }
            _ => return Err(unknown_change(change)),
        };
        Ok(query(&self.region, operation, &parameters))
    }

    async fn examine(&self) -> Vec<Finding> {
        if self.page.is_none() {
            return Vec::new();
        }
        let rules = rules_of(&self.aws, &self.region, &self.listener.name).await;
        let own: u32 = self.priority.parse().unwrap_or_default();
        let number = |rule: &Element| rule.text_of("Priority")?.parse::<u32>().ok();
        let rules = rules.ok().flatten().unwrap_or_default();
        let mut before: Vec<_> = rules.iter().filter_map(number).filter(|it| *it < own).collect();
        if before.is_empty() {
            return Vec::new();
        }
        before.sort_unstable();
        let before: Vec<_> = before.iter().map(ToString::to_string).collect();
        vec![Finding::warning(format!(
            "rules before the page go on answering: priority {}",
            before.join(", ")
        ))]
    }
}

const PATHS: &str = "path-pattern";
const EVERY: &str = "*";

impl FixedResponse {
    /// The protocol of the listener; none when it is not there.
    async fn protocol(&self) -> Result<Option<String>, Trouble> {
        let parameters = [("ListenerArns.member.1".to_owned(), self.listener.name.clone())];
        let call = query(&self.region, "DescribeListeners", &parameters);
        let answer = self.aws.find_xml(&call, &["ListenerNotFound"]).await?;
        Ok(answer.and_then(|answer| Some(answer.find("Protocol")?.text.trim().to_owned())))
    }

    async fn held(&self) -> Result<Held, Trouble> {
        let rules = rules_of(&self.aws, &self.region, &self.listener.name).await?;
        let rules = rules.unwrap_or_default();
        let has_it = |rule: &&Element| rule.text_of("Priority") == Some(&self.priority);
        Ok(rules.iter().find(has_it).map_or(Held::Nothing, Held::by))
    }

    fn answer(&self, held: &Held) -> Answer {
        let name = short(&self.listener.name);
        match (&self.page, held) {
            (None, Held::Nothing | Held::SomethingElse) => Answer::AsDesired,
            (None, Held::Page { .. }) => {
                let says = format!("{name}: the page is taken away, and its rules hold as before");
                Answer::Missing(vec![Change::harmless(TAKE_AWAY, Sign::Changes, says)])
            }
            (Some(page), Held::Page { action, .. }) if page.is_answered_by(action) => {
                Answer::AsDesired
            }
            (Some(_), Held::Page { .. }) => {
                let says = format!("{name}: another page than now, for every path");
                Answer::Missing(vec![Change::harmless(PUT_UP, Sign::Changes, says)])
            }
            (Some(_), Held::Nothing) => {
                let says = format!("{name}: a page for every path, with {STATUS}");
                Answer::Missing(vec![Change::harmless(PUT_UP, Sign::Creates, says)])
            }
            (Some(_), Held::SomethingElse) => {
                let why = format!(
                    "another rule of `{name}` has the priority {}: give the page one that is free",
                    self.priority
                );
                Answer::Never { why }
            }
        }
    }
}

impl Held {
    /// A rule is the page when it holds for every path, without another condition, and gives a fixed response.
    fn by(rule: &Element) -> Self {
        let [condition] = rule.members("Conditions") else { return Self::SomethingElse };
        let direct = condition.members("Values");
        let config = condition.get("PathPatternConfig").map(|config| config.members("Values"));
        let values = if direct.is_empty() { config.unwrap_or_default() } else { direct };
        let is_for_all = condition.text_of("Field") == Some(PATHS)
            && matches!(values, [value] if value.text.trim() == EVERY);
        match (rule.text_of("RuleArn"), rule.members("Actions")) {
            (Some(arn), [action]) if is_for_all && action.text_of("Type") == Some(FIXED) => {
                Self::Page { rule: arn.to_owned(), action: action.clone() }
            }
            _ => Self::SomethingElse,
        }
    }

    fn is_page(&self) -> bool {
        matches!(self, Self::Page { .. })
    }
}

#[cfg(test)]
mod tests;
