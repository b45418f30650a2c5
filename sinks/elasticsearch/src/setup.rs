//! What has to be there before documents come: templates, indices, aliases. Compares, then puts.

use elasticsearch::http::Method;
use serde_json::{Value, json};

use crate::mapping::{Flavour, mapping};
use crate::names::{Kind, Names, first, hash_of_key, id};
use crate::{Cluster, Config, ElasticError};

/// Above the priority of templates that the server brings (100 for `logs-*-*`).
const PRIORITY: u32 = 500;

/// Something that the sink needs in the cluster.
struct Part {
    /// What it is, for people.
    what: String,
    path: String,
    body: Value,
}

/// Makes what the sink needs, or says what it would make. Safe to repeat: what is as it must be is
/// left alone.
pub struct Setup<'a> {
    cluster: &'a Cluster,
    config: &'a Config,
    names: Names,
    flavour: Flavour,
    dry_run: bool,
    tell: &'a dyn Fn(&str),
}

impl<'a> Setup<'a> {
    /// Asks the cluster what it is.
    ///
    /// # Errors
    /// When it does not answer, or refuses us.
    pub fn begin(
        cluster: &'a Cluster,
        config: &'a Config,
        dry_run: bool,
        tell: &'a dyn Fn(&str),
    ) -> Result<Self, ElasticError> {
        let names = Names::new(&config.prefix);
        let flavour = cluster.flavour()?;
        Ok(Self { cluster, config, names, flavour, dry_run, tell })
    }

    /// Does everything, and gives how many parts were not as they must be.
    ///
    /// # Errors
    /// When the cluster refuses a part; the parts before it are made.
    pub fn run(&self) -> Result<usize, ElasticError> {
        let mut changed = 0;
        let policy = self.policy()?;
        for part in policy.iter() {
            changed += usize::from(self.ensure(part, Method::Put)?);
        }
        for part in self.templates(policy.is_some()) {
            changed += usize::from(self.ensure(&part, Method::Put)?);
        }
        for kind in Kind::states() {
            changed += usize::from(self.index(kind)?);
            changed += usize::from(self.aliases(kind)?);
        }
        for kind in Kind::histories() {
            changed += self.months(kind)?;
        }
        changed += usize::from(self.control()?);
        Ok(changed)
    }

    /// Gives the policy that ends histories, where the server has such policies and an end is set.
    fn policy(&self) -> Result<Option<Part>, ElasticError> {
        let Some(months) = self.config.history_months else { return Ok(None) };
        if !has_lifecycles(self.cluster)? {
            return Ok(None);
        }
        let days = days_of(months);
        // An index of a month begins with it: its last event is a month younger.
        let end = json!({"min_age": format!("{days}d"), "actions": {"delete": {}}});
        let phases = json!({"hot": {"actions": {}}, "delete": end});
        let body = marked(json!({"policy": {"phases": phases}}), "/policy/_meta");
        let name = self.names.template("history");
        let path = format!("/_ilm/policy/{name}");
        Ok(Some(Part { what: format!("lifecycle policy {name}"), path, body }))
    }

    /// Gives the templates: what all kinds have in common, each kind's mapping, and which indices
    /// are made of them.
    fn templates(&self, has_policy: bool) -> Vec<Part> {
        let common = self.names.template("common");
        let part = |what: &str, folder: &str, name: &str, body: Value| Part {
            what: format!("{what} {name}"),
            path: format!("/{folder}/{name}"),
            body: marked(body, "/_meta"),
        };
        let settings = self.settings();
        let body = json!({"template": {"settings": settings}});
        let mut parts = vec![part("component template", "_component_template", &common, body)];
        for kind in Kind::ALL {
            let name = self.names.template(kind.name());
            let mapping = self.mapping(kind);
            let body = json!({"template": {"mappings": mapping}});
            parts.push(part("component template", "_component_template", &name, body));
            let mut settings = json!({});
            if kind.is_history() && has_policy {
                settings["index"] = json!({"lifecycle": {"name": self.names.template("history")}});
            }
            let mut template = json!({"settings": settings});
            if kind.is_history() {
                template["aliases"] = json!({self.names.people(kind): {}});
            }
            let body = json!({"index_patterns": [self.names.pattern(kind)],
                "priority": PRIORITY, "composed_of": [common, name], "template": template});
            parts.push(part("index template", "_index_template", &name, body));
        }
        parts
    }

