//! Trust: who may act in an account, through which resources, and by what we know them.
//!
//! Pure: a resource's policies in, principals out; a row is a sum over the resources that let its
//! principal in, kept exact by difference. A row a principal and account is few even where
//! thousands of roles trust `ec2.amazonaws.com`: it counts them, and names the first
//! [`THROUGH_MAX`].

mod known;
mod places;
mod row;

pub use known::{Standing, foreign_share, recognise, vendor};
pub use places::{Grant, PRINCIPALS_MAX, grants};
pub use row::{Change, THROUGH_MAX, apply, is_filled, merged};

#[cfg(test)]
mod tests;
