"""OpenSearch: more domains than one call describes, of both engines, one with a policy."""

import json

from common import POLICY, REGIONS, TAGS, resource


def fill(client, mark):
    opensearch = client("opensearch")
    policy = json.loads(json.dumps(POLICY))
    policy["Statement"][0] |= {"Principal": {"AWS": "*"}, "Action": "es:*"}
    opensearch.create_domain(
        DomainName="domain", TagList=TAGS, AccessPolicies=json.dumps(policy),
        EngineVersion="OpenSearch_2.11", AdvancedOptions={"ü.<&>": "true"},
        EncryptionAtRestOptions={"Enabled": True, "KmsKeyId": "k"},
        VPCOptions={"SubnetIds": ["subnet-1"], "SecurityGroupIds": ["sg-1"]})
    for number in range(5):
        opensearch.create_domain(DomainName=f"d{number}-{mark}")
    client("es").create_elasticsearch_domain(DomainName="old", ElasticsearchVersion="7.10")


def inventory(client, account):
    out = {}
    for region in REGIONS:
        opensearch = client("opensearch", region)
        for found in opensearch.list_domain_names()["DomainNames"]:
            status = opensearch.describe_domain(DomainName=found["DomainName"])["DomainStatus"]
            tags = opensearch.list_tags(ARN=status["ARN"])["TagList"]
            policy = status["AccessPolicies"]
            status["AccessPolicies"] = json.loads(policy) if policy else None
            out[status["DomainName"]] = resource(
                region, status["DomainName"], status["ARN"], tags, status, {"Tags": tags})
    return {"AWS::OpenSearch::Domain": out}
