//! The keys of the language, in one place: the parser knows these and no others, and the schema tells editors of them.

/// One key of a map.
pub(super) struct Entry {
    pub(super) name: &'static str,
    pub(super) says: &'static str,
    pub(super) form: Form,
}

/// What stands under a key.
pub(super) enum Form {
    /// The version of the language.
    Version,
    Text,
    Id,
    Flag,
    Length,
    Mode,
    Side,
    Credential,
    OnFailure,
    Action,
    /// The parameters of the step's action.
    With,
    Ids,
    Condition,
    Address,
    /// Names and values of any kind.
    Any,
    /// Two rows or more, each of them names and values of any kind.
    Regions,
    Modes,
    /// Names, and maps of values of any kind.
    Rows,
    /// A map of names to maps with one of these keys.
    NamedOne(&'static [Entry]),
    /// A list of texts.
    Texts,
    /// A map with one of these keys.
    One(&'static [Entry]),
    /// A map with these keys.
    Map(&'static [Entry]),
    /// A map of names to maps with these keys.
    Named(&'static [Entry]),
    Steps,
    /// The steps of a group.
    Children,
}

const fn entry(name: &'static str, form: Form, says: &'static str) -> Entry {
    Entry { name, says, form }
}

/// The names of these keys.
pub(super) fn names(entries: &'static [Entry]) -> Vec<&'static str> {
    entries.iter().map(|entry| entry.name).collect()
}

pub(super) static TOP: [Entry; 21] = [
    entry("failover", Form::Version, "The version of the language"),
    entry("runbook", Form::Text, "Its name"),
    entry("summary", Form::Text, "What it is for, in one line"),
    entry("default", Form::Flag, "Whether `execute` picks it among several that know the regions"),
    entry("default_mode", Form::Mode, "What `execute` assumes without --mode"),
    entry("afterwards", Form::Text, "The runbook to run once the region is back that was left"),
    entry("serving", Form::Side, "Who must serve when it starts"),
    entry("lock", Form::Text, "Runs of all runbooks that name it exclude each other"),
    entry("objectives", Form::Map(&OBJECTIVES), "What was promised"),
    entry("azure", Form::Map(&AZURE), "Where Azure resources are, and how to sign in"),
    entry("aws", Form::Map(&AWS), "Whose AWS resources are meant"),
    entry("defaults", Form::Rows, "Parameters that all actions of a family share, by family"),
    entry("secrets", Form::NamedOne(&SECRET), "Where the secrets are kept that steps use"),
    entry("allow_commands", Form::Flag, "Whether its steps may run programs"),
    entry("regions", Form::Regions, "What differs by region; a run picks two of them"),
    entry("modes", Form::Modes, "What differs by mode"),
    entry("vars", Form::Any, "Values to refer to; those without a value must be given"),
    entry("vars_from", Form::One(&VARS_FROM), "Whose outputs are variables too"),
    entry("watch", Form::Named(&WATCH), "Addresses to ask through the whole run: what users saw"),
    entry("steps", Form::Steps, "Each waits for the one above it, unless it says what it needs"),
    entry("finally", Form::Steps, "Steps that run at the end, after success and after an abort"),
];

pub(super) static OBJECTIVES: [Entry; 2] = [
    entry("rto", Form::Length, "How long users may be without the service"),
    entry("rpo", Form::Length, "How much of the latest data may be lost"),
];

pub(super) static AZURE: [Entry; 3] = [
    entry("subscription", Form::Text, "Of all resources that do not say it themselves"),
    entry("resource_group", Form::Text, "Of all resources that do not say it themselves"),
    entry("credential", Form::Credential, "How to sign in"),
];

pub(super) static AWS: [Entry; 1] =
    [entry("account", Form::Text, "The account that all resources are in, and no other")];

pub(super) static SECRET: [Entry; 3] = [
    entry("env", Form::Text, "The environment variable that holds it"),
    entry("file", Form::Text, "The file that holds it, beside the runbook"),
    entry("command", Form::Texts, "The program that prints it, and its arguments"),
];

pub(super) static VARS_FROM: [Entry; 2] = [
    entry("terraform", Form::Text, "The folder of a root module, beside the runbook"),
    entry("opentofu", Form::Text, "The folder of a root module, beside the runbook"),
];

pub(super) static WATCH: [Entry; 3] = [
    entry("url", Form::Address, "The address"),
    entry("every", Form::Length, "The time between two questions"),
    entry("contains", Form::Text, "A text that a good answer's body holds"),
];

/// Of a step with an action.
pub(super) static STEP: [Entry; 10] = [
    entry("id", Form::Id, "Its name, for `needs`, references and the journal"),
    entry("title", Form::Text, "What people read"),
    entry("action", Form::Action, "What should be true"),
    entry("with", Form::With, "Of what it should be true"),
    entry("needs", Form::Ids, "The steps that must be done first; the one above without it"),
    entry("when", Form::Condition, "Whether it is part of the plan"),
    entry("confirm", Form::Text, "The question to ask before its first change"),
    entry("timeout", Form::Length, "How long an attempt may go without getting on"),
    entry("on_failure", Form::OnFailure, "What becomes of the run when it fails"),
    entry("waive", Form::Text, "Why it can be done without the region that is presumed lost"),
];

pub(super) static PARALLEL: Entry =
    entry("parallel", Form::Children, "Steps that run at the same time");

/// What the steps of a group have and the group has not.
pub(super) const NOT_OF_A_GROUP: [&str; 5] = ["action", "with", "timeout", "on_failure", "waive"];

/// What a step has that stands in no group.
pub(super) const NOT_IN_A_GROUP: &str = "needs";

/// What a map must have.
pub(super) const REQUIRED: [&str; 8] =
    ["failover", "runbook", "regions", "steps", "id", "action", "parallel", "url"];
