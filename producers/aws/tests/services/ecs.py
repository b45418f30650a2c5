"""ECS: clusters with and without content, old and new revisions, ARNs of the old form."""

import json
import urllib.request

from common import REGIONS, resource

TAGS = [{"key": "Näme", "value": 'a<b>&"c"'}, {"key": "Empty", "value": ""}]
CLUSTER = ["ATTACHMENTS", "CONFIGURATIONS", "SETTINGS", "TAGS"]
CONTAINER = {
    "name": "web", "image": "nginx:ü", "privileged": True, "memory": 64,
    "environment": [{"name": "PASSWORD", "value": "h&<unter>2"}, {"name": "EMPTY", "value": ""}],
    "secrets": [{"name": "KEY", "valueFrom": "arn:aws:ssm:us-east-1:1:parameter/key"}],
    "logConfiguration": {"logDriver": "splunk", "options": {"splunk-token": "t"}},
}


def keep_tasks_running(endpoint):
    """Stops moto from moving a task on whenever it is described."""
    wanted = {"model_name": "ecs::task", "transition": {"progression": "manual", "times": 10**9}}
    with urllib.request.urlopen(f"{endpoint}/moto-api/state-manager/set-transition",
                                json.dumps(wanted).encode()):
        pass


def fill(client, mark):
    ecs, ec2 = client("ecs"), client("ec2")
    keep_tasks_running(ecs.meta.endpoint_url)
    full, other = f"full-{mark}", f"other_{mark}"
    ecs.create_cluster(clusterName=full, tags=TAGS, configuration={"executeCommandConfiguration": {
        "logging": "OVERRIDE", "logConfiguration": {"cloudWatchLogGroupName": "lögs/&"}}},
        settings=[{"name": "containerInsights", "value": "enhanced"}])
    ecs.create_cluster(clusterName=other)
    define(ecs)
    subnets = [subnet["SubnetId"] for subnet in ec2.describe_subnets()["Subnets"]][:2]
    group = ec2.describe_security_groups()["SecurityGroups"][0]["GroupId"]
    network = {"awsvpcConfiguration": {"subnets": subnets, "securityGroups": [group]}}
    for revision in ("web:1", "web:1", "gone:1"):
        ecs.run_task(cluster=full, taskDefinition=revision, launchType="FARGATE", tags=TAGS,
                     networkConfiguration=network, startedBy="ü & <so>", overrides={
                         "containerOverrides": [{"name": "web", "environment": [
                             {"name": "TOKEN", "value": "t"}]}]})
    # More than the ten that one call describes.
    for number in range(11):
        ecs.create_service(cluster=full, serviceName=f"s{number}", taskDefinition="web:3",
                           desiredCount=number, tags=TAGS, launchType="FARGATE",
                           networkConfiguration=network)
    ecs.create_service(cluster=other, serviceName="s1", taskDefinition="web:2", desiredCount=0)
    ecs.deregister_task_definition(taskDefinition="gone:1")
    fill_short(client("ecs", "eu-west-1"))


def define(ecs):
    """Makes revisions: of web the last of four and those in use count, of `gone` the one that a
    task still runs, of `alone` all there is."""
    for family, revisions in (("web", 4), ("gone", 1), ("alone", 2)):
        for _ in range(revisions):
            ecs.register_task_definition(
                family=family, containerDefinitions=[CONTAINER], tags=TAGS, cpu="256",
                memory="512", requiresCompatibilities=["FARGATE"], networkMode="awsvpc",
                volumes=[{"name": "v", "host": {"sourcePath": "/ü"}}])


def fill_short(ecs):
    """Two services whose ARNs do not say in which of two clusters they are."""
    ecs.put_account_setting(name="serviceLongArnFormat", value="disabled")
    ecs.register_task_definition(family="small", containerDefinitions=[CONTAINER])
    for cluster in ("left", "right"):
        ecs.create_cluster(clusterName=cluster)
        ecs.create_service(cluster=cluster, serviceName="same", taskDefinition="small:1",
                           desiredCount=1)


def inventory(client, account):
    kinds = ["Cluster", "Service", "Task", "TaskDefinition"]
    out = {f"AWS::ECS::{kind}": {} for kind in kinds}
    for region in REGIONS:
        ecs = client("ecs", region)
        used = set(ecs.list_task_definition_families(status="ACTIVE")["families"])
        for arn in ecs.list_clusters()["clusterArns"]:
            cluster, = ecs.describe_clusters(clusters=[arn], include=CLUSTER)["clusters"]
            name = cluster["clusterName"]
            out["AWS::ECS::Cluster"][arn] = named(region, name, cluster)
            out["AWS::ECS::Service"] |= services(ecs, region, name, used)
            out["AWS::ECS::Task"] |= tasks(ecs, region, name, used)
        for definition in used:
            answer = ecs.describe_task_definition(taskDefinition=definition, include=["TAGS"])
            found = answer["taskDefinition"]
            for container in found["containerDefinitions"]:
                hide(container)
            name = f"{found['family']}:{found['revision']}"
            out["AWS::ECS::TaskDefinition"][found["taskDefinitionArn"]] = resource(
                region, name, found["taskDefinitionArn"], capitals(answer["tags"]), found,
                {"Tags": answer["tags"]})
    return out


def services(ecs, region, cluster, used):
    out = {}
    for page in ecs.get_paginator("list_services").paginate(cluster=cluster):
        for arn in page["serviceArns"]:
            service, = ecs.describe_services(cluster=cluster, services=[arn.split("/")[-1]],
                                             include=["TAGS"])["services"]
            used.add(service["taskDefinition"])
            del service["events"]
            account = arn.split(":")[4]
            wanted = f"arn:aws:ecs:{region}:{account}:service/{cluster}/{service['serviceName']}"
            out[wanted] = named(region, service["serviceName"], service, arn)
    return out


def tasks(ecs, region, cluster, used):
    out = {}
    for arn in ecs.list_tasks(cluster=cluster)["taskArns"]:
        task, = ecs.describe_tasks(cluster=cluster, tasks=[arn], include=["TAGS"])["tasks"]
        used.add(task["taskDefinitionArn"])
        for override in task["overrides"]["containerOverrides"]:
            hide(override)
        out[arn] = named(region, arn.split("/")[-1], task, arn)
    return out


def hide(container):
    """Puts what a scan without a key puts in the place of values that may be secret."""
    for variable in container.get("environment", []):
        variable["value"] = "redacted"
    options = container.get("logConfiguration", {}).get("options", {})
    labels = container.get("dockerLabels", {})
    for secrets in (options, labels):
        secrets.update(dict.fromkeys(secrets, "redacted"))


def named(region, name, item, arn=None):
    return resource(region, name, arn or item["clusterArn"], capitals(item.get("tags")), item, {})


def capitals(found):
    return [{"Key": tag["key"], "Value": tag["value"]} for tag in found or []]
