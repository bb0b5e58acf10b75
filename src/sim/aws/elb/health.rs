//! Target groups, what is in them, and how a load balancer finds it.
//!
//! Sources: `DescribeTargetHealth`, Elastic Load Balancing API reference 2015-12-01; "Health checks for Application Load
//! Balancer target groups".

use super::Elb;
use crate::{
    sim::{
        aws::{
            Aws,
            asked::{Asked, leaf, members},
            autoscaling::Group as ScalingGroup,
            ecs::Service,
        },
        call::Replied,
        cloud::Cloud,
        crew::{Crew, SEEN_WELL, Worker},
    },
    wire::Element,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

const PORT: u64 = 8080;

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Group {
    pub arn: String,
    pub region: String,
    pub name: String,
    pub targets: Targets,
    /// Since when a listener or a rule sends to it; nobody looks at its targets before.
    pub used_since: Option<Timestamp>,
    /// Whether its targets answer their checks as they must not.
    pub is_ill: bool,
}

/// What a group holds.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Targets {
    /// The tasks of an ECS service, by its path.
    Tasks(String),
    /// The instances of an Auto Scaling group, by its name.
    Instances(String),
    /// Machines that are always there.
    Standing(Crew),
}

/// How a target stands, in the API's words.
struct Health {
    state: &'static str,
    why: Option<(&'static str, &'static str)>,
}

const fn health(state: &'static str, reason: &'static str, words: &'static str) -> Health {
    Health { state, why: Some((reason, words)) }
}

const HEALTHY: Health = Health { state: "healthy", why: None };
const UNUSED: Health = health(
    "unused",
    "Target.NotInUse",
    "Target group is not configured to receive traffic from the load balancer",
);
const LEAVING: Health =
    health("draining", "Target.DeregistrationInProgress", "Target deregistration is in progress");
const NEW: Health =
    health("initial", "Elb.InitialHealthChecking", "Initial health checks in progress");
const SILENT: Health = health("unhealthy", "Target.Timeout", "Request timed out");
const ILL: Health = health(
    "unhealthy",
    "Target.ResponseCodeMismatch",
    "Health checks failed with these codes: [500]",
);

impl Group {
    fn crew<'a>(&'a self, aws: &'a Aws) -> Option<&'a Crew> {
        match &self.targets {
            Targets::Standing(crew) => Some(crew),
            Targets::Instances(name) => {
                let is_it = |one: &&ScalingGroup| one.region == self.region && one.name == *name;
                aws.scaling_groups.iter().find(is_it).map(|group| &group.crew)
            }
            Targets::Tasks(path) => {
                let is_it = |one: &&Service| one.region == self.region && one.path() == *path;
                aws.services.iter().find(is_it).map(|service| &service.crew)
            }
        }
    }

    /// What is registered: tasks and instances are from when they are up.
    fn registered<'a>(&'a self, cloud: &'a Cloud) -> impl Iterator<Item = &'a Worker> {
        let now = cloud.now;
        let crew = self.crew(&cloud.aws).into_iter();
        crew.flat_map(move |crew| crew.present(now)).filter(move |worker| worker.is_up(now))
    }

    fn find(&self, cloud: &Cloud, worker: &Worker) -> Health {
        let Some(used_since) = self.used_since else { return UNUSED };
        if worker.is_leaving() {
            return LEAVING;
        }
        if cloud.is_dark(&self.region) {
            return SILENT;
        }
        match (self.is_ill, cloud.now < worker.up_from.max(used_since) + SEEN_WELL) {
            (true, _) => ILL,
            (false, true) => NEW,
            (false, false) => HEALTHY,
        }
    }

    /// Whether a load balancer has somebody here to send a request to.
    pub(super) fn serves(&self, cloud: &Cloud) -> bool {
        self.registered(cloud).any(|worker| self.find(cloud, worker).state == HEALTHY.state)
    }

    fn target_id(&self, worker: &Worker) -> String {
        match self.targets {
            Targets::Tasks(_) => format!("10.0.{}.{}", worker.number % 3, 10 + worker.number % 240),
            Targets::Instances(_) | Targets::Standing(_) => format!("i-{}", worker.id),
        }
    }

    fn show(&self, elb: &Elb) -> Element {
        let kind = if matches!(self.targets, Targets::Tasks(_)) { "ip" } else { "instance" };
        let balancers = elb.balancers_of(&self.arn).into_iter().map(|arn| leaf("member", arn));
        Element::new("member").with([
            leaf("TargetGroupArn", &self.arn),
            leaf("TargetGroupName", &self.name),
            leaf("Protocol", "HTTP"),
            leaf("Port", PORT),
            leaf("VpcId", "vpc-0simulated"),
            leaf("HealthCheckProtocol", "HTTP"),
            leaf("HealthCheckPort", "traffic-port"),
            leaf("HealthCheckEnabled", true),
            leaf("HealthCheckIntervalSeconds", 15),
            leaf("HealthCheckTimeoutSeconds", 5),
            leaf("HealthyThresholdCount", 2),
            leaf("UnhealthyThresholdCount", 2),
            leaf("HealthCheckPath", "/health"),
            Element::new("Matcher").with([leaf("HttpCode", 200)]),
            members("LoadBalancerArns", balancers),
            leaf("TargetType", kind),
            leaf("ProtocolVersion", "HTTP1"),
            leaf("IpAddressType", "ipv4"),
        ])
    }
}

pub(super) fn describe_groups(elb: &Elb, asked: &Asked) -> Replied {
    let region = &asked.scope.region;
    let (arns, names) = (asked.list("TargetGroupArns"), asked.list("Names"));
    let balancer = asked.text("LoadBalancerArn");
    if let Some(arn) = balancer {
        elb.balancer(region, arn)?;
    }
    for arn in &arns {
        elb.group(region, arn)?;
    }
    let here = || elb.groups.iter().filter(|group| group.region == *region);
    if !names.iter().all(|name| here().any(|group| group.name == *name)) {
        return Err(super::missing("TargetGroupNotFound", "target groups"));
    }
    let is_asked = |group: &&Group| {
        (arns.is_empty() || arns.contains(&group.arn.as_str()))
            && (names.is_empty() || names.contains(&group.name.as_str()))
            && balancer.is_none_or(|arn| elb.balancers_of(&group.arn).contains(&arn))
    };
    let shown = here().filter(is_asked).map(|group| group.show(elb));
    Ok(asked.result([members("TargetGroups", shown)]))
}

pub(super) fn describe_health(cloud: &Cloud, asked: &Asked) -> Replied {
    let elb = &cloud.aws.elb;
    let group = elb.group(&asked.scope.region, asked.required("TargetGroupArn")?)?;
    let shown = group.registered(cloud).map(|worker| {
        let Health { state, why } = group.find(cloud, worker);
        let target = Element::new("Target").with([
            leaf("Id", group.target_id(worker)),
            leaf("Port", PORT),
            leaf("AvailabilityZone", worker.zone(&group.region)),
        ]);
        let why = why.into_iter();
        let why =
            why.flat_map(|(reason, words)| [leaf("Reason", reason), leaf("Description", words)]);
        let health = Element::new("TargetHealth").with([leaf("State", state)]).with(why);
        Element::new("member").with([target, leaf("HealthCheckPort", PORT), health])
    });
    Ok(asked.result([members("TargetHealthDescriptions", shown)]))
}
