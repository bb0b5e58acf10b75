//! A catalogue for tests: the parameters of the actions, and nothing behind them.

use crate::action::{
    Action, Catalogue, Clients, Default, Effect, Kind, Parameter, Params, Placed, Shape,
};
use crate::model::Diagnostic;
use std::{sync::Arc, time::Duration};

const SITE: &str = "Microsoft.Web/sites";
const PLAN: &str = "Microsoft.Web/serverfarms";
const PROFILE: &str = "Microsoft.Network/trafficManagerProfiles";
const ENDPOINT: &str = "Microsoft.Network/trafficManagerProfiles/azureEndpoints";
const ACCOUNT: &str = "Microsoft.Storage/storageAccounts";
const SERVER: &str = "Microsoft.DBforPostgreSQL/flexibleServers";

/// All actions that the runbooks of this repository use.
pub(crate) const CATALOGUE: Catalogue = Catalogue(&[
    &MAINTENANCE_PAGE,
    &REMOVE,
    &START,
    &STOP,
    &SETTINGS,
    &POINT,
    &SHIFT,
    &FAIL_OVER,
    &REDUNDANCY,
    &FENCE,
    &PROMOTE,
    &REPLICA,
    &CHECK,
    &MANUAL,
    &WAIT,
]);

fn bind(_: &Params<'_>, _: &Clients) -> Result<Arc<dyn Action>, Diagnostic> {
    Err(Diagnostic::whole_file("a sample is not carried out"))
}

const fn resource(kind: &'static str, placed: Placed, made: bool) -> Shape {
    Shape::Resource { kind, placed, made }
}

const fn endpoint() -> Shape {
    Shape::Part { of: "profile", kind: ENDPOINT, placed: Placed::InARegion }
}

const fn required(name: &'static str, shape: Shape) -> Parameter {
    Parameter::required(name, shape, "as its name says")
}

const fn optional(name: &'static str, shape: Shape) -> Parameter {
    Parameter::optional(name, shape, "as its name says")
}

const fn kind(
    name: &'static str,
    parameters: &'static [Parameter],
    observed: &'static [&'static str],
    (usual, deadline): (u64, u64),
) -> Kind {
    Kind {
        name,
        summary: "a sample",
        parameters,
        observed,
        planes: &[],
        permissions: &[],
        effect: Effect::Changes,
        mark_valid_for: None,
        usual: Duration::from_secs(usual),
        shows_within: Duration::from_mins(1),
        deadline: Duration::from_mins(deadline),
        cured_by: &[],
        bind,
    }
}

const fn reads(
    name: &'static str,
    parameters: &'static [Parameter],
    observed: &'static [&'static str],
    times: (u64, u64),
) -> Kind {
    Kind { effect: Effect::Reads, ..kind(name, parameters, observed, times) }
}

const APP: Parameter = required("app", resource(SITE, Placed::InARegion, false));
const ON_OFF: Shape = Shape::Choice(&["enabled", "disabled"]);
const MODE: Parameter =
    optional("mode", Shape::Choice(&["planned", "unplanned"])).or(Default::Mode);

