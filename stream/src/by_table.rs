//! A value for each of a few tables: a stage has a handful, so looking through a list beats a tree.

/// Values by table.
#[derive(Debug)]
pub(crate) struct ByTable<T>(Vec<(&'static str, T)>);

impl<T> Default for ByTable<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T: Default> ByTable<T> {
    pub(crate) fn get(&self, table: &str) -> Option<&T> {
        // Names of other lengths are told apart without looking at them.
        self.0.iter().find(|(name, _)| *name == table).map(|(_, value)| value)
    }

    pub(crate) fn get_mut(&mut self, table: &str) -> Option<&mut T> {
        self.0.iter_mut().find(|(name, _)| *name == table).map(|(_, value)| value)
    }

    pub(crate) fn of(&mut self, table: &'static str) -> &mut T {
        let at = self.0.iter().position(|(name, _)| *name == table).unwrap_or_else(|| {
            self.0.push((table, T::default()));
            self.0.len() - 1
        });
        &mut self.0[at].1
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&'static str, &T)> {
        self.0.iter().map(|(name, value)| (*name, value))
    }

    /// Gives tables and values by the tables' names.
    pub(crate) fn sorted(&mut self) -> impl Iterator<Item = (&'static str, &mut T)> {
        self.0.sort_unstable_by_key(|(name, _)| *name);
        self.0.iter_mut().map(|(name, value)| (*name, value))
    }
}

impl<T> IntoIterator for ByTable<T> {
    type Item = (&'static str, T);
    type IntoIter = std::vec::IntoIter<Self::Item>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}