    fn settings(&self) -> Value {
        let mut index = json!({"number_of_shards": self.config.shards});
        match self.config.replicas {
            Some(replicas) => index["number_of_replicas"] = json!(replicas),
            None => index["auto_expand_replicas"] = json!("0-1"),
        }
        json!({ "index": index })
    }

    /// Gives a kind's mapping with the mark by which it is known again.
    fn mapping(&self, kind: Kind) -> Value {
        marked(mapping(kind, self.flavour), "/_meta")
    }

    /// Makes the index of a kind, or adds to its mapping what is new in this release.
    fn index(&self, kind: Kind) -> Result<bool, ElasticError> {
        let all = self.names.all(kind);
        if self.cluster.find(&format!("/_alias/{all}"))?.is_none() {
            let index = self.names.index(kind);
            let aliases = json!({all: {"is_write_index": true}});
            let body = json!({ "aliases": aliases });
            self.put(&format!("index {index}"), Method::Put, &format!("/{index}"), &body)?;
            return Ok(true);
        }
        self.remap(kind, &all)
    }

    /// Adds to the mapping of an alias's indices what is new; the server refuses what it can't
    /// change in place.
    fn remap(&self, kind: Kind, alias: &str) -> Result<bool, ElasticError> {
        let wanted = self.mapping(kind);
        let there = self.cluster.call(Method::Get, &format!("/{alias}/_mapping"), None)?;
        let indices = there.as_object().into_iter().flatten();
        let mut old = indices.filter(|(_, one)| one["mappings"]["_meta"] != wanted["_meta"]);
        if old.next().is_none() {
            return Ok(false);
        }
        let path = format!("/{alias}/_mapping");
        self.put(&format!("mapping of {alias}"), Method::Put, &path, &wanted)?;
        Ok(true)
    }

    /// Makes the aliases that people search: without what is deleted.
    fn aliases(&self, kind: Kind) -> Result<bool, ElasticError> {
        let all = self.names.all(kind);
        let there = json!({"term": {"scorecard.deleted": {"value": false}}});
        let mut wanted = vec![(self.names.people(kind), there.clone())];
        if kind == Kind::Compliance {
            let judged = json!({"terms": {"result.evaluation": ["passed", "failed", "unknown"]}});
            let filter = json!({"bool": {"filter": [there, judged]}});
            wanted.push((self.names.findings(), filter));
        }
        let mut actions = Vec::new();
        for (alias, filter) in wanted {
            let found = self.cluster.find(&format!("/_alias/{alias}"))?;
            let found = found.unwrap_or_default();
            let mut indices = found.as_object().into_iter().flat_map(|map| map.values());
            let is_filtered = |one: &Value| same_filter(&one["aliases"][&alias]["filter"], &filter);
            if indices.next().is_none_or(|one| !is_filtered(one)) {
                actions.push((alias, filter));
            }
        }
        for (alias, filter) in &actions {
            // An alias takes no other alias: where documents lie is asked.
            let index = self.behind(&all)?.unwrap_or_else(|| self.names.index(kind));
            let add = json!({"index": index, "alias": alias, "filter": filter});
            let body = json!({"actions": [{"add": add}]});
            self.put(&format!("alias {alias}"), Method::Post, "/_aliases", &body)?;
        }
        Ok(!actions.is_empty())
    }

    /// Adds what is new to the mappings of a history's months.
    fn months(&self, kind: Kind) -> Result<usize, ElasticError> {
        let people = self.names.people(kind);
        match self.cluster.find(&format!("/_alias/{people}"))? {
            None => Ok(0),
            Some(_) => Ok(usize::from(self.remap(kind, &people)?)),
        }
    }

    fn control(&self) -> Result<bool, ElasticError> {
        let index = self.names.control();
        if self.cluster.find(&format!("/{index}"))?.is_some() {
            return Ok(false);
        }
        let properties = json!({"lives": {"type": "keyword"}, "life": {"type": "keyword"},
            "swept": {"type": "date"}});
        let mappings = json!({"dynamic": "strict", "properties": properties});
        let mut settings = self.settings();
        settings["index"]["number_of_shards"] = json!(1);
        let body = json!({"mappings": mappings, "settings": settings});
        self.put(&format!("index {index}"), Method::Put, &format!("/{index}"), &body)?;
        Ok(true)
    }

