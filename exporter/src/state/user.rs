//! The names of users and groups.
//!
//! In: the text of `passwd` and `group` files (passwd(5), group(5)). Out: [`User`]s and group names by id. Never: I/O; who
//! owns the table reads the files.

use std::collections::HashMap;

use crate::event::model::User;

/// Most accounts, and most groups, that are kept; later lines are dropped. A host has some hundred.
const ENTRIES_MAX: usize = 65_536;

/// A user database.
#[derive(Clone, Debug, Default)]
pub struct Users {
    users: HashMap<u32, User>,
    groups: HashMap<u32, Box<str>>,
}

impl Users {
    /// Reads both files. A line that is not one of theirs is passed over, as the C library does; of two with the same id
    /// the first counts.
    #[must_use]
    pub fn parse(passwd: &str, group: &str) -> Self {
        let mut this = Self::default();
        for line in passwd.lines().take(ENTRIES_MAX) {
            let mut parts = line.split(':');
            let (Some(name), Some(_password), Some(uid)) =
                (parts.next(), parts.next(), parts.next())
            else {
                continue;
            };
            let (_gid, _comment) = (parts.next(), parts.next());
            if let Ok(uid) = uid.parse() {
                this.users.entry(uid).or_insert_with(|| User {
                    name: name.into(),
                    home: parts.next().unwrap_or_default().into(),
                    shell: parts.next().unwrap_or_default().into(),
                });
            }
        }
        for line in group.lines().take(ENTRIES_MAX) {
            let mut parts = line.split(':');
            if let (Some(name), Some(_password), Some(gid)) =
                (parts.next(), parts.next(), parts.next())
                && let Ok(gid) = gid.parse()
            {
                this.groups.entry(gid).or_insert_with(|| name.into());
            }
        }
        this
    }

    /// An account by its user id.
    #[must_use]
    pub fn user(&self, uid: u32) -> Option<&User> {
        self.users.get(&uid)
    }

    /// A group's name by its id.
    #[must_use]
    pub fn group(&self, gid: u32) -> Option<&str> {
        self.groups.get(&gid).map(|name| &**name)
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
}
