//! What a file can have changed in what was collected before it.
//!
//! In: the collection after each file. Out: the part of it that may compile otherwise than before: what the file defines or adds
//! to, whatever refers to that, and everything these refer to in turn. Never: compiling.
//!
//! A list, macro or rule refers to all that its words name, wherever the words stand: more than it can mean, never less.

use std::collections::{BTreeSet, HashMap, HashSet};

use foldhash::fast::FixedState;

use crate::collect::exception::Form;
use crate::collect::{Collection, Rule};
use crate::read::item::Entry;

/// A list, macro or rule, by its index in the collection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Item {
    List(usize),
    Macro(usize),
    Rule(usize),
}

/// Finds what each file can have changed.
#[derive(Default)]
pub(super) struct Changes {
    /// For each word the items that hold it, or once held it.
    holders: HashMap<Box<str>, Vec<Item>, FixedState>,
    /// Definitions and additions up to the last file.
    seen: u32,
}

impl Changes {
    /// The part of the collection that the last file can have changed. Call it after each file.
    pub(super) fn next(&mut self, collection: &Collection) -> Collection {
        let mut items = self.changed(collection);
        for item in &items {
            words(collection, *item, &mut |word| self.note(word, *item));
        }
        let any_word =
            |item: &Item| name(collection, *item).is_some_and(|name| name.contains(ends_word));
        if items.iter().any(any_word) {
            // Such a name can come about where texts meet, in any text.
            return part(collection, &all(collection).collect());
        }
        let mut open: Vec<Item> = items.iter().copied().collect();
        while let Some(name) = open.pop().map(|item| name(collection, item)) {
            let holders = name.and_then(|name| self.holders.get(name));
            open.extend(
                holders
                    .into_iter()
                    .flatten()
                    .filter(|item| items.insert(**item)),
            );
        }
        part(collection, &with_all_named(collection, items))
    }

    /// What was defined or added to since the last call.
    fn changed(&mut self, collection: &Collection) -> BTreeSet<Item> {
        let since = std::mem::replace(&mut self.seen, collection.count());
        let order = |item: &Item| match *item {
            Item::List(index) => collection.lists[index].order,
            Item::Macro(index) => collection.macros[index].order,
            Item::Rule(index) => collection.rules[index].order,
        };
        all(collection)
            .filter(|item| order(item).visibility >= since)
            .collect()
    }

    fn note(&mut self, word: &str, item: Item) {
        match self.holders.get_mut(word) {
            Some(holders) if holders.last() == Some(&item) => {}
            Some(holders) => holders.push(item),
            None => {
                self.holders.insert(word.into(), vec![item]);
            }
        }
    }
}

/// Adds everything that the words of the items name.
fn with_all_named(collection: &Collection, mut items: BTreeSet<Item>) -> BTreeSet<Item> {
    let odd = collection.lists.keys().enumerate();
    items.extend(
        odd.filter(|(_, name)| name.contains(ends_word))
            .map(|(index, _)| Item::List(index)),
    );
    let mut open: Vec<Item> = items.iter().copied().collect();
    let mut known: HashSet<Box<str>, FixedState> = HashSet::default();
    while let Some(item) = open.pop() {
        words(collection, item, &mut |word| {
            if known.contains(word) {
                return;
            }
            known.insert(word.into());
            let list = collection.lists.get_index_of(word).map(Item::List);
            let named = collection.macros.get_index_of(word).map(Item::Macro);
            open.extend(
                list.into_iter()
                    .chain(named)
                    .filter(|item| items.insert(*item)),
            );
        });
    }
    items
}

/// The collection with these items alone, in their old order.
fn part(collection: &Collection, items: &BTreeSet<Item>) -> Collection {
    let mut part = Collection::default();
    for item in items {
        match *item {
            Item::List(index) => part.lists.extend(copy(collection.lists.get_index(index))),
            Item::Macro(index) => part.macros.extend(copy(collection.macros.get_index(index))),
            Item::Rule(index) => part.rules.extend(copy(collection.rules.get_index(index))),
        }
    }
    part
}

fn copy<T: Clone>(entry: Option<(&String, &T)>) -> Option<(String, T)> {
    entry.map(|(name, item)| (name.clone(), item.clone()))
}

fn all(collection: &Collection) -> impl Iterator<Item = Item> {
    let lists = (0..collection.lists.len()).map(Item::List);
    let macros = (0..collection.macros.len()).map(Item::Macro);
    let rules = (0..collection.rules.len()).map(Item::Rule);
    lists.chain(macros).chain(rules)
}

/// What others call an item; nothing refers to rules.
fn name(collection: &Collection, item: Item) -> Option<&str> {
    let name = match item {
        Item::List(index) => collection.lists.get_index(index)?.0,
        Item::Macro(index) => collection.macros.get_index(index)?.0,
        Item::Rule(_) => return None,
    };
    Some(name)
}

/// All words of an item.
fn words(collection: &Collection, item: Item, visit: &mut dyn FnMut(&str)) {
    match item {
        Item::List(index) => {
            let items = &collection.lists[index].items;
            items.iter().for_each(|item| words_of(item.as_str(), visit));
        }
        Item::Macro(index) => words_of(collection.macros[index].condition.as_str(), visit),
        Item::Rule(index) => words_of_rule(&collection.rules[index], visit),
    }
}

fn words_of_rule(rule: &Rule, visit: &mut dyn FnMut(&str)) {
    words_of(rule.condition.as_str(), visit);
    for exception in &rule.exceptions {
        let columns = match &exception.form {
            Form::Single(column) => std::slice::from_ref(column),
            Form::Tuple(columns) => columns,
        };
        columns
            .iter()
            .for_each(|column| words_of(column.field.as_str(), visit));
        exception
            .values
            .iter()
            .for_each(|value| words_of_entry(value, visit));
    }
}

/// Entries nest a few levels only: the reader sees to that.
fn words_of_entry(entry: &Entry, visit: &mut dyn FnMut(&str)) {
    match entry {
        Entry::Absent => {}
        Entry::Word(word) => words_of(word.as_str(), visit),
        Entry::List(entries, _) => entries
            .iter()
            .for_each(|entry| words_of_entry(entry, visit)),
    }
}

fn words_of(text: &str, visit: &mut dyn FnMut(&str)) {
    text.split(ends_word)
        .filter(|word| !word.is_empty())
        .for_each(visit);
}

/// What stands around names in conditions, also what only quoting or parsing puts there.
fn ends_word(c: char) -> bool {
    c.is_ascii_whitespace() || matches!(c, '\u{8}' | '\u{b}' | '(' | ')' | ',' | '=' | '"' | '\'')
}
