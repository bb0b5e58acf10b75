//! The services of AWS: where each one is, and under which names it is signed and set.

/// One service.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Service {
    /// In the scope of a signature.
    pub signing: &'static str,
    /// In `AWS_ENDPOINT_URL_…` (AWS SDKs reference, "Service-specific endpoints").
    pub setting: &'static str,
    pub host: Host,
    /// The version of its interface, or the prefix of its operations over JSON.
    pub version: &'static str,
    /// The version of JSON that it speaks, if it does.
    pub json: &'static str,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Host {
    /// `PREFIX.REGION.amazonaws.com`
    Regional(&'static str),
    /// One host for the whole partition, signed for the one region that carries it.
    Global { host: &'static str, region: &'static str },
    /// The caller knows the endpoints.
    Given,
}

/// Where the control plane of Route 53 is (Route 53 developer guide, "Resilience": us-east-1). Its data plane is
/// everywhere.
pub(super) const ROUTE_53_REGION: &str = "us-east-1";

pub(super) static ROUTE_53: Service = Service {
    signing: "route53",
    setting: "ROUTE_53",
    host: Host::Global { host: "route53.amazonaws.com", region: ROUTE_53_REGION },
    version: "2013-04-01",
    json: "",
};

/// IAM's control plane is in us-east-1 too (IAM user guide, "Resilience").
pub(super) static IAM: Service = Service {
    signing: "iam",
    setting: "IAM",
    host: Host::Global { host: "iam.amazonaws.com", region: "us-east-1" },
    version: "2010-05-08",
    json: "",
};

pub(super) static STS: Service = regional("sts", "STS", "2011-06-15");

/// It speaks three protocols. Emulators answer least fully over Query.
pub(super) static CLOUDWATCH: Service = Service {
    json: "1.0",
    ..regional("monitoring", "CLOUDWATCH", "GraniteServiceVersion20100801")
};

pub(super) static ECS: Service = regional("ecs", "ECS", "AmazonEC2ContainerServiceV20141113");
pub(super) static ELB: Service =
    regional("elasticloadbalancing", "ELASTIC_LOAD_BALANCING_V2", "2015-12-01");
pub(super) static AUTO_SCALING: Service = regional("autoscaling", "AUTO_SCALING", "2011-01-01");
pub(super) static RDS: Service = regional("rds", "RDS", "2014-10-31");

/// Application Auto Scaling has a host of its own name and is signed under that name.
pub(super) static APPLICATION_AUTO_SCALING: Service =
    regional("application-autoscaling", "APPLICATION_AUTO_SCALING", "AnyScaleFrontendService");

/// The data plane of routing controls: each cluster has five endpoints of its own.
pub(super) static ROUTING_CONTROL: Service = Service {
    signing: "route53-recovery-cluster",
    setting: "ROUTE53_RECOVERY_CLUSTER",
    host: Host::Given,
    version: "ToggleCustomerAPI",
    json: "1.0",
};

const fn regional(name: &'static str, setting: &'static str, version: &'static str) -> Service {
    Service { signing: name, setting, host: Host::Regional(name), version, json: "1.1" }
}
