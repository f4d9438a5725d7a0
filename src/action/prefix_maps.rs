//! The user's own prefix maps, and what they make of names that the action spells differently.

use super::reason::PlacedLocally;
use crate::command::{Family, MapKind};
use crate::toolchain::Toolchain;

/// One `-f…-prefix-map=old=new` of the user's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct UserMap {
    pub(super) kind: MapKind,
    pub(super) old: String,
    pub(super) new: String,
}

impl UserMap {
    /// Splits the value of the option as the compiler does. `None` if it has no `=`, which is the compiler's to refuse.
    pub(super) fn parse(family: Family, kind: MapKind, value: &str) -> Option<Self> {
        let (old, new) = match family {
            Family::Gcc => value.rsplit_once('=')?,
            Family::Clang => value.split_once('=')?,
        };
        Some(Self {
            kind,
            old: old.to_owned(),
            new: new.to_owned(),
        })
    }
}

/// Which of several maps that fit a name acts on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Choice {
    /// The last one on the command line.
    Last,
    /// The one with the longest `old`; of equal ones the first on the command line.
    Longest,
    /// The one with the shortest `old`; of equal ones the first on the command line.
    Shortest,
    /// One of these rules, it is not known which.
    Unknown,
}

fn choice(toolchain: &Toolchain, kind: MapKind) -> Choice {
    match (toolchain.family, toolchain.version.0, kind) {
        (Family::Clang, ..=14, MapKind::Coverage) => Choice::Shortest,
        (Family::Clang, ..=14, _) | (Family::Clang, 19.., MapKind::Macro) => Choice::Longest,
        (Family::Gcc, ..) | (Family::Clang, 19.., _) => Choice::Last,
        (Family::Clang, ..) => Choice::Unknown,
    }
}

/// The user's maps of one compiler invocation.
pub(super) struct UserMaps<'a> {
    toolchain: &'a Toolchain,
    maps: Vec<UserMap>,
}

impl<'a> UserMaps<'a> {
    /// `maps` in command-line order.
    pub(super) fn new(toolchain: &'a Toolchain, maps: Vec<UserMap>) -> Self {
        Self { toolchain, maps }
    }

    /// Whether one of them acts on `__FILE__`.
    pub(super) fn any_for_macros(&self) -> bool {
        self.maps
            .iter()
            .any(|map| matches!(map.kind, MapKind::File | MapKind::Macro))
    }

    /// The maps that act on names of this kind, weakest first where the last one wins.
    fn of_kind(&self, kind: MapKind) -> Vec<&UserMap> {
        let files_apart = self.toolchain.family == Family::Gcc && kind == MapKind::Macro;
        let mut all: Vec<&UserMap> = self
            .maps
            .iter()
            .filter(|map| map.kind == kind || map.kind == MapKind::File)
            .collect();
        if files_apart {
            // For `__FILE__` gcc prefers every file map to every macro map, in whatever order they stand.
            all.sort_by_key(|map| map.kind == MapKind::File);
        }
        all
    }

    /// What the maps of this kind make of a name.
    pub(super) fn apply(&self, kind: MapKind, name: &str) -> Result<String, PlacedLocally> {
        let maps = self.of_kind(kind);
        let mut fitting = maps.iter().filter(|map| name.starts_with(map.old.as_str()));
        let chosen = match choice(self.toolchain, kind) {
            Choice::Last => fitting.next_back(),
            // Of equal keys `max_by_key` takes the last, so that the first is the last of the reversed.
            Choice::Longest => fitting.rev().max_by_key(|map| map.old.len()),
            Choice::Shortest => fitting.min_by_key(|map| map.old.len()),
            Choice::Unknown if fitting.clone().count() > 1 => return Err(PlacedLocally::PrefixMapOrder),
            Choice::Unknown => fitting.next(),
        };
        Ok(chosen.map_or_else(
            || name.to_owned(),
            |map| format!("{}{}", map.new, &name[map.old.len()..]),
        ))
    }