    /// Gives the index that an alias writes to.
    fn behind(&self, alias: &str) -> Result<Option<String>, ElasticError> {
        let found = self.cluster.find(&format!("/_alias/{alias}"))?;
        let indices = found.and_then(|found| Some(found.as_object()?.keys().cloned().collect()));
        let mut indices: Vec<String> = indices.unwrap_or_default();
        indices.sort();
        Ok(indices.pop())
    }

    /// Puts a part unless it is there with the same mark.
    fn ensure(&self, part: &Part, method: Method) -> Result<bool, ElasticError> {
        let found = self.cluster.find(&part.path)?;
        let mark = mark_of(&part.body).unwrap_or_default();
        if found.is_some_and(|found| found.to_string().contains(mark)) {
            return Ok(false);
        }
        self.put(&part.what, method, &part.path, &part.body)?;
        Ok(true)
    }

    fn put(
        &self,
        what: &str,
        method: Method,
        path: &str,
        body: &Value,
    ) -> Result<(), ElasticError> {
        let verb = format!("{method:?}").to_uppercase();
        if self.dry_run {
            (self.tell)(&format!("would make {what}: {verb} {path} {body}"));
            return Ok(());
        }
        self.cluster.call(method, path, Some(body))?;
        (self.tell)(&format!("made {what}"));
        Ok(())
    }
}

/// Tells whether the server ends indices by policies: Elasticsearch with its basic licence does.
pub(crate) fn has_lifecycles(cluster: &Cluster) -> Result<bool, ElasticError> {
    let answer = cluster.ask(Method::Get, "/_ilm/policy", None)?;
    Ok(answer.status == 200)
}

/// Makes the index of a month unless it is there; its template gives it all but its own alias.
pub(crate) fn month(cluster: &Cluster, alias: &str) -> Result<(), ElasticError> {
    let body = json!({"aliases": {alias: {"is_write_index": true}}});
    let path = format!("/{}", first(alias));
    let made = cluster.ask(Method::Put, &path, Some(&body))?;
    let is_there = made.body["error"]["type"] == "resource_already_exists_exception";
    if (200..300).contains(&made.status) || is_there {
        return Ok(());
    }
    cluster.call(Method::Put, &path, Some(&body)).map(drop)
}

/// Makes sure that everything is there which writing needs.
pub(crate) fn check(cluster: &Cluster, names: &Names) -> Result<(), ElasticError> {
    let states = Kind::states().map(|kind| format!("/_alias/{}", names.all(kind)));
    let templates =
        Kind::histories().map(|kind| format!("/_index_template/{}", names.template(kind.name())));
    let control = format!("/{}", names.control());
    for path in states.chain(templates).chain([control]) {
        if cluster.find(&path)?.is_none() {
            let missing = path.rsplit('/').next().unwrap_or_default().to_owned();
            return Err(ElasticError::NotSetUp { missing });
        }
    }
    Ok(())
}

/// Days of so many months, none shorter than it is.
pub(crate) fn days_of(months: u32) -> u32 {
    months * 31
}

/// Says within a body which body it is, so that it is known again.
fn marked(mut body: Value, at: &str) -> Value {
    let mut mark = id(&hash_of_key(body.to_string().as_bytes()));
    mark.truncate(22);
    let meta = json!({"managed_by": "scorecard", "digest": mark});
    let parent = at.rsplit_once('/').map_or("", |(parent, _)| parent);
    let parent = body.pointer_mut(parent).expect("the mark's place is there");
    parent["_meta"] = meta;
    body
}

fn mark_of(body: &Value) -> Option<&str> {
    let places = ["/_meta/digest", "/policy/_meta/digest"];
    places.into_iter().find_map(|place| body.pointer(place)?.as_str())
}

/// Compares filters by what they ask for: servers may write defaults into theirs.
fn same_filter(there: &Value, wanted: &Value) -> bool {
    match (there, wanted) {
        (Value::Object(there), Value::Object(wanted)) => wanted
            .iter()
            .all(|(name, value)| there.get(name).is_some_and(|there| same_filter(there, value))),
        (Value::Array(there), Value::Array(wanted)) => {
            there.len() == wanted.len()
                && there.iter().zip(wanted).all(|(there, wanted)| same_filter(there, wanted))
        }
        (there, wanted) => there == wanted,
    }
}
