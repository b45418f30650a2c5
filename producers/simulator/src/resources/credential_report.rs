//! The IAM credential report: root's line and each user's.

use schemas::Resource;
use serde_json::{Value, json};

use super::{GLOBAL, Item, USERS};
use crate::organisation::about;

/// The report's columns after the first two.
///
/// Source: the IAM user guide, "Getting credential reports".
const COLUMNS: [(&str, &str); 20] = [
    ("user_creation_time", "N/A"),
    ("password_enabled", "false"),
    ("password_last_used", "N/A"),
    ("password_last_changed", "N/A"),
    ("password_next_rotation", "N/A"),
    ("mfa_active", "false"),
    ("access_key_1_active", "false"),
    ("access_key_1_last_rotated", "N/A"),
    ("access_key_1_last_used_date", "N/A"),
    ("access_key_1_last_used_region", "N/A"),
    ("access_key_1_last_used_service", "N/A"),
    ("access_key_2_active", "false"),
    ("access_key_2_last_rotated", "N/A"),
    ("access_key_2_last_used_date", "N/A"),
    ("access_key_2_last_used_region", "N/A"),
    ("access_key_2_last_used_service", "N/A"),
    ("cert_1_active", "false"),
    ("cert_1_last_rotated", "N/A"),
    ("cert_2_active", "false"),
    ("cert_2_last_rotated", "N/A"),
];

/// How root's credentials stand.
enum Root {
    /// It has MFA and no key.
    Good,
    /// It has no MFA.
    NoDevice,
    /// It has a key.
    Key,
    /// The organisation took its credentials away.
    TakenAway,
}

impl Item {
    pub(super) fn credential_report(self) -> Resource {
        let id = self.account_id();
        let root = self.root();
        let users: Vec<Item> = self.snapshot.items(USERS).collect();
        let mut rows = vec![root_row(&id, &root, &self.date(-1_200, 1))];
        rows.extend(users.iter().map(|user| user.report_row()));
        let denied = self.snapshot.organisation.is_turn(self.snapshot.account, about::OUTAGE, 21);
        if denied && self.snapshot.turn.is_none() {
            // Without root's line, and without the summary that would say the same.
            rows.remove(0);
        }
        let mut further = json!({"AccountSummary": summary(&root, users.len())});
        let mut report = self.envelope(GLOBAL, &id, &json!({"rows": rows}));
        if denied && self.snapshot.turn.is_none() {
            self.deny(&mut report, &mut further, "AccountSummary");
        }
        report.supplementary = further.to_string();
        report
    }

    fn root(self) -> Root {
        let organisation = self.snapshot.organisation;
        let turn = |what, every| organisation.is_turn(self.snapshot.account, what, every);
        let prone = turn(about::FAULT, 9) && self.is_in_faulty_time(1);
        match prone != self.is_flipped(1) {
            true if self.happens(30, about::DETAIL, 2) => Root::Key,
            true => Root::NoDevice,
            false if turn(about::DETAIL, 7) && !turn(about::FAULT, 9) => Root::TakenAway,
            false => Root::Good,
        }
    }
}

/// Gives a line with nothing in it.
pub(super) fn row(user: &str, arn: &str) -> Value {
    let cells = COLUMNS.iter().map(|(name, cell)| (*name, *cell));
    let cells = [("user", user), ("arn", arn)].into_iter().chain(cells);
    Value::Object(cells.map(|(name, cell)| (name.to_owned(), cell.into())).collect())
}

fn root_row(account: &str, root: &Root, made: &str) -> Value {
    let mut row = row("<root_account>", &format!("arn:aws:iam::{account}:root"));
    row["user_creation_time"] = json!(made);
    row["password_enabled"] = json!("not_supported");
    row["password_last_changed"] = json!("not_supported");
    row["password_next_rotation"] = json!("not_supported");
    row["mfa_active"] = json!(matches!(root, Root::Good | Root::Key).to_string());
    if matches!(root, Root::Key) {
        row["access_key_1_active"] = json!("true");
        row["access_key_1_last_rotated"] = json!(made);
    }
    row
}

/// Gives the account's counts; of the many that AWS gives, those of credentials and of users.
fn summary(root: &Root, users: usize) -> Value {
    json!({
        "AccountAccessKeysPresent": i32::from(matches!(root, Root::Key)),
        "AccountMFAEnabled": i32::from(matches!(root, Root::Good | Root::Key)),
        "AccountPasswordPresent": i32::from(!matches!(root, Root::TakenAway)),
        "AccountSigningCertificatesPresent": 0,
        "Users": users,
        "UsersQuota": 5_000,
    })
}
