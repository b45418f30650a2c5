//! What releases wrote: the schemas by which their records are read when no registry is there.

/// Every file of `avsc/released/`, sorted; a test holds the list complete.
pub(crate) const RELEASED: &[&str] = &[
    include_str!("../avsc/released/0.1.0/account.listing.avsc"),
    include_str!("../avsc/released/0.1.0/account.register.avsc"),
    include_str!("../avsc/released/0.1.0/account.state.avsc"),
    include_str!("../avsc/released/0.1.0/compliance.change.avsc"),
    include_str!("../avsc/released/0.1.0/compliance.state.avsc"),
    include_str!("../avsc/released/0.1.0/contribution.avsc"),
    include_str!("../avsc/released/0.1.0/exception.avsc"),
    include_str!("../avsc/released/0.1.0/observation.avsc"),
    include_str!("../avsc/released/0.1.0/report.avsc"),
    include_str!("../avsc/released/0.1.0/requirement.avsc"),
    include_str!("../avsc/released/0.1.0/resource.change.avsc"),
    include_str!("../avsc/released/0.1.0/resource.state.avsc"),
    include_str!("../avsc/released/0.1.0/rollup.state.avsc"),
    include_str!("../avsc/released/0.1.0/scan.unit.avsc"),
    include_str!("../avsc/released/0.1.0/score.history.avsc"),
    include_str!("../avsc/released/0.1.0/score.state.avsc"),
    include_str!("../avsc/released/0.1.0/spend.avsc"),
    include_str!("../avsc/released/0.1.0/tick.avsc"),
    include_str!("../avsc/released/0.1.0/trust.state.avsc"),
];
