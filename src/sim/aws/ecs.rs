//! Elastic Container Service: services, their tasks and their deployments.
//!
//! Source: Amazon ECS API reference 2014-11-13. A changed count begins no deployment ("This parameter doesn't trigger a
//! new service deployment"): the one that is there stays completed while its tasks are still starting.

use super::{
    arn::Arn,
    asked::{Asked, answer_json},
};
use crate::sim::{
    call::{Refusal, Replied, Reply},
    cloud::Cloud,
    crew::Crew,
    seed::Seed,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::time::Duration;

pub(super) const KIND: &str = "AWS::ECS::Service";
/// How long a deployment takes, and how long it takes until the circuit breaker gives one up.
const DEPLOYS: Duration = Duration::from_mins(2);
const GIVEN_UP: Duration = Duration::from_mins(3);
/// How many failed tasks the circuit breaker bears at least.
const BEARS: u64 = 3;
/// The most services that one request may name.
const MOST: usize = 10;

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Service {
    pub region: String,
    cluster: String,
    name: String,
    is_active: bool,
    pub desired: u64,
    /// When the count was changed last.
    pub changed: Timestamp,
    pub crew: Crew,
    created: Timestamp,
    /// The newest first.
    deployments: Vec<Deployment>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Deployment {
    number: u64,
    revision: u64,
    began: Timestamp,
    ends: Timestamp,
    rollout: Rollout,
    /// What the circuit breaker does when its tasks do not start; none when they do.
    breaker: Option<Breaker>,
    reason: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum Rollout {
    InProgress,
    Completed,
    Failed,
}

/// What the circuit breaker of a service does about a deployment that fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Breaker {
    RollsBack,
    Stops,
}

impl Deployment {
    fn id(&self) -> String {
        format!("ecs-svc/{:019}", self.number)
    }

    fn failed_tasks(&self, now: Timestamp) -> u64 {
        let each = GIVEN_UP.as_secs() / BEARS;
        let seconds = now.duration_since(self.began).as_secs().unsigned_abs();
        self.breaker.map_or(0, |_| (seconds / each).min(BEARS))
    }
}

impl Service {
    /// As Application Auto Scaling names it.
    pub(super) fn path(&self) -> String {
        format!("service/{}/{}", self.cluster, self.name)
    }

    fn is_called(&self, region: &str, cluster: &str, name: &str) -> bool {
        self.region == region && self.cluster == cluster && self.name == name
    }

    pub(super) fn set_desired(&mut self, desired: u64, now: Timestamp) {
        if self.desired != desired {
            self.changed = now;
        }
        self.desired = desired;
        self.staff(now);
    }

    /// Lets tasks start and stop. New ones are the newest deployment's: if it is one that fails, none starts.
    fn staff(&mut self, now: Timestamp) {
        let fails = self.deployments.first().is_some_and(|newest| newest.breaker.is_some());
        let size = if fails { self.desired.min(self.crew.size()) } else { self.desired };
        self.crew.resize(size, now);
    }

    fn deploy(&mut self, deployment: Deployment, now: Timestamp) {
        self.deployments.insert(0, deployment);
        self.staff(now);
    }

    fn begin(&self, breaker: Option<Breaker>, now: Timestamp) -> Deployment {
        let newest = self.deployments.first();
        let takes = if breaker.is_some() { GIVEN_UP } else { DEPLOYS };
        let number = newest.map_or(1, |newest| newest.number + 1);
        let deployment = Deployment {
            number,
            revision: newest.map_or(1, |newest| newest.revision + 1),
            began: now,
            ends: now + takes,
            rollout: Rollout::InProgress,
            breaker,
            reason: String::new(),
        };
        let reason = format!("ECS deployment {} in progress.", deployment.id());
        Deployment { reason, ..deployment }
    }

    /// The next instant at which it looks different.
    pub(super) fn due(&self, now: Timestamp) -> Option<Timestamp> {
        [self.rolled_out(), self.crew.due(now)].into_iter().flatten().min()
    }

    fn rolled_out(&self) -> Option<Timestamp> {
        let newest = self.deployments.first()?;
        (newest.rollout == Rollout::InProgress).then_some(newest.ends)
    }

    pub(super) fn pass(&mut self, now: Timestamp) {
        if self.rolled_out().is_none_or(|due| due > now) {
            return;
        }
        let Some(newest) = self.deployments.first_mut() else { return };
        match newest.breaker {
            None => {
                newest.rollout = Rollout::Completed;
                newest.reason = format!("ECS deployment {} completed.", newest.id());
                self.deployments.truncate(1);
            }
            Some(breaker) => {
                newest.rollout = Rollout::Failed;
                "ECS deployment circuit breaker: tasks failed to start."
                    .clone_into(&mut newest.reason);
                if breaker == Breaker::RollsBack {
                    self.roll_back(now);
                }
            }
        }
    }

    fn roll_back(&mut self, now: Timestamp) {
        let Some(good) = self.deployments.pop() else { return };
        let reason =
            format!("ECS deployment circuit breaker: rolling back to deploymentId {}.", good.id());
        let back = Deployment { revision: good.revision, reason, ..self.begin(None, now) };
        self.deploy(back, now);
    }

    fn arn(&self, account: &str) -> String {
        format!("arn:aws:ecs:{}:{account}:{}", self.region, self.path())
    }

    fn show(&self, account: &str, now: Timestamp) -> Value {
        // The tasks are the last good deployment's until the newest has taken over.
        let owner = self.deployments.iter().rposition(|one| one.rollout != Rollout::Failed);
        let shown = self.deployments.iter().enumerate().map(|(place, one)| {
            let owns = Some(place) == owner;
            let fails = one.rollout == Rollout::InProgress && one.breaker.is_some();
            json!({
                "id": one.id(),
                "status": if place == 0 { "PRIMARY" } else { "ACTIVE" },
                "taskDefinition": self.task_definition(account, one.revision),
                "desiredCount": if place == 0 { self.desired } else { 0 },
                "pendingCount": if owns { self.crew.pending(now) } else { u64::from(fails) },
                "runningCount": if owns { self.crew.running(now) } else { 0 },
                "failedTasks": one.failed_tasks(now),
                "createdAt": one.began.as_second(),
                "updatedAt": one.began.max(self.changed).as_second(),
                "launchType": "FARGATE",
                "rolloutState": one.rollout,
                "rolloutStateReason": one.reason,
            })
        });
        let revision = self.deployments.first().map_or(1, |newest| newest.revision);
        json!({
            "serviceArn": self.arn(account),
            "serviceName": self.name,
            "clusterArn": cluster_arn(&self.region, account, &self.cluster),
            "status": if self.is_active { "ACTIVE" } else { "INACTIVE" },
            "desiredCount": self.desired,
            "runningCount": self.crew.running(now),
            "pendingCount": self.crew.pending(now),
            "launchType": "FARGATE",
            "taskDefinition": self.task_definition(account, revision),
            "deploymentConfiguration": {
                "deploymentCircuitBreaker": { "enable": true, "rollback": true },
                "maximumPercent": 200,
                "minimumHealthyPercent": 100,
            },
            "deployments": shown.collect::<Vec<_>>(),
            "events": [],
            "createdAt": self.created.as_second(),
            "schedulingStrategy": "REPLICA",
            "deploymentController": { "type": "ECS" },
        })
    }

    fn task_definition(&self, account: &str, revision: u64) -> String {
        let Self { region, name, .. } = self;
        format!("arn:aws:ecs:{region}:{account}:task-definition/{name}:{revision}")
    }
}

fn cluster_arn(region: &str, account: &str, cluster: &str) -> String {
    format!("arn:aws:ecs:{region}:{account}:cluster/{cluster}")
}

pub(super) fn answer(cloud: &mut Cloud, asked: &Asked) -> Replied {
    match asked.operation.as_str() {
        "DescribeServices" => describe_services(cloud, asked),
        "DescribeClusters" => Ok(describe_clusters(cloud, asked)),
        "UpdateService" => update_service(cloud, asked),
        _ => Err(asked.no_such_operation()),
    }
}

/// The last part of a name, which may be given as an ARN.
fn short(name: &str) -> &str {
    Arn::read(name).map_or(name, |arn| arn.resource.rsplit('/').next().unwrap_or_default())
}

/// The cluster that is asked about, which must be there.
fn cluster<'a>(cloud: &Cloud, asked: &'a Asked) -> Result<&'a str, Refusal> {
    let name = short(asked.body["cluster"].as_str().unwrap_or("default"));
    let region = &asked.scope.region;
    let is_it = |one: &Service| one.region == *region && one.cluster == name;
    if cloud.aws.services.iter().any(is_it) {
        return Ok(name);
    }
    Err(Refusal::new(400, "ClusterNotFoundException", "Cluster not found."))
}