    /// Maps of this kind that make of names below `spelled` what the user's maps make of names below `root`:
    /// `spelled` itself, and the same for every `old` of the user's that lies deeper. Shorter ones first, so that both
    /// "the last wins" and "the longest wins" choose the deepest.
    pub(super) fn compose(
        &self,
        kind: MapKind,
        spelled: &str,
        root: &str,
    ) -> Result<Vec<(String, String)>, PlacedLocally> {
        let maps = self.of_kind(kind);
        let mut olds: Vec<&str> = maps
            .iter()
            .filter_map(|map| map.old.strip_prefix(root).filter(|rest| rest.starts_with('/')))
            .collect();
        if matches!(choice(self.toolchain, kind), Choice::Shortest | Choice::Unknown) {
            // Where the shortest wins, the map of the root hides every deeper one, and is hidden by a shorter one.
            let fits = maps.iter().any(|map| root.starts_with(map.old.as_str()));
            let hidden = maps.iter().any(|map| spelled.starts_with(map.old.as_str()));
            let unknown = choice(self.toolchain, kind) == Choice::Unknown;
            if hidden || !olds.is_empty() && (unknown || !fits) {
                return Err(PlacedLocally::PrefixMapOrder);
            }
            olds.clear();
        }
        olds.push("");
        olds.sort_by_key(|old| (old.len(), *old));
        olds.dedup();
        olds.into_iter()
            .map(|below| {
                let new = self.apply(kind, &format!("{root}{below}"))?;
                Ok((format!("{spelled}{below}"), new))
            })
            .collect()
    }

