//! The rules of a listener, and the requests that they are for.
//!
//! Sources: `CreateRule`, `ModifyRule`, `DeleteRule` and `RuleCondition`, Elastic Load Balancing API reference 2015-12-01; "Quotas
//! for your Application Load Balancers".

use super::{
    Elb, Listener,
    action::{Action, invalid, number},
    front::Visit,
    missing,
};
use crate::{
    sim::{
        aws::asked::{Asked, leaf, members},
        call::{Refusal, Replied},
        id::digits,
    },
    wire::Element,
};
use serde::{Deserialize, Serialize};

const MOST_RULES: usize = 100;
const MOST_VALUES: usize = 5;
const LAST_PRIORITY: u64 = 50_000;
/// The fields that a condition can be on, and the structures that hold their values.
const FIELDS: [(&str, &str); 4] = [
    ("host-header", "HostHeaderConfig"),
    ("path-pattern", "PathPatternConfig"),
    ("http-request-method", "HttpRequestMethodConfig"),
    ("source-ip", "SourceIpConfig"),
];

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Rule {
    pub arn: String,
    pub listener: String,
    pub priority: u64,
    pub conditions: Vec<Condition>,
    pub actions: Vec<Action>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Condition {
    field: String,
    values: Vec<String>,
}

impl Condition {
    pub(super) fn on_path(pattern: &str) -> Self {
        Self { field: "path-pattern".to_owned(), values: vec![pattern.to_owned()] }
    }

    fn read(asked: &Asked, list: &str) -> Result<Vec<Self>, Refusal> {
        let count = asked.count(list);
        let member = |place| Self::read_one(asked, &format!("{list}.member.{place}"));
        let all: Vec<_> = (1..=count).map(member).collect::<Result<_, _>>()?;
        match all.iter().map(|one| one.values.len()).sum::<usize>() {
            0 => Err(invalid("A rule must have at least one condition")),
            1..=MOST_VALUES => Ok(all),
            _ => Err(invalid(&format!("A rule can have at most {MOST_VALUES} condition values"))),
        }
    }

    fn read_one(asked: &Asked, at: &str) -> Result<Self, Refusal> {
        let field = asked.required(&format!("{at}.Field"))?;
        let Some((_, config)) = FIELDS.iter().find(|(known, _)| *known == field) else {
            return Err(invalid(&format!("Condition field '{field}' is not simulated")));
        };
        let mut values = asked.list(&format!("{at}.Values"));
        if values.is_empty() {
            values = asked.list(&format!("{at}.{config}.Values"));
        }
        let values = values.into_iter().map(ToOwned::to_owned).collect();
        Ok(Self { field: field.to_owned(), values })
    }

    fn show(&self) -> Element {
        let values = || members("Values", self.values.iter().map(|value| leaf("member", value)));
        let config = FIELDS.iter().find(|(field, _)| *field == self.field);
        let config = config.map(|(_, name)| Element::new(*name).with([values()]));
        // Only the two oldest fields have their values beside the structure as well.
        let beside = FIELDS[..2].iter().any(|(field, _)| *field == self.field).then(values);
        Element::new("member").with([leaf("Field", &self.field)]).with(beside).with(config)
    }

    fn fits(&self, visit: &Visit<'_>) -> bool {
        self.values.iter().any(|value| match self.field.as_str() {
            "host-header" => matches(&value.to_lowercase(), &visit.host.to_lowercase()),
            "path-pattern" => matches(value, visit.path),
            "http-request-method" => value == "GET",
            _ => value == "0.0.0.0/0",
        })
    }
}

/// Whether a text fits a pattern, in which `*` stands for any letters and `?` for one.
fn matches(pattern: &str, text: &str) -> bool {
    let mut rest = text.chars();
    match pattern.chars().next() {
        None => text.is_empty(),
        Some('*') => {
            let after = &pattern[1..];
            text.char_indices().any(|(at, _)| matches(after, &text[at..])) || matches(after, "")
        }
        Some(letter) => {
            let is_one = rest.next().is_some_and(|met| letter == '?' || letter == met);
            is_one && matches(&pattern[letter.len_utf8()..], rest.as_str())
        }
    }
}

impl Rule {
    pub(super) fn fits(&self, visit: &Visit<'_>) -> bool {
        self.conditions.iter().all(|condition| condition.fits(visit))
    }

    fn show(&self) -> Element {
        Element::new("member").with([
            leaf("RuleArn", &self.arn),
            leaf("Priority", self.priority),
            members("Conditions", self.conditions.iter().map(Condition::show)),
            members("Actions", self.actions.iter().map(Action::show)),
            leaf("IsDefault", false),
        ])
    }
}

/// What a listener does when no rule fits, which is a rule as well.
fn default_arn(listener: &Listener) -> String {
    let id = digits(&format!("{} default", listener.arn), 16);
    format!("{}/{id}", listener.arn.replacen(":listener/", ":listener-rule/", 1))
}

fn show_default(listener: &Listener) -> Element {
    Element::new("member").with([
        leaf("RuleArn", default_arn(listener)),
        leaf("Priority", "default"),
        Element::new("Conditions"),
        members("Actions", listener.actions.iter().map(Action::show)),
        leaf("IsDefault", true),
    ])
}

pub(super) fn describe(elb: &Elb, asked: &Asked) -> Replied {
    let region = &asked.scope.region;
    let arns = asked.list("RuleArns");
    let mut shown = Vec::new();
    if let Some(arn) = asked.text("ListenerArn") {
        let listener = elb.listener(region, arn)?;
        shown.extend(elb.rules_of(&listener.arn).into_iter().map(Rule::show));
        shown.push(show_default(listener));
    } else if arns.is_empty() {
        return Err(invalid("You must specify either listener rule ARNs or a listener ARN"));
    }
    for arn in arns {
        let default = elb.listeners.iter().find(|one| default_arn(one) == arn);
        match (elb.rules.iter().find(|rule| rule.arn == arn), default) {
            (Some(rule), _) => shown.push(rule.show()),
            (None, Some(listener)) => shown.push(show_default(listener)),
            (None, None) => return Err(missing("RuleNotFound", "rules")),
        }
    }
    Ok(asked.result([members("Rules", shown)]))
}

pub(super) fn create(elb: &mut Elb, asked: &Asked) -> Replied {
    let listener = elb.listener(&asked.scope.region, asked.required("ListenerArn")?)?.arn.clone();
    asked.required("Priority")?;
    let priority = number(asked, "Priority", LAST_PRIORITY)?.unwrap_or_default();
    if priority == 0 {
        return Err(invalid("Priority must be between 1 and 50000"));
    }
    let conditions = Condition::read(asked, "Conditions")?;
    let actions = elb.actions(asked, "Actions")?;
    let others = elb.rules_of(&listener);
    if others.iter().any(|rule| rule.priority == priority) {
        let why = format!("Priority '{priority}' is currently in use");
        return Err(Refusal::new(400, "PriorityInUse", why));
    }
    if others.len() >= MOST_RULES {
        let why = "The maximum number of rules on this load balancer has been reached";
        return Err(Refusal::new(400, "TooManyRules", why));
    }
    elb.made += 1;
    let id = digits(&format!("{listener} rule {}", elb.made), 16);
    let arn = format!("{}/{id}", listener.replacen(":listener/", ":listener-rule/", 1));
    let rule = Rule { arn, listener, priority, conditions, actions };
    let shown = rule.show();
    elb.rules.push(rule);
    Ok(asked.result([members("Rules", [shown])]))
}

/// The place of a rule that may be changed: the default one is its listener's.
fn place(elb: &Elb, asked: &Asked) -> Result<usize, Refusal> {
    let arn = asked.required("RuleArn")?;
    if elb.listeners.iter().any(|listener| default_arn(listener) == arn) {
        let why = format!("Default rule '{arn}' cannot be deleted or modified");
        return Err(Refusal::new(400, "OperationNotPermitted", why));
    }
    let place = elb.rules.iter().position(|rule| rule.arn == arn);
    place.ok_or_else(|| missing("RuleNotFound", "rules"))
}

pub(super) fn modify(elb: &mut Elb, asked: &Asked) -> Replied {
    let place = place(elb, asked)?;
    let mut rule = elb.rules[place].clone();
    if asked.count("Conditions") > 0 {
        rule.conditions = Condition::read(asked, "Conditions")?;
    }
    if asked.count("Actions") > 0 {
        rule.actions = elb.actions(asked, "Actions")?;
    }
    let shown = rule.show();
    elb.rules[place] = rule;
    Ok(asked.result([members("Rules", [shown])]))
}

pub(super) fn delete(elb: &mut Elb, asked: &Asked) -> Replied {
    let place = place(elb, asked)?;
    elb.rules.remove(place);
    Ok(asked.result([]))
}
