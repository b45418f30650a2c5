//! What the columns of the risk register are called: good defaults, and a site's own names.

use schemars::JsonSchema;
use serde::Deserialize;

/// Names of the risk register's columns: for each field the first that an entry has is taken.
///
/// Case, blanks, `_` and `-` in names do not matter. In a configuration file a field that is given
/// replaces its default names.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RiskColumns {
    /// The entry's id.
    pub id: Vec<String>,
    /// The accounts that it covers.
    pub accounts: Vec<String>,
    /// The requirements that it covers.
    pub requirements: Vec<String>,
    /// The resource that it covers.
    pub resource: Vec<String>,
    /// When it ends.
    pub expires: Vec<String>,
    /// What was decided.
    pub status: Vec<String>,
    /// Why the risk is accepted.
    pub reason: Vec<String>,
    /// Who asked for it.
    pub owner: Vec<String>,
    /// The regions that it covers.
    pub regions: Vec<String>,
    /// Tags that the resource must have.
    pub tags: Vec<String>,
    /// When it begins.
    pub starts: Vec<String>,
    /// When it was asked for.
    pub asked: Vec<String>,
    /// When it was approved.
    pub approved: Vec<String>,
    /// The later end that is asked for.
    pub renewal: Vec<String>,
    /// Who decided.
    pub approver: Vec<String>,
    /// What protects the resource instead.
    pub control: Vec<String>,
    /// Where it was discussed.
    pub ticket: Vec<String>,
}

impl Default for RiskColumns {
    fn default() -> Self {
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        Self {
            id: names(&["Id", "rqrmntId_rsrceRegex"]),
            accounts: names(&["Accounts", "Account", "AccountId", "AWSAccount"]),
            requirements: names(&["Requirements", "Requirement", "RequirementId"]),
            resource: names(&["ResourceId", "Resource", "AWSResourceID"]),
            expires: names(&["ExpirationDate", "ExpiryDate", "Expires", "Expiration", "ExpiresOn"]),
            status: names(&["Status", "ApprovalStatus"]),
            reason: names(&["Reason", "Justification", "Description", "Title", "adminComments"]),
            owner: names(&["Owner", "RequestedBy", "RiskOwner", "lastModifiedByUser"]),
            regions: names(&["Regions", "Region", "AWSRegion"]),
            tags: names(&["Tags", "Tag", "ResourceTags"]),
            starts: names(&["StartDate", "Starts", "ValidFrom", "EffectiveDate"]),
            asked: names(&["RequestedOn", "RequestDate", "Created"]),
            approved: names(&["ApprovedOn", "ApprovalDate", "lastStatusChangeDate"]),
            renewal: names(&["RenewalDate", "RequestedExpirationDate"]),
            approver: names(&["Approver", "ApprovedBy", "lastModifiedByAdmin"]),
            control: names(&["CompensatingControl", "CompensatingControls", "Mitigation"]),
            ticket: names(&["Ticket", "TicketId", "Reference", "adminComments"]),
        }
    }
}