fn texts<'a>(list: &'a Value, default: Option<&'a str>) -> Vec<&'a str> {
    match list.as_array() {
        Some(all) => all.iter().filter_map(Value::as_str).collect(),
        None => default.into_iter().collect(),
    }
}

fn describe_services(cloud: &Cloud, asked: &Asked) -> Replied {
    let names = texts(&asked.body["services"], None);
    if names.is_empty() || names.len() > MOST {
        let why = if names.is_empty() { "cannot be empty" } else { "can hold at most 10" };
        return Err(invalid(format!("Services {why}.")));
    }
    let cluster = cluster(cloud, asked)?;
    let (region, account) = (&asked.scope.region, &cloud.aws.account);
    let (mut found, mut failures) = (Vec::new(), Vec::new());
    for name in names.into_iter().map(short) {
        let mut all = cloud.aws.services.iter();
        match all.find(|one| one.is_called(region, cluster, name)) {
            Some(service) => found.push(service.show(account, cloud.now)),
            None => failures.push(json!({
                "arn": format!("arn:aws:ecs:{region}:{account}:service/{cluster}/{name}"),
                "reason": "MISSING",
            })),
        }
    }
    Ok(answer_json(asked, &json!({ "services": found, "failures": failures })))
}

fn describe_clusters(cloud: &Cloud, asked: &Asked) -> Reply {
    let (region, account, now) = (&asked.scope.region, &cloud.aws.account, cloud.now);
    let (mut found, mut failures) = (Vec::new(), Vec::new());
    for name in texts(&asked.body["clusters"], Some("default")).into_iter().map(short) {
        let is_in = |one: &&Service| one.region == *region && one.cluster == name;
        let services: Vec<_> = cloud.aws.services.iter().filter(is_in).collect();
        let arn = cluster_arn(region, account, name);
        if services.is_empty() {
            failures.push(json!({ "arn": arn, "reason": "MISSING" }));
            continue;
        }
        found.push(json!({
            "clusterArn": arn,
            "clusterName": name,
            "status": "ACTIVE",
            "registeredContainerInstancesCount": 0,
            "runningTasksCount": services.iter().map(|one| one.crew.running(now)).sum::<u64>(),
            "pendingTasksCount": services.iter().map(|one| one.crew.pending(now)).sum::<u64>(),
            "activeServicesCount": services.iter().filter(|one| one.is_active).count(),
        }));
    }
    answer_json(asked, &json!({ "clusters": found, "failures": failures }))
}

