//! Writes documents anew whose account or requirement says something else now.

use std::collections::VecDeque;

use serde_json::json;

use crate::ElasticError;
use crate::bulk::{How, Item};
use crate::client::Cluster;
use crate::facts::{About, Known};
use crate::names::{Kind, Names};
use crate::scan::Scan;

/// What is still to be written anew, in order.
#[derive(Debug, Default)]
pub(crate) struct Rewrites {
    waiting: VecDeque<(i32, About, String)>,
    /// The first of them, as far as it is done: the kinds that are left, and the walk over one.
    kinds: VecDeque<Kind>,
    scan: Option<Scan>,
}

impl Rewrites {
    /// Documents of a partition are about this, whose facts have changed.
    pub(crate) fn add(&mut self, partition: i32, (about, id): (About, String)) {
        if self.waiting.is_empty() {
            self.kinds = kinds(about);
        }
        self.waiting.push_back((partition, about, id));
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Gives the next lot: whole documents with the facts of now, under the versions they have.
    pub(crate) fn next(
        &mut self,
        cluster: &Cluster,
        names: &Names,
        known: &std::collections::BTreeMap<i32, Known>,
    ) -> Result<Option<Vec<Item>>, ElasticError> {
        while let Some((partition, about, id)) = self.waiting.front() {
            let subject = (*about, id.clone());
            let facts = known.get(partition).and_then(|known| known.get(&subject));
            let Some(kind) = self.kinds.front() else {
                self.waiting.pop_front();
                self.kinds = self.waiting.front().map(|next| kinds(next.1)).unwrap_or_default();
                continue;
            };
            let scan = self.scan.get_or_insert_with(|| {
                let mark = facts.map_or("-", |facts| &*facts.mark);
                let query = json!({"bool": {
                    "filter": [
                        {"term": {"kafka.partition": partition}},
                        {"term": {about.id_field(): id}},
                        {"term": {"scorecard.deleted": false}}
                    ],
                    "must_not": [{"term": {about.mark_field(): mark}}]
                }});
                Scan::documents(names.all(*kind), query)
            });
            let Some(hits) = scan.page(cluster)? else {
                self.scan = None;
                self.kinds.pop_front();
                continue;
            };
            let alias = scan.alias();
            let items = hits.into_iter().map(|mut hit| {
                about.put(&mut hit.source, facts);
                Item::put(alias, &hit.id, How::Same(hit.version), &hit.source)
            });
            return Ok(Some(items.collect()));
        }
        Ok(None)
    }
}

/// Gives the kinds of documents that hold such facts.
fn kinds(about: About) -> VecDeque<Kind> {
    match about {
        About::Account => [Kind::Resources, Kind::Compliance, Kind::Scores, Kind::Trust].into(),
        About::Rule => [Kind::Compliance, Kind::Scores].into(),
    }
}
