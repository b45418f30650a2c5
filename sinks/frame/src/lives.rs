//! Lives of topics: what was deleted and made anew is read from its start.
//!
//! A position means nothing in another life of its topic, so each is committed with the name of the
//! life that it is of. Whoever takes a partition over begins at 0 where that is another one now.

use std::collections::BTreeMap;
use std::fmt;

use schemas::TopicSpec;
use stream::{Log, LogError, Noted, Position};

/// The lives of topics at one time, by the topics' names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Lives(BTreeMap<&'static str, String>);

/// What stands beside a committed position.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Note<'a> {
    /// Where the batch ends that begins there and may have been delivered.
    pub(crate) to: Option<i64>,
    /// The topic's life; none in notes of other programs.
    pub(crate) life: Option<&'a str>,
}

impl Lives {
    /// Asks for the present lives of topics.
    pub(crate) fn present(log: &dyn Log, topics: &[&'static TopicSpec]) -> Result<Self, LogError> {
        let each = topics.iter().map(|topic| Ok((topic.name, log.incarnation(topic)?)));
        each.collect::<Result<_, _>>().map(Self)
    }

    /// Gives the first of these topics that does not live this life any more.
    pub(crate) fn ended(
        &self,
        log: &dyn Log,
        topics: impl IntoIterator<Item = &'static TopicSpec>,
    ) -> Result<Option<&'static TopicSpec>, LogError> {
        for topic in topics {
            match log.incarnation(topic) {
                Ok(life) if self.0.get(topic.name) == Some(&life) => {}
                Ok(_) | Err(LogError::Topic { .. }) => return Ok(Some(topic)),
                Err(error) => return Err(error),
            }
        }
        Ok(None)
    }

    /// Makes a position of these lives, with its note, to be committed.
    pub(crate) fn noted(&self, position: Position, to: Option<i64>) -> Noted {
        let life = self.0.get(position.topic.name).map(String::as_str);
        Noted { position, note: Note { to, life }.to_string() }
    }

    /// Gives the start of what was committed in another life; none where it is of this one, or
    /// nothing says which.
    pub(crate) fn anew(&self, committed: &Noted) -> Option<Noted> {
        let Position { topic, partition, .. } = committed.position;
        let life = Note::read(&committed.note).life?;
        let is_this = self.0.get(topic.name).is_some_and(|this| this == life);
        (!is_this).then(|| self.noted(Position { topic, partition, offset: 0 }, None))
    }
}

impl<'a> Note<'a> {
    /// Reads a note; what nobody here wrote says nothing.
    pub(crate) fn read(text: &'a str) -> Self {
        let mut note = Self::default();
        for word in text.split_whitespace() {
            match (word.strip_prefix('@'), word.parse()) {
                (Some(life), _) => note.life = Some(life),
                (None, Ok(to)) => note.to = Some(to),
                (None, Err(_)) => {
                    tracing::warn!(note = text, "the note of a position is of another program");
                    return Self::default();
                }
            }
        }
        note
    }
}

/// `17 @LIFE`, each part only where it is there.
impl fmt::Display for Note<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let to = self.to.map(|to| to.to_string());
        let life = self.life.map(|life| format!("@{life}"));
        let words: Vec<String> = to.into_iter().chain(life).collect();
        f.write_str(&words.join(" "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use schemas::topic::{RESOURCE_CHANGE, RESOURCE_STATE};

    #[test]
    fn notes_are_read_as_they_are_written() {
        for (to, life, text) in [
            (Some(17), Some("a.3"), "17 @a.3"),
            (None, Some("a.3"), "@a.3"),
            (Some(17), None, "17"),
            (None, None, ""),
        ] {
            let note = Note { to, life };
            assert_eq!(note.to_string(), text);
            assert_eq!(Note::read(text), note);
        }
        assert_eq!(Note::read("17 words of somebody @else"), Note::default());
    }

    #[test]
    fn only_what_is_of_another_life_begins_anew() {
        let lives = Lives(BTreeMap::from([(RESOURCE_STATE.spec.name, "new".to_owned())]));
        let at = |offset| Position { topic: RESOURCE_STATE.spec, partition: 2, offset };
        let noted = |note: &str| Noted { position: at(9), note: note.to_owned() };
        let start = Noted { position: at(0), note: "@new".to_owned() };
        assert_eq!(lives.anew(&noted("12 @old")), Some(start));
        for note in ["@new", "12 @new", "12", "", "words"] {
            assert_eq!(lives.anew(&noted(note)), None, "{note}");
        }
        let unknown = Position { topic: RESOURCE_CHANGE.spec, ..at(9) };
        assert_eq!(lives.noted(unknown, Some(10)).note, "10");
    }
}