fn update_service(cloud: &mut Cloud, asked: &Asked) -> Replied {
    let cluster = cluster(cloud, asked)?;
    let name = short(asked.body["service"].as_str().unwrap_or_default());
    let (region, now) = (&asked.scope.region, cloud.now);
    let mut all = cloud.aws.services.iter_mut();
    let service = all.find(|one| one.is_called(region, cluster, name));
    let service = service
        .ok_or_else(|| Refusal::new(400, "ServiceNotFoundException", "Service not found."))?;
    if !service.is_active {
        return Err(Refusal::new(400, "ServiceNotActiveException", "Service was not ACTIVE."));
    }
    let count = &asked.body["desiredCount"];
    if !count.is_null() {
        let count = count.as_u64();
        let count = count.ok_or_else(|| invalid("desiredCount must be 0 or more.".to_owned()))?;
        service.set_desired(count, now);
    }
    let is_new = |name: &str| !asked.body[name].is_null();
    if asked.body["forceNewDeployment"] == true || is_new("taskDefinition") {
        service.deploy(service.begin(None, now), now);
    }
    let shown = service.show(&cloud.aws.account, now);
    Ok(answer_json(asked, &json!({ "service": shown })))
}

fn invalid(why: String) -> Refusal {
    Refusal::new(400, "InvalidParameterException", why)
}

impl Cloud {
    /// A revision whose tasks do not start was deployed just now. The service is named `CLUSTER/SERVICE`.
    pub fn let_deployment_fail(&mut self, region: &str, service: &str, breaker: Breaker) {
        let now = self.now;
        if let Some(service) = self.service_mut(region, service) {
            service.deploy(service.begin(Some(breaker), now), now);
        }
    }

    /// Deletes a service: ECS still shows it for a while, as inactive.
    pub fn delete_service(&mut self, region: &str, service: &str) {
        let now = self.now;
        if let Some(service) = self.service_mut(region, service) {
            service.set_desired(0, now);
            service.is_active = false;
        }
    }

    fn service_mut(&mut self, region: &str, service: &str) -> Option<&mut Service> {
        let path = format!("service/{service}");
        self.aws.services.iter_mut().find(|one| one.region == region && one.path() == path)
    }
}

/// As many tasks as the plan wants in the active region, and one on standby.
pub(super) fn seed(cloud: &mut Cloud, seed: &Seed<'_>) {
    let wanted = seed.largest(KIND, "count").unwrap_or(2);
    for resource in seed.of_kind(KIND) {
        let name = short_path(&resource.name);
        let (cluster, name) = name.split_once('/').unwrap_or(("default", name));
        let region = seed.region_of(resource);
        if cloud.aws.services.iter().any(|one| one.is_called(&region, cluster, name)) {
            continue;
        }
        let count = if region == seed.standby { 1 } else { wanted };
        let long_ago = cloud.now - Duration::from_hours(24);
        let crew = Crew::standing(&format!("{region} {cluster}/{name}"), count, long_ago);
        let mut service = Service {
            region,
            cluster: cluster.to_owned(),
            name: name.to_owned(),
            is_active: true,
            desired: count,
            changed: long_ago,
            crew,
            created: long_ago,
            deployments: Vec::new(),
        };
        let first = service.begin(None, long_ago);
        service.deploy(first, long_ago);
        service.pass(cloud.now);
        cloud.aws.services.push(service);
    }
}

/// `CLUSTER/SERVICE`, which may be the end of an ARN.
fn short_path(name: &str) -> &str {
    Arn::read(name).map_or(name, |arn| arn.resource.trim_start_matches("service/"))
}
