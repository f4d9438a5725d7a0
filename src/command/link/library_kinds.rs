//! Which `-l` take archives only: `-Bstatic` and its relatives, which each linker reads in its own way.
//!
//! GNU ld and lld go by the place of the option. gold does so too, but `-static` anywhere holds for all. mold begins
//! with what holds at the end of the line. Where versions of one linker differ the step is local-only. Seen with GNU ld
//! and gold 2.40, lld 14 and 19, mold 1.10; newer mold leaves options between `--push-state` and `--pop-state` out of
//! what it begins with.

use super::{Flavour, LinkItem, LinkLine};
use crate::command::LocalOnly;

/// What the options so far say.
#[derive(Debug, Default)]
pub(super) struct LibraryKinds {
    /// `None` before the first option.
    now: Option<bool>,
    pushed: Vec<Option<bool>>,
    /// Items that come before the first option.
    undecided: Vec<usize>,
    /// The last option of all, and the last one outside of pushed states.
    last: bool,
    last_outside: bool,
    /// `-static` was given.
    pub(super) anywhere_static: bool,
}

impl LibraryKinds {
    /// `-Bstatic`, `-Bdynamic`.
    pub(super) fn set(&mut self, static_only: bool) {
        self.now = Some(static_only);
        self.last = static_only;
        if self.pushed.is_empty() {
            self.last_outside = static_only;
        }
    }

    pub(super) fn push(&mut self) {
        self.pushed.push(self.now);
    }

    pub(super) fn pop(&mut self) {
        self.now = self.pushed.pop().unwrap_or(self.now);
    }

    /// What holds for the library that becomes the item of this number.
    pub(super) fn now(&mut self, item: usize) -> bool {
        if self.now.is_none() {
            self.undecided.push(item);
        }
        self.now.unwrap_or_default()
    }

    /// Settles what only the end of the line decides.
    pub(super) fn settle(&self, line: &mut LinkLine, relocatable: bool) -> Result<(), LocalOnly> {
        let all = match line.flavour {
            Flavour::Bfd => relocatable,
            Flavour::Gold => self.anywhere_static,
            Flavour::Lld | Flavour::Mold => false,
        };
        let from_the_start = line.flavour == Flavour::Mold && (relocatable || self.last);
        for (number, item) in line.items.iter_mut().enumerate() {
            let LinkItem::Library(name, state) = item else {
                continue;
            };
            let undecided = self.undecided.contains(&number);
            if undecided && line.flavour == Flavour::Mold && !relocatable && self.last != self.last_outside {
                return Err(rules("--push-state"));
            }
            state.static_only |= all || (undecided && from_the_start);
            // lld 14 takes a shared library and fails, lld 19 takes an archive.
            let by_version = line.flavour == Flavour::Lld && relocatable && !state.static_only;
            if by_version && !name.starts_with(':') {
                return Err(rules(&format!("-r -l{name}")));
            }
        }
        Ok(())
    }
}

fn rules(option: &str) -> LocalOnly {
    LocalOnly::LinkRules {
        option: option.to_owned(),
    }
}
