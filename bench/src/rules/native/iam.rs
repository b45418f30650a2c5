//! Users, roles and the credential report by hand.

use rules::{Context, Document, Judgement, policy};
use serde_json::Value;

use super::{
    Told, age_days, both, each, either, list, member, not, optional, shown, text, verdict, whole,
    whole_verdict,
};

const KEY_DAYS_MAX: i64 = 90;
const UNUSED_KEY_DAYS_MAX: i64 = 45;
const UNUSED_ROLE_DAYS_MAX: i64 = 90;

pub(super) fn access_key_age(
    document: &Document<'_>,
    _: &dyn Context,
    now_ms: i64,
) -> Vec<Judgement> {
    let keys = whole(document, &["/supplementaryConfiguration/AccessKeys"])
        .and_then(|()| list(document.supplementary, "AccessKeys"));
    let name = |key: &Value| text(key, "AccessKeyId").map(str::to_owned);
    each(keys, name, |key, part| {
        let applies = member(key, "Status").map(|status| status == "Active");
        let pass = || Ok(age_days(key, "CreateDate", now_ms)? <= KEY_DAYS_MAX);
        verdict(part, applies, pass, || {
            let (id, made, user) =
                (shown(key, "AccessKeyId"), shown(key, "CreateDate"), document.name);
            format!("key {id} of {user} was made on {made}, more than 90 days ago")
        })
    })
}

pub(super) fn access_key_unused(
    document: &Document<'_>,
    _: &dyn Context,
    now_ms: i64,
) -> Vec<Judgement> {
    let rows = whole(document, &["/configuration/rows"])
        .and_then(|()| list(document.configuration, "rows"));
    let name = |row: &Value| text(row, "user").map(str::to_owned);
    each(rows, name, |row, part| {
        let active = |key| said(text(row, key)?);
        let applies = both(member(row, "user").map(|user| user != "<root_account>"), || {
            either(active("access_key_1_active"), || active("access_key_2_active"))
        });
        let used = |active_key, used_key, made_key| {
            either(not(active(active_key)), || {
                let date = if member(row, used_key)? == "N/A" { made_key } else { used_key };
                Ok(age_days(row, date, now_ms)? <= UNUSED_KEY_DAYS_MAX)
            })
        };
        let pass = || {
            let [active, last_used, rotated] = KEY_1;
            both(used(active, last_used, rotated), || {
                let [active, last_used, rotated] = KEY_2;
                used(active, last_used, rotated)
            })
        };
        verdict(part, applies, pass, || {
            let user = shown(row, "user");
            format!("user {user} has an access key that was not used for more than 45 days")
        })
    })
}

const KEY_1: [&str; 3] =
    ["access_key_1_active", "access_key_1_last_used_date", "access_key_1_last_rotated"];
const KEY_2: [&str; 3] =
    ["access_key_2_active", "access_key_2_last_used_date", "access_key_2_last_rotated"];

/// Reads true or false as reports write it.
fn said(cell: &str) -> Told<bool> {
    match cell {
        "true" | "TRUE" | "True" | "t" | "1" => Ok(true),
        "false" | "FALSE" | "False" | "f" | "0" => Ok(false),
        _ => Err("a cell is neither true nor false"),
    }
}

pub(super) fn console_mfa(document: &Document<'_>, _: &dyn Context, _: i64) -> Vec<Judgement> {
    let s = document.supplementary;
    let whole = whole(
        document,
        &["/supplementaryConfiguration/LoginProfile", "/supplementaryConfiguration/MFADevices"],
    );
    let applies = whole.and_then(|()| Ok(!member(s, "LoginProfile")?.is_null()));
    let pass = || Ok(!list(s, "MFADevices")?.is_empty());
    let message = || format!("user {} has a console password and no MFA device", document.name);
    vec![verdict(String::new(), applies, pass, message)]
}

pub(super) fn role_trust(document: &Document<'_>, context: &dyn Context, _: i64) -> Vec<Judgement> {
    let r = document.configuration;
    let unknown = whole(document, &["/configuration/AssumeRolePolicyDocument"]).and_then(|()| {
        let policy = member(r, "AssumeRolePolicyDocument")?;
        policy::unknown_accounts(policy, |id| context.is_known_account(id))
            .map_err(|_| "the policy can't be read")
    });
    let pass = unknown.as_ref().map(Vec::is_empty).map_err(|why| *why);
    whole_verdict(pass, || {
        let unknown = unknown.iter().flatten().map(String::as_str).collect::<Vec<_>>();
        format!("role {} trusts {}", shown(r, "RoleName"), unknown.join(", "))
    })
}

pub(super) fn role_unused(document: &Document<'_>, _: &dyn Context, now_ms: i64) -> Vec<Judgement> {
    let r = document.configuration;
    let applies = || {
        whole(document, &["/configuration/Path", "/configuration/RoleLastUsed"])?;
        let ours = |path: &str| {
            !path.starts_with("/aws-service-role/") && !path.starts_with("/aws-reserved/")
        };
        both(text(r, "Path").map(ours), || Ok(optional(r, "RoleLastUsed")?.is_some()))
    };
    let pass = || {
        let last_used = member(r, "RoleLastUsed")?;
        let age = match optional(last_used, "LastUsedDate")? {
            Some(_) => age_days(last_used, "LastUsedDate", now_ms),
            None => age_days(r, "CreateDate", now_ms),
        };
        Ok(age? <= UNUSED_ROLE_DAYS_MAX)
    };
    let message = || format!("role {} was not used for more than 90 days", shown(r, "RoleName"));
    vec![verdict(String::new(), applies(), pass, message)]
}
