//! Which `-l` take archives only: `-Bstatic` and its relatives, which each linker reads in its own way.
//!
//! GNU ld and lld go by the place of the option. gold does so too, but `-static` anywhere holds for all. Old mold begins
//! with what holds at the end of the line, newer ones do not; where versions of one linker differ so, the step is
//! local-only. Seen with GNU ld and gold 2.40 and 2.44, lld 14, 19 and 21, mold 1.10, 2.37 and 3.0.

use super::line::Product;
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
    /// The last option, and the last one outside of pushed states.
    last: bool,
    last_outside: bool,
    /// `None` without `-static`; then whether no `-Bdynamic` came after it.
    all_static: Option<bool>,
}

impl LibraryKinds {
    /// `-Bstatic`, `-Bdynamic`.
    pub(super) fn set(&mut self, static_only: bool) {
        self.now = Some(static_only);
        self.last = static_only;
        if self.pushed.is_empty() {
            self.last_outside = static_only;
        }
        self.all_static = self.all_static.map(|all| all && static_only);
    }

    /// `-static`.
    pub(super) fn set_all_static(&mut self) {
        self.set(true);
        self.all_static = Some(true);
    }

    /// Whether nothing is loaded dynamically.
    pub(super) fn are_all_static(&self) -> bool {
        self.all_static.unwrap_or_default()
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

    /// Settles what only the whole line decides.
    pub(super) fn settle(&self, line: &mut LinkLine, product: Product) -> Result<(), LocalOnly> {
        let flavour = line.flavour;
        let object = product == Product::Object;
        let all = (flavour == Flavour::Bfd && object) || (flavour == Flavour::Gold && self.all_static.is_some());
        for (number, item) in line.items.iter_mut().enumerate() {
            let LinkItem::Library(name, state) = item else {
                continue;
            };
            state.static_only |= all;
            let by_version = match flavour {
                Flavour::Bfd | Flavour::Gold => false,
                // lld 14 takes a shared library for `-r` and fails, lld 19 takes an archive.
                Flavour::Lld => object && !state.static_only,
                Flavour::Mold => (object || self.ends_static()) && self.undecided.contains(&number),
            };
            if by_version && !name.starts_with(':') {
                return Err(LocalOnly::LinkRules {
                    option: format!("-l{name}"),
                });
            }
        }
        Ok(())
    }

    /// Whether some version of mold begins with archives only: the last option says so, pushed states counted or not.
    fn ends_static(&self) -> bool {
        self.last || self.last_outside
    }
}
