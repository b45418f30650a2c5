"""Trims botocore's API descriptions to the operations that the collectors call.

    python trim.py model.json          rewrites the model (after an edit of OPERATIONS)
    python trim.py --check model.json  fails when the model is not what this script makes

The descriptions are facts of AWS's APIs, taken from botocore (Apache-2.0; see NOTICE). Only shapes
that an operation reaches are kept, without documentation and constraints. The format:

    services.NAME  protocol, version, sign (signing name), target_prefix and json_version (json),
                   endpoints by partition, operations, shapes
    endpoint       url with {region}, sign (the one signing region of a global service),
                   exceptions by region
    operation      method, uri, input, output, wrapper (query's result element), roots (names of
                   rest-xml's root element), root_text (the member that is the root's own text),
                   paging
    shape          {members, payload?} | {element, flattened?} | {key, value, flattened?}
    member         TARGET or {target, wire?, query?, location?, attribute?, flattened?}
    TARGET         a shape's name, or #string #integer #float #boolean #blob #policy #timestamp
                   #timestamp:unix #timestamp:rfc822 #timestamp:iso8601
"""

import glob
import gzip
import json
import pathlib
import sys

import botocore
from botocore.endpoint_provider import EndpointProvider

# What the collectors call: nothing else is in the model.
OPERATIONS = {
    "account": ["GetAlternateContact", "GetContactInformation", "ListRegions"],
    "ce": ["GetCostAndUsage"],
    "cloudtrail": ["DescribeTrails", "GetEventSelectors", "GetTrailStatus", "ListTags"],
    "cloudwatch": ["GetMetricStatistics", "ListMetrics"],
    "ec2": [
        "DescribeFlowLogs",
        "DescribeInstances",
        "DescribeNetworkInterfaces",
        "DescribeRegions",
        "DescribeSecurityGroups",
        "DescribeSnapshotAttribute",
        "DescribeSnapshots",
        "DescribeVolumes",
        "DescribeVpcs",
    ],
    "ecr": [
        "DescribeRepositories",
        "GetRegistryScanningConfiguration",
        "GetRepositoryPolicy",
        "ListTagsForResource",
    ],
    "ecs": [
        "DescribeClusters",
        "DescribeServices",
        "DescribeTaskDefinition",
        "DescribeTasks",
        "ListClusters",
        "ListServices",
        "ListTaskDefinitions",
        "ListTasks",
    ],
    "iam": [
        "GenerateCredentialReport",
        "GetAccountAuthorizationDetails",
        "GetAccountPasswordPolicy",
        "GetAccountSummary",
        "GetCredentialReport",
        "GetLoginProfile",
        "ListAccessKeys",
        "ListMFADevices",
    ],
    "opensearch": ["DescribeDomains", "ListDomainNames", "ListTags"],
    "route53": ["GetHostedZone", "ListHostedZones", "ListResourceRecordSets",
                "ListTagsForResource"],
    "route53domains": ["GetDomainDetail", "ListDomains", "ListTagsForDomain"],
    "s3": [
        "GetBucketAcl",
        "GetBucketEncryption",
        "GetBucketLocation",
        "GetBucketLogging",
        "GetBucketPolicy",
        "GetBucketPolicyStatus",
        "GetBucketTagging",
        "GetBucketVersioning",
        "GetPublicAccessBlock",
        "ListBuckets",
    ],
    "secretsmanager": ["GetResourcePolicy", "ListSecrets"],
    "support": [
        "DescribeTrustedAdvisorCheckResult",
        "DescribeTrustedAdvisorChecks",
    ],
}

# botocore does not say what S3 calls its root elements; these are the names that AWS's typed SDKs
# demand. A payload's root has the payload's own name and needs no entry.
ROOTS = {
    "GetBucketAcl": "AccessControlPolicy",
    "GetBucketLocation": "LocationConstraint",
    "GetBucketLogging": "BucketLoggingStatus",
    "GetBucketTagging": "Tagging",
    "GetBucketVersioning": "VersioningConfiguration",
    "ListBuckets": "ListAllMyBucketsResult",
}

# Outputs whose one member is the root element's own text (botocore: parse_get_bucket_location).
ROOT_TEXT = {"GetBucketLocation": "LocationConstraint"}

