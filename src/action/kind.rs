//! The catalogue: what is known of each action without asking any cloud.

use super::{Action, Clients, Params, Plane};
use crate::model::{Diagnostic, Node, Value, nearest};
use serde::{Deserialize, Serialize};
use std::{sync::Arc, time::Duration};

/// One row of the catalogue: data for validation, plan, help and preflight, and the one place where untyped becomes
/// typed.
pub struct Kind {
    pub name: &'static str,
    pub summary: &'static str,
    pub parameters: &'static [Parameter],
    /// Names that `${{ steps.ID.observed.NAME }}` may use.
    pub observed: &'static [&'static str],
    /// The planes that it cannot do without.
    pub planes: &'static [Plane],
    /// The vendor's names of the permissions that it needs.
    pub permissions: &'static [&'static str],
    pub effect: Effect,
    /// Whether its success proves that users are served. A recovery is expected to last until then.
    pub proves_service: bool,
    /// How long it typically takes.
    pub usual: Duration,
    /// How long after a change was accepted the world may still show the old state. Too small a value re-sends a
    /// failover, so each has its source beside it.
    pub shows_within: Duration,
    /// How long after a change was begun its mark, unmoved, still proves that nothing happened; `None` for ever.
    pub mark_valid_for: Option<Duration>,
    /// How long it may take when the runbook sets no `timeout`.
    pub deadline: Duration,
    /// Whether a preflight answer of "never" is expected to be cured by an action of this name that comes earlier.
    pub cured_by: &'static [&'static str],
    pub bind: Bind,
}

impl Kind {
    /// How long it takes with these parameters.
    pub fn times(&self, with: &Node) -> Times {
        let is_on = |parameter: &&Parameter| match with.get(parameter.name).map(|node| &node.value)
        {
            Some(Value::Bool(flag)) => *flag,
            Some(_) | None => parameter.default == Default::Flag(true),
        };
        let longer = self.parameters.iter().filter(is_on).find_map(|parameter| parameter.longer);
        longer.unwrap_or(Times { usual: self.usual, deadline: self.deadline })
    }
}

/// How long an action takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Times {
    /// Typically.
    pub usual: Duration,
    /// At most, when the runbook sets no `timeout`.
    pub deadline: Duration,
}

/// What an action can do to the world.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// Reads or waits only.
    Reads,
    Changes,
    /// Going back from it means a failback.
    CannotBeUndone,
}

/// Makes an action of its parameters and clients.
pub type Bind = fn(&Params<'_>, &Clients) -> Result<Arc<dyn Action>, Diagnostic>;

/// One parameter of an action's `with`.
#[derive(Debug, PartialEq)]
pub struct Parameter {
    pub name: &'static str,
    pub says: &'static str,
    pub shape: Shape,
    pub default: Default,
    /// What the action takes instead of its own times when this flag is on.
    pub longer: Option<Times>,
    /// What its product with another parameter may not exceed.
    pub within: Option<Within>,
    /// Whether it is the same for most actions of a family, so that a runbook says it once.
    pub is_shared: bool,
}

/// So many times a length of time must fit in another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Within {
    /// The parameter that holds the length.
    pub each: &'static str,
    pub most: Duration,
    /// What has no more time than that.
    pub what: &'static str,
}

impl Parameter {
    pub const fn required(name: &'static str, shape: Shape, says: &'static str) -> Self {
        Self {
            name,
            says,
            shape,
            default: Default::Required,
            longer: None,
            within: None,
            is_shared: false,
        }
    }

    pub const fn optional(name: &'static str, shape: Shape, says: &'static str) -> Self {
        Self { default: Default::Absent, ..Self::required(name, shape, says) }
    }

    #[must_use]
    pub const fn or(self, default: Default) -> Self {
        Self { default, ..self }
    }

    /// Says that most actions of the family have the same.
    #[must_use]
    pub const fn shared(self) -> Self {
        Self { is_shared: true, ..self }
    }

    /// Says that the action takes longer when this flag is on.
    #[must_use]
    pub const fn longer(self, usual: Duration, deadline: Duration) -> Self {
        Self { longer: Some(Times { usual, deadline }), ..self }
    }

    /// Says that so many times a length must fit in another one.
    #[must_use]
    pub const fn within(self, within: Within) -> Self {
        Self { within: Some(within), ..self }
    }
}

/// What holds when a runbook leaves a parameter out.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Default {
    /// It may not be left out.
    Required,
    /// Nothing.
    Absent,
    Text(&'static str),
    Int(i64),
    Flag(bool),
    /// The mode of the run.
    Mode,
    /// The name of the run's lock.
    Lock,
}

/// What a parameter's value must look like.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Shape {
    Text,
    Flag,
    Int {
        least: i64,
        most: i64,
    },
    Duration,
    /// The name of a secret: in a runbook `${{ secrets.NAME }}`.
    Secret,
    /// Names, and names of secrets: in a runbook `NAME: ${{ secrets.NAME }}`.
    Secrets,
    /// A program and its arguments. Only where the runbook allows commands.
    Program,
    /// A list of texts.
    Texts,
    /// The address of a page: http or https, without a user.
    Url,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// A list of whole numbers, in rising order.
    Ints {
        least: i64,
        most: i64,
    },
    /// Names and texts.
    Map,
    /// A map of names to maps, each with these members.
    Maps(&'static [Parameter]),
    /// A file beside the runbook, at most this large; the plan holds its text.
    File {
        most_bytes: u64,
    },
    /// One of the runbook's regions.
    Region,
    /// A cloud resource: a name, or a map with what its vendor needs to find it.
    Resource {
        kind: &'static str,
        placed: Placed,
        /// Whether the action makes it, so that it need not be there before.
        made: bool,
    },
    /// A part of the resource that another parameter names.
    Part {
        of: &'static str,
        kind: &'static str,
        placed: Placed,
    },
}

/// Whether a resource is in one region or in none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Placed {
    InARegion,
    /// In the region that the parameter `region` of the same step names.
    ByParameter,
    Globally,
}

/// Every action that this program knows.
#[derive(Clone, Copy)]
pub struct Catalogue(pub &'static [&'static Kind]);

impl Catalogue {
    pub fn get(&self, name: &str) -> Option<&'static Kind> {
        self.0.iter().copied().find(|kind| kind.name == name)
    }

    pub fn nearest(&self, name: &str) -> Option<&'static str> {
        nearest(name, self.0.iter().map(|kind| kind.name))
    }

    pub fn iter(&self) -> impl Iterator<Item = &'static Kind> + use<> {
        self.0.iter().copied()
    }
}