static MAINTENANCE_PAGE: Kind = kind(
    "azure.app_service.maintenance_page",
    &[
        required("app", resource(SITE, Placed::ByParameter, true)),
        required("plan", resource(PLAN, Placed::ByParameter, true)),
        required("region", Shape::Text),
        required("page", Shape::File { most_bytes: 1_000_000 }),
        optional("tag", Shape::Text).or(Default::Lock),
        optional("sku", Shape::Text).or(Default::Text("S1")),
    ],
    &["state", "host"],
    (60, 10),
);
static REMOVE: Kind = kind(
    "azure.app_service.remove",
    &[
        required("app", resource(SITE, Placed::ByParameter, true)),
        required("plan", resource(PLAN, Placed::ByParameter, true)),
        required("region", Shape::Text),
        required("profile", resource(PROFILE, Placed::Globally, false)),
        optional("tag", Shape::Text).or(Default::Lock),
    ],
    &["state", "host"],
    (30, 5),
);
static START: Kind = kind("azure.app_service.start", &[APP], &["state", "host"], (20, 5));
static STOP: Kind = kind("azure.app_service.stop", &[APP], &["state", "host"], (20, 5));
static SETTINGS: Kind = kind(
    "azure.app_service.settings",
    &[APP, optional("settings", Shape::Map), optional("connection_strings", Shape::Maps)],
    &["state", "host"],
    (5, 5),
);
static POINT: Kind = kind(
    "azure.traffic_manager.endpoint",
    &[
        required("profile", resource(PROFILE, Placed::Globally, false)),
        required("endpoint", endpoint()),
        optional("target", resource(SITE, Placed::InARegion, false)),
        optional("external", Shape::Text),
        optional("status", ON_OFF),
        optional("priority", Shape::Int { least: 1, most: 1000 }),
        optional("weight", Shape::Int { least: 1, most: 1000 }),
        optional("always_serve", ON_OFF),
    ],
    &["target", "status", "monitor", "weight", "ttl"],
    (65, 10),
);
static SHIFT: Kind = kind(
    "azure.traffic_manager.shift",
    &[
        required("profile", resource(PROFILE, Placed::Globally, false)),
        required("endpoint", endpoint()),
        required("from", endpoint()),
        optional("stages", Shape::Ints { least: 1, most: 100 }),
        optional("stay", Shape::Duration),
    ],
    &["target", "status", "monitor", "weight", "ttl"],
    (540, 30),
);
static FAIL_OVER: Kind = Kind {
    effect: Effect::CannotBeUndone,
    ..kind(
        "azure.storage.failover",
        &[
            required("account", resource(ACCOUNT, Placed::Globally, false)),
            required("to", Shape::Region),
            MODE,
        ],
        &["primary", "secondary", "sku", "replication", "last_sync_time", "data_loss"],
        (3600, 240),
    )
};
static REDUNDANCY: Kind = kind(
    "azure.storage.redundancy",
    &[
        required("account", resource(ACCOUNT, Placed::Globally, false)),
        required("sku", Shape::Choice(&["Standard_GRS", "Standard_RAGRS"])),
        optional("wait_until_live", Shape::Flag).or(Default::Flag(false)),
    ],
    &[],
    (10, 30),
);
static FENCE: Kind = kind(
    "azure.postgres.fence",
    &[
        required("server", resource(SERVER, Placed::InARegion, false)),
        required("fenced", Shape::Flag),
        optional("close_network", Shape::Flag).or(Default::Flag(false)),
    ],
    &[],
    (120, 10),
);
static PROMOTE: Kind = Kind {
    effect: Effect::CannotBeUndone,
    ..kind(
        "azure.postgres.promote",
        &[
            required("server", resource(SERVER, Placed::InARegion, false)),
            required("from", resource(SERVER, Placed::InARegion, false)),
            optional("style", Shape::Choice(&["switchover", "standalone"]))
                .or(Default::Text("switchover")),
            MODE,
        ],
        &["role", "from_role", "replication", "lag_bytes", "lag_seconds", "data_loss"],
        (360, 60),
    )
};
static REPLICA: Kind = kind(
    "azure.postgres.replica",
    &[
        required("server", resource(SERVER, Placed::InARegion, false)),
        required("source", resource(SERVER, Placed::InARegion, false)),
    ],
    &[],
    (1800, 360),
);
static CHECK: Kind = reads(
    "http.check",
    &[
        required("url", Shape::Text),
        optional("status", Shape::Int { least: 100, most: 599 }).or(Default::Int(200)),
        optional("contains", Shape::Text),
        optional("region", Shape::Text),
        optional("answers", Shape::Int { least: 1, most: 100 }).or(Default::Int(3)),
        optional("every", Shape::Duration).or(Default::Text("5s")),
    ],
    &["status", "region", "good"],
    (15, 10),
);
static MANUAL: Kind = kind("manual", &[required("instructions", Shape::Text)], &[], (0, 60));
static WAIT: Kind = reads("wait", &[required("for", Shape::Duration)], &[], (0, 60));