# IAM's policy documents are URL-encoded JSON in a string (botocore: json_decode_policies).
POLICIES = {("iam", "policyDocumentType")}

PROTOCOLS = ("json", "rest-json", "query", "ec2", "rest-xml")
PARTITIONS = ("aws", "aws-cn", "aws-us-gov")
SCALARS = {
    "string": "string", "character": "string", "integer": "integer", "long": "integer",
    "bigInteger": "integer", "float": "float", "double": "float", "bigDecimal": "float",
    "boolean": "boolean", "blob": "blob",
}
TIMESTAMPS = {"unixTimestamp": ":unix", "rfc822": ":rfc822", "iso8601": ":iso8601", None: ""}
DATA = pathlib.Path(botocore.__file__).parent / "data"


def load(service, name):
    """Reads one of botocore's files with its additions; {} when there is none."""
    found = read(service, name)
    merge(found, read(service, f"{name}.sdk-extras").get("merge", {}))
    return found


def read(service, name):
    """Reads the newest version of one of botocore's files; {} when there is none."""
    found = sorted(glob.glob(f"{DATA}/{service}/*/{name}.json*"))
    if not found:
        return {}
    opener = gzip.open if found[-1].endswith(".gz") else open
    with opener(found[-1]) as file:
        return json.load(file)


def merge(into, additions):
    """Adds nested members, as botocore's loader does."""
    for key, value in additions.items():
        if isinstance(value, dict) and isinstance(into.get(key), dict):
            merge(into[key], value)
        else:
            into[key] = value


class Trimmer:
    """Trims one service."""

    def __init__(self, service):
        self.service = service
        self.description = load(service, "service-2")
        self.paginators = load(service, "paginators-1").get("pagination", {})
        self.kept = {}
        self.open = []

    def trim(self, operations):
        meta = self.description["metadata"]
        protocols = meta.get("protocols") or [meta["protocol"]]
        out = {
            "protocol": next(p for p in PROTOCOLS if p in protocols),
            "version": meta["apiVersion"],
            "sign": meta.get("signingName", meta["endpointPrefix"]),
            "endpoints": endpoints(self.service),
            "operations": {name: self.operation(name) for name in sorted(operations)},
        }
        if "targetPrefix" in meta:
            out["target_prefix"] = meta["targetPrefix"]
            out["json_version"] = meta.get("jsonVersion", "1.0")
        while self.open:
            name = self.open.pop()
            self.kept[name] = self.shape(name)
        out["shapes"] = self.kept
        return out

    def operation(self, name):
        source = self.description["operations"][name]
        out = {"method": source["http"]["method"], "uri": source["http"]["requestUri"]}
        if "input" in source:
            out["input"] = self.target(source["input"])
        if "output" in source:
            out["output"] = self.target(source["output"])
            if "resultWrapper" in source["output"]:
                out["wrapper"] = source["output"]["resultWrapper"]
            roots = self.roots(name, source["output"]["shape"])
            if roots:
                out["roots"] = roots
        if name in ROOT_TEXT:
            out["root_text"] = ROOT_TEXT[name]
        if name in self.paginators:
            out["paging"] = paging(self.paginators[name])
        return out

    def roots(self, operation, output):
        if self.description["metadata"]["protocol"] != "rest-xml":
            return []
        shape = self.description["shapes"][output]
        if "payload" in shape:
            payload = shape["members"][shape["payload"]]
            if self.description["shapes"][payload["shape"]]["type"] != "structure":
                return []
            return [payload.get("locationName", payload["shape"])]
        return [ROOTS[operation]] if operation in ROOTS else []

    def target(self, ref):
        shape = self.description["shapes"][ref["shape"]]
        if (self.service, ref["shape"]) in POLICIES:
            return "#policy"
        if shape["type"] in SCALARS:
            return "#" + SCALARS[shape["type"]]
        if shape["type"] == "timestamp":
            wanted = ref.get("timestampFormat") or shape.get("timestampFormat")
            return "#timestamp" + TIMESTAMPS[wanted]
        if ref["shape"] not in self.kept:
            self.kept[ref["shape"]] = None
            self.open.append(ref["shape"])
        return ref["shape"]

    def member(self, ref):
        shape = self.description["shapes"][ref["shape"]]
        out = {"target": self.target(ref)}
        names = (("locationName", "wire"), ("queryName", "query"), ("location", "location"))
        out |= {ours: ref[theirs] for theirs, ours in names if theirs in ref}
        if ref.get("xmlAttribute") or shape.get("xmlAttribute"):
            out["attribute"] = True
        if ref.get("flattened") or shape.get("flattened"):
            out["flattened"] = True
        return out["target"] if len(out) == 1 else out

    def shape(self, name):
        source = self.description["shapes"][name]
        flattened = {"flattened": True} if source.get("flattened") else {}
        if source["type"] == "structure":
            members = {key: self.member(ref) for key, ref in source["members"].items()}
            payload = {"payload": source["payload"]} if "payload" in source else {}
            return {"members": members} | payload
        if source["type"] == "list":
            return {"element": self.member(source["member"])} | flattened
        if source["type"] == "map":
            key, value = self.member(source["key"]), self.member(source["value"])
            return {"key": key, "value": value} | flattened
        raise SystemExit(f"{self.service}: shape {name} has unknown type {source['type']}")