    /// `option=old=new`, if the compiler splits it there again.
    pub(super) fn word(&self, option: &str, old: &str, new: &str) -> Result<String, PlacedLocally> {
        let misread = match self.toolchain.family {
            Family::Gcc => new,
            Family::Clang => old,
        };
        if misread.contains('=') {
            return Err(PlacedLocally::EqualsSign(misread.to_owned()));
        }
        Ok(format!("{option}={old}={new}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::Digest;

    fn toolchain(family: Family, major: u32) -> Toolchain {
        Toolchain {
            driver: "/usr/bin/cc".into(),
            driver_real: "/usr/bin/cc".into(),
            family,
            version: (major, 0, 0),
            target: "x86_64-linux-gnu".to_owned(),
            files: Vec::new(),
            facts: Digest::empty(),
            include_dirs: Vec::new(),
            library_path_matters: false,
        }
    }

    fn parse(family: Family, options: &str) -> Vec<UserMap> {
        options
            .split_whitespace()
            .map(|option| {
                let (kind, value) = option.split_once(':').expect("kind:old=new");
                let kind = match kind {
                    "file" => MapKind::File,
                    "macro" => MapKind::Macro,
                    "coverage" => MapKind::Coverage,
                    _ => MapKind::Debug,
                };
                UserMap::parse(family, kind, value).expect("a map")
            })
            .collect()
    }

    #[track_caller]
    fn check(family: Family, major: u32, kind: MapKind, options: &str, expected: &[(&str, &str)]) {
        let toolchain = toolchain(family, major);
        let maps = UserMaps::new(&toolchain, parse(family, options));
        let composed = maps.compose(kind, "../_rw", "/x").expect("known order");
        let composed: Vec<_> = composed.iter().map(|(old, new)| (old.as_str(), new.as_str())).collect();
        assert_eq!(composed, expected, "{options}");
    }

    #[test]
    fn without_maps_the_root_comes_back() {
        check(Family::Gcc, 12, MapKind::Debug, "", &[("../_rw", "/x")]);
    }

    #[test]
    fn deeper_maps_are_spelled_again_shorter_ones_first() {
        for (family, major) in [(Family::Gcc, 12), (Family::Clang, 14), (Family::Clang, 19)] {
            check(
                family,
                major,
                MapKind::Debug,
                "file:/x=. file:/x/third=T file:/y=Y",
                &[("../_rw", "."), ("../_rw/third", "T")],
            );
        }
    }

    #[test]
    fn the_last_map_wins_with_gcc_and_the_longest_with_clang() {
        let options = "file:/x/third=T file:/x=.";
        check(
            Family::Gcc,
            12,
            MapKind::Debug,
            options,
            &[("../_rw", "."), ("../_rw/third", "./third")],
        );
        check(
            Family::Clang,
            14,
            MapKind::Debug,
            options,
            &[("../_rw", "."), ("../_rw/third", "T")],
        );
        check(
            Family::Clang,
            19,
            MapKind::Debug,
            options,
            &[("../_rw", "."), ("../_rw/third", "./third")],
        );
        check(
            Family::Clang,
            19,
            MapKind::Macro,
            options,
            &[("../_rw", "."), ("../_rw/third", "T")],
        );
    }

    #[test]
    fn for_coverage_clang_14_takes_the_shortest() {
        let options = "file:/x/third=T file:/=ROOT/ file:/x=.";
        check(Family::Clang, 14, MapKind::Coverage, options, &[("../_rw", "ROOT/x")]);
        check(
            Family::Clang,
            19,
            MapKind::Coverage,
            options,
            &[("../_rw", "."), ("../_rw/third", "./third")],
        );
        let toolchain = toolchain(Family::Clang, 14);
        for options in ["coverage:/x/third=T", "file:../=up/"] {
            let maps = UserMaps::new(&toolchain, parse(Family::Clang, options));
            let composed = maps.compose(MapKind::Coverage, "../_rw", "/x");
            assert_eq!(composed, Err(PlacedLocally::PrefixMapOrder), "{options}");
        }
    }

    #[test]
    fn of_equal_maps_clang_takes_the_first() {
        check(
            Family::Clang,
            14,
            MapKind::Macro,
            "macro:/x=1 macro:/x=2",
            &[("../_rw", "1")],
        );
    }

    #[test]
    fn gcc_prefers_file_maps_for_macros() {
        check(
            Family::Gcc,
            12,
            MapKind::Macro,
            "file:/x=F macro:/x=M",
            &[("../_rw", "F")],
        );
        check(
            Family::Gcc,
            12,
            MapKind::Macro,
            "macro:/x=M debug:/x=D",
            &[("../_rw", "M")],
        );
    }

    #[test]
    fn maps_match_text_and_not_components() {
        check(
            Family::Gcc,
            12,
            MapKind::Debug,
            "file:/=R file:/x2=N",
            &[("../_rw", "Rx")],
        );
        check(
            Family::Gcc,
            12,
            MapKind::Debug,
            "file:/x/=",
            &[("../_rw", "/x"), ("../_rw/", "")],
        );
    }

    #[test]
    fn an_unknown_order_matters_only_where_the_rules_differ() {
        let toolchain = toolchain(Family::Clang, 16);
        let maps = UserMaps::new(&toolchain, parse(Family::Clang, "file:/x=. file:/y=Y"));
        assert!(maps.compose(MapKind::Debug, "../_rw", "/x").is_ok());
        let maps = UserMaps::new(&toolchain, parse(Family::Clang, "file:/x/a=A file:/x=."));
        assert_eq!(
            maps.compose(MapKind::Debug, "../_rw", "/x"),
            Err(PlacedLocally::PrefixMapOrder)
        );
    }

    #[test]
    fn each_family_splits_at_another_equals_sign() {
        let gcc = UserMap::parse(Family::Gcc, MapKind::File, "a=b=c").expect("a map");
        assert_eq!((gcc.old.as_str(), gcc.new.as_str()), ("a=b", "c"));
        let clang = UserMap::parse(Family::Clang, MapKind::File, "a=b=c").expect("a map");
        assert_eq!((clang.old.as_str(), clang.new.as_str()), ("a", "b=c"));
        let (gcc, clang) = (toolchain(Family::Gcc, 12), toolchain(Family::Clang, 14));
        assert!(UserMaps::new(&gcc, Vec::new()).word("-f", "p", "/a=b").is_err());
        assert!(UserMaps::new(&clang, Vec::new()).word("-f", "p", "/a=b").is_ok());
    }
}
