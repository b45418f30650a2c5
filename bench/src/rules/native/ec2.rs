//! Security groups by hand.

use rules::{Context, Document, Judgement, functions::world_open};
use serde_json::Value;

use super::{
    Told, any, both, either, filter, list, member, not, shown, verdict, whole, whole_verdict,
};

const PERMISSIONS: &str = "/configuration/IpPermissions";
const DATABASES: [i64; 11] = [1433, 1521, 3306, 5432, 5439, 6379, 9042, 9200, 9300, 11211, 27017];

pub(super) fn admin_ports(document: &Document<'_>, _: &dyn Context, _: i64) -> Vec<Judgement> {
    let r = document.configuration;
    let pass = permissions(document)
        .and_then(|permissions| not(any([22, 3389], |port| is_open(permissions, port))));
    whole_verdict(pass, || {
        let (name, id) = (shown(r, "GroupName"), shown(r, "GroupId"));
        format!(
            "security group {name} ({id}) lets the whole internet reach one of the ports 22, 3389"
        )
    })
}

pub(super) fn database_ports(document: &Document<'_>, _: &dyn Context, _: i64) -> Vec<Judgement> {
    let r = document.configuration;
    let pass = permissions(document)
        .and_then(|permissions| not(any(DATABASES, |port| is_open(permissions, port))));
    whole_verdict(pass, || {
        let (name, id) = (shown(r, "GroupName"), shown(r, "GroupId"));
        format!("security group {name} ({id}) opens a database's port to the whole internet")
    })
}

pub(super) fn default_group(document: &Document<'_>, _: &dyn Context, _: i64) -> Vec<Judgement> {
    let r = document.configuration;
    let whole = whole(document, &[PERMISSIONS, "/configuration/GroupName"]);
    let applies = whole.and_then(|()| Ok(member(r, "GroupName")? == "default"));
    let count = |key| list(r, key).map(<[Value]>::len);
    let pass = || {
        both(count("IpPermissions").map(|count| count == 0), || {
            count("IpPermissionsEgress").map(|count| count == 0)
        })
    };
    let told = |key| count(key).map_or("?".to_owned(), |count| count.to_string());
    vec![verdict(String::new(), applies, pass, || {
        let (id, vpc) = (shown(r, "GroupId"), shown(r, "VpcId"));
        let (ingoing, outgoing) = (told("IpPermissions"), told("IpPermissionsEgress"));
        format!("default group {id} of {vpc} has {ingoing} rules in and {outgoing} out")
    })]
}

fn permissions<'a>(document: &Document<'a>) -> Told<&'a [Value]> {
    whole(document, &[PERMISSIONS])?;
    list(document.configuration, "IpPermissions")
}

/// Tells whether the permissions that reach a port let the whole internet in, taken together.
fn is_open(permissions: &[Value], port: i64) -> Told<bool> {
    let reaching = filter(permissions, |permission| reaches(permission, port))?;
    world_open(reaching.into_iter()).map_err(|_| "a permission can't be read")
}

fn reaches(permission: &Value, port: i64) -> Told<bool> {
    let protocol = member(permission, "IpProtocol")?;
    let bound = |key| member(permission, key)?.as_i64().ok_or("a port is no number");
    either(Ok(protocol == "-1"), || {
        both(Ok(protocol == "tcp" || protocol == "6"), || {
            both(bound("FromPort").map(|from| from <= port), || {
                bound("ToPort").map(|to| to >= port)
            })
        })
    })
}