def paging(source):
    """Gives an operation's paging: token names, lists to join, members of the first page."""
    def many(key):
        value = source.get(key, [])
        return value if isinstance(value, list) else [value]

    out = {"input": many("input_token"), "output": many("output_token")}
    out |= {"result": many("result_key"), "keep": many("non_aggregate_keys")}
    return out | ({"more": source["more_results"]} if "more_results" in source else {})


def endpoints(service):
    """Evaluates botocore's endpoint rules for every region of our partitions."""
    with open(DATA / "partitions.json") as file:
        partitions = json.load(file)
    provider = EndpointProvider(load(service, "endpoint-rule-set-1"), partitions)
    out = {}
    for partition in partitions["partitions"]:
        if partition["id"] in PARTITIONS:
            regions = sorted(r for r in partition["regions"] if not r.endswith("-global"))
            found = {region: resolve(provider, region) for region in regions}
            out[partition["id"]] = summary(found)
    return out


def resolve(provider, region):
    """Gives (URL, signing region) of one region."""
    endpoint = provider.resolve_endpoint(Region=region, UseFIPS=False, UseDualStack=False)
    schemes = endpoint.properties.get("authSchemes") or [{}]
    return endpoint.url, schemes[0].get("signingRegion", region)


def summary(found):
    """Says the same in one URL with its signing region, or in one template and its exceptions."""
    if len(set(found.values())) == 1:
        url, sign = next(iter(found.values()))
        return {"url": url, "sign": sign}
    regional = {r: (url.replace(r, "{region}"), sign) for r, (url, sign) in found.items()}
    urls = [url for url, sign in regional.values()]
    url = max(sorted(set(urls)), key=urls.count)
    exceptions = {
        region: {"url": found[region][0], "sign": found[region][1]}
        for region, (template, sign) in regional.items()
        if template != url or sign != region
    }
    return {"url": url} | ({"exceptions": exceptions} if exceptions else {})


def write():
    """Gives the model's text: sorted, one shape or operation a line, so that changes read well."""
    lines = ["{", '"notice": "Derived from botocore, Apache-2.0; see NOTICE.", "services": {']
    for number, service in enumerate(sorted(OPERATIONS)):
        trimmed = Trimmer(service).trim(OPERATIONS[service])
        lines.append(f"{',' if number else ''}{json.dumps(service)}: {{")
        for key in ("operations", "shapes"):
            rows = [f"  {json.dumps(k)}: {json.dumps(v, sort_keys=True)}"
                    for k, v in sorted(trimmed.pop(key).items())]
            lines.append(f" {json.dumps(key)}: {{\n" + ",\n".join(rows) + "\n },")
        rest = [f" {json.dumps(k)}: {json.dumps(v, sort_keys=True)}"
                for k, v in sorted(trimmed.items())]
        lines.append(",\n".join(rest) + "\n}")
    return "\n".join(lines) + "\n}}\n"


def main(arguments):
    check = arguments[:1] == ["--check"]
    path, = arguments[1:] if check else arguments
    text = write()
    if not check:
        pathlib.Path(path).write_text(text)
    elif pathlib.Path(path).read_text() != text:
        raise SystemExit(f"{path} is not what trim.py makes of botocore {botocore.__version__}")


main(sys.argv[1:])
