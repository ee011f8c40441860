//! The names of users and groups.
//!
//! In: the text of `passwd` and `group` files (passwd(5), group(5)). Out: [`User`]s and group names by id. Never: I/O; who
//! owns the table reads the files.

use std::collections::HashMap;

use crate::event::model::User;

/// Most accounts, and most groups, that are kept; later ones are left out. A host has some hundred.
pub const ENTRIES_MAX: usize = 65_536;

/// A user database.
#[derive(Clone, Debug, Default)]
pub struct Users {
    users: ById<User>,
    groups: ById<Box<str>>,
}

/// What is known by number, up to [`ENTRIES_MAX`].
#[derive(Clone, Debug)]
pub struct ById<T> {
    entries: HashMap<u32, T>,
    omitted: u64,
}

impl Users {
    /// Reads both files. A line that is not one of theirs is passed over, as the C library does; of two with the same id
    /// the first counts.
    #[must_use]
    pub fn parse(passwd: &str, group: &str) -> Self {
        let mut this = Self::default();
        for line in passwd.lines() {
            let mut parts = line.split(':');
            let (Some(name), Some(_password), Some(uid)) =
                (parts.next(), parts.next(), parts.next())
            else {
                continue;
            };
            let (_gid, _comment) = (parts.next(), parts.next());
            if let Ok(uid) = uid.parse() {
                this.users.insert(uid, || User {
                    name: name.into(),
                    home: parts.next().unwrap_or_default().into(),
                    shell: parts.next().unwrap_or_default().into(),
                });
            }
        }
        for line in group.lines() {
            let mut parts = line.split(':');
            if let (Some(name), Some(_password), Some(gid)) =
                (parts.next(), parts.next(), parts.next())
                && let Ok(gid) = gid.parse()
            {
                this.groups.insert(gid, || name.into());
            }
        }
        this
    }

    /// An account by its user id.
    #[must_use]
    pub fn user(&self, uid: u32) -> Option<&User> {
        self.users.entries.get(&uid)
    }

    /// A group's name by its id.
    #[must_use]
    pub fn group(&self, gid: u32) -> Option<&str> {
        self.groups.entries.get(&gid).map(|name| &**name)
    }

    /// All accounts.
    #[must_use]
    pub fn users(&self) -> &ById<User> {
        &self.users
    }

    /// All groups.
    #[must_use]
    pub fn groups(&self) -> &ById<Box<str>> {
        &self.groups
    }
}

impl<T> ById<T> {
    /// How many are held.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether nothing is held.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// How many there was no room for.
    #[must_use]
    pub fn omitted(&self) -> u64 {
        self.omitted
    }

    fn insert(&mut self, id: u32, entry: impl FnOnce() -> T) {
        if self.entries.contains_key(&id) {
            return;
        }
        if self.entries.len() < ENTRIES_MAX {
            self.entries.insert(id, entry());
        } else {
            self.omitted += 1;
        }
    }
}

impl<T> Default for ById<T> {
    fn default() -> Self {
        Self {
            entries: HashMap::new(),
            omitted: 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_become_accounts_and_odd_lines_do_not() {
        let users = Users::parse(
            "root:x:0:0:root:/root:/bin/bash\n\n#c\nsecond-root:x:0:0::/:/bin/sh\nweb:x:33:33\nbad:x:minus:1::/:\n",
            "root:x:0:\nshadow:x:42:a,b\n",
        );
        assert_eq!(
            users.user(0),
            Some(&User {
                name: "root".into(),
                home: "/root".into(),
                shell: "/bin/bash".into()
            })
        );
        assert_eq!(users.user(33).map(|user| &*user.home), Some(""));
        assert_eq!(
            (users.user(1), users.group(42), users.group(1)),
            (None, Some("shadow"), None)
        );
    }

    #[test]
    fn what_there_is_no_room_for_is_counted() {
        let groups: String = (0..70_000)
            .map(|gid| format!("g{gid}:x:{gid}:\n"))
            .collect();
        let users = Users::parse("root:x:0:0:::\n", &(groups + "again:x:7:\n"));
        assert_eq!((users.users().len(), users.users().omitted()), (1, 0));
        let groups = users.groups();
        assert_eq!((groups.len(), groups.omitted()), (65_536, 70_000 - 65_536));
        assert_eq!(
            (users.group(65_535), users.group(65_536)),
            (Some("g65535"), None)
        );
    }
}
