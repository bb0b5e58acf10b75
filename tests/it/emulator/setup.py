"""Builds one of the stacks that tests start from, and prints the names of what is in it as one JSON object.

    setup.py stop        an alarm, a health check that follows it, and a pair of failover records
    setup.py capacity    what is scaled, sent traffic to and promoted in the standby region

The environment says which endpoint and account. An account has each stack once, so that names can be plain.
"""

import json
import sys
import time

import boto3

PRIMARY = "us-east-1"
STANDBY = "us-west-2"


def client(service, region):
    return boto3.client(service, region_name=region)


def stop():
    alarm = "stop-demo-failover"
    metric = put_alarm(alarm)
    route53 = client("route53", PRIMARY)
    health_check = route53.create_health_check(
        CallerReference="stop-demo",
        HealthCheckConfig={
            "Type": "CLOUDWATCH_METRIC",
            "AlarmIdentifier": {"Region": STANDBY, "Name": alarm},
            "InsufficientDataHealthStatus": "LastKnownStatus",
            "Inverted": False,
        },
    )["HealthCheck"]["Id"]
    zone, record = put_records(route53, health_check)
    return {"zone": zone, "record": record, "health_check": health_check, "alarm": alarm, **metric}


def put_alarm(name):
    cloudwatch = client("cloudwatch", STANDBY)
    namespace, metric = "StopPattern", "FailoverToSecondary"
    dimension = {"Name": "service", "Value": "stop-demo"}
    cloudwatch.put_metric_alarm(
        AlarmName=name,
        Namespace=namespace,
        MetricName=metric,
        Dimensions=[dimension],
        Statistic="Maximum",
        Period=60,
        EvaluationPeriods=1,
        DatapointsToAlarm=1,
        Threshold=1,
        ComparisonOperator="GreaterThanOrEqualToThreshold",
        TreatMissingData="ignore",
    )
    # Without data it would be neither OK nor in alarm.
    first = {"MetricName": metric, "Dimensions": [dimension], "Value": 0.0, "Unit": "None"}
    cloudwatch.put_metric_data(Namespace=namespace, MetricData=[first])
    return {"namespace": namespace, "metric": metric, "dimension": "service=stop-demo"}


def put_records(route53, health_check):
    made = route53.create_hosted_zone(Name="stop-demo.example", CallerReference="stop-demo")
    zone = made["HostedZone"]["Id"].removeprefix("/hostedzone/")
    record = "api.stop-demo.example."
    # The zones are those of API Gateway in these regions.
    primary = failover_record(record, "1", "PRIMARY", PRIMARY, "Z1UJRXOUMOOFQ8")
    primary["HealthCheckId"] = health_check
    secondary = failover_record(record, "2", "SECONDARY", STANDBY, "Z2OJLYMUO9EFXC")
    changes = [{"Action": "CREATE", "ResourceRecordSet": one} for one in (primary, secondary)]
    change = route53.change_resource_record_sets(HostedZoneId=zone, ChangeBatch={"Changes": changes})
    until_in_sync(route53, change["ChangeInfo"]["Id"])
    return zone, record


def failover_record(name, identifier, role, region, zone):
    return {
        "Name": name,
        "Type": "A",
        "SetIdentifier": identifier,
        "Failover": role,
        "AliasTarget": {
            "HostedZoneId": zone,
            "DNSName": f"d-{identifier}.execute-api.{region}.amazonaws.com.",
            "EvaluateTargetHealth": True,
        },
    }


def until_in_sync(route53, change):
    for _ in range(100):
        if route53.get_change(Id=change)["ChangeInfo"]["Status"] == "INSYNC":
            return
        time.sleep(0.1)
    raise SystemExit(f"{change} did not get in sync")


def capacity():
    ec2 = client("ec2", STANDBY)
    subnets = [one["SubnetId"] for one in ec2.describe_subnets()["Subnets"]]
    image = ec2.describe_images()["Images"][0]["ImageId"]
    started = ec2.run_instances(ImageId=image, MinCount=2, MaxCount=2, SubnetId=subnets[0])
    instances = [one["InstanceId"] for one in started["Instances"]]
    return {**tasks(), **machines(subnets, image), **balancer(subnets, instances), **databases()}


def tasks():
    ecs = client("ecs", STANDBY)
    ecs.create_cluster(clusterName="orders")
    container = {"name": "orders", "image": "orders", "memory": 128}
    ecs.register_task_definition(family="orders", containerDefinitions=[container])
    ecs.create_service(cluster="orders", serviceName="orders", taskDefinition="orders", desiredCount=1)
    return {"cluster": "orders", "service": "orders"}


def machines(subnets, image):
    autoscaling = client("autoscaling", STANDBY)
    autoscaling.create_launch_configuration(LaunchConfigurationName="orders", ImageId=image, InstanceType="t3.micro")
    autoscaling.create_auto_scaling_group(
        AutoScalingGroupName="orders",
        LaunchConfigurationName="orders",
        MinSize=1,
        MaxSize=4,
        DesiredCapacity=1,
        VPCZoneIdentifier=",".join(subnets),
    )
    return {"auto_scaling_group": "orders"}


def balancer(subnets, instances):
    """A listener that forwards to the first of two target groups, each with a registered instance."""
    elb = client("elbv2", STANDBY)
    made = elb.create_load_balancer(Name="orders", Subnets=subnets)["LoadBalancers"][0]
    groups = []
    for name, instance in zip(("orders-app", "orders-page"), instances):
        group = elb.create_target_group(Name=name, Protocol="HTTP", Port=80, VpcId=made["VpcId"])
        groups.append(group["TargetGroups"][0]["TargetGroupArn"])
        elb.register_targets(TargetGroupArn=groups[-1], Targets=[{"Id": instance}])
    weights = [{"TargetGroupArn": arn, "Weight": weight} for arn, weight in zip(groups, (1, 0))]
    listener = elb.create_listener(
        LoadBalancerArn=made["LoadBalancerArn"],
        Protocol="HTTP",
        Port=80,
        DefaultActions=[{"Type": "forward", "ForwardConfig": {"TargetGroups": weights}}],
    )["Listeners"][0]["ListenerArn"]
    return {"load_balancer": made["LoadBalancerArn"], "listener": listener, "target_groups": groups}


def databases():
    source = client("rds", PRIMARY).create_db_instance(
        DBInstanceIdentifier="orders",
        DBInstanceClass="db.t3.medium",
        Engine="postgres",
        MasterUsername="orders",
        MasterUserPassword="not-a-secret",
        AllocatedStorage=20,
        BackupRetentionPeriod=1,
    )["DBInstance"]
    replica = client("rds", STANDBY).create_db_instance_read_replica(
        DBInstanceIdentifier="orders-west",
        SourceDBInstanceIdentifier=source["DBInstanceArn"],
        SourceRegion=PRIMARY,
    )["DBInstance"]
    return {"database": source["DBInstanceIdentifier"], "replica": replica["DBInstanceIdentifier"]}


print(json.dumps({"stop": stop, "capacity": capacity}[sys.argv[1]]()))
