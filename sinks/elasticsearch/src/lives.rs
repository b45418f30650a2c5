//! Which life of a topic it is: kept in the cluster, so that a topic made anew beats the old one.

use std::collections::BTreeMap;

use elasticsearch::http::Method;
use schemas::TopicSpec;
use serde_json::{Value, json};
use sink_frame::Failure;
use stream::Log;

use crate::ElasticError;
use crate::client::Cluster;
use crate::names::Names;

/// Tries to append to a list that others append to as well.
const TRIES_MAX: u32 = 10;

/// More lives than versions have room for.
const LIVES_MAX: usize = 0x7fff;

/// A topic's present life.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Life {
    /// Its name, as the log gives it.
    pub(crate) name: String,
    /// The how-manieth life it is, from 1.
    pub(crate) epoch: u16,
}

/// The present lives of topics, by their nouns.
pub(crate) type Lives = BTreeMap<&'static str, Life>;

/// Finds out the present lives of topics, and writes down those that are new.
pub(crate) fn present(
    cluster: &Cluster,
    names: &Names,
    log: &dyn Log,
    topics: &[&'static TopicSpec],
) -> Result<Lives, Failure> {
    let mut lives = Lives::new();
    for topic in topics {
        let name = log.incarnation(topic)?;
        let epoch = epoch(cluster, names, topic.name, &name)?;
        lives.insert(topic.name, Life { name, epoch });
    }
    Ok(lives)
}

/// Gives the number of a life, appending it to the topic's list when it is not the last one there.
fn epoch(cluster: &Cluster, names: &Names, topic: &str, life: &str) -> Result<u16, ElasticError> {
    let place = format!("/{}/_doc/life-{topic}", names.control());
    let attempted = || format!("finding out which life of topic {topic} it is");
    for _ in 0..TRIES_MAX {
        let found = cluster.find(&place)?.unwrap_or_default();
        let (lives, is_new) = appended(&found["_source"]["lives"], life);
        if lives.len() > LIVES_MAX {
            let problem = format!("it has had more than {LIVES_MAX} lives");
            return Err(ElasticError::Answer { attempted: attempted(), problem });
        }
        let epoch = u16::try_from(lives.len()).expect("the limit is below");
        if !is_new {
            return Ok(epoch);
        }
        // Nobody else's list is overwritten: it must be the one that was read, or none at all.
        let condition = match (found["_seq_no"].as_i64(), found["_primary_term"].as_i64()) {
            (Some(number), Some(term)) => format!("if_seq_no={number}&if_primary_term={term}"),
            _ => "op_type=create".to_owned(),
        };
        let body = json!({ "lives": lives });
        let answer = cluster.ask(Method::Put, &format!("{place}?{condition}"), Some(&body))?;
        match answer.status {
            200 | 201 => return Ok(epoch),
            409 => {}
            _ => drop(cluster.call(Method::Put, &format!("{place}?{condition}"), Some(&body))?),
        }
    }
    let problem = "others change it all the time".to_owned();
    Err(ElasticError::Answer { attempted: attempted(), problem })
}

/// Gives the list of lives with the present one at its end, and whether that is new. A life that
/// came back from before another is a new one: its versions must beat those in between.
fn appended(known: &Value, life: &str) -> (Vec<String>, bool) {
    let known = known.as_array().into_iter().flatten();
    let mut lives: Vec<String> =
        known.filter_map(|life| life.as_str().map(str::to_owned)).collect();
    let is_new = lives.last().is_none_or(|last| last != life);
    if is_new {
        lives.push(life.to_owned());
    }
    (lives, is_new)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_present_life_is_always_the_last() {
        let list = |lives: &[&str]| lives.iter().map(|life| (*life).to_owned()).collect::<Vec<_>>();
        assert_eq!(appended(&Value::Null, "a"), (list(&["a"]), true));
        assert_eq!(appended(&json!(["a"]), "a"), (list(&["a"]), false));
        assert_eq!(appended(&json!(["a", "b"]), "a"), (list(&["a", "b", "a"]), true));
    }
}
