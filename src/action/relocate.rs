//! The user's words as the action says them: paths inside the exec root by way of the relocated root, everything that
//! is recorded unchanged.

use super::exactness::{Rewritten, SystemDir, is_system};
use super::path_map::PathMap;
use super::place::{Location, PORTABLE_ROOT, inside};
use super::prefix_maps::UserMap;
use super::reason::PlacedLocally;
use super::{ActionRequest, Place};
use crate::command::{Arg, Family, MapKind, Native, Role};
use crate::config::PathsMode;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// The command line of a relocated action, before the recipe adds its options.
pub(super) struct Relocated {
    /// One list of words per argument of the user's.
    pub(super) words: Vec<Vec<String>>,
    /// What was rewritten.
    pub(super) rewritten: Rewritten,
    /// The user's prefix maps, in `portable` mode already in terms of the portable root.
    pub(super) maps: Vec<UserMap>,
    /// gcc's system directories inside the exec root.
    pub(super) system_dirs: Vec<SystemDir>,
}

/// Relocates the arguments, or says by which of them the step is placed locally.
pub(super) fn relocate(request: &ActionRequest<'_>) -> Result<Relocated, PlacedLocally> {
    let mut relocated = Relocated {
        words: Vec::with_capacity(request.command.args.len()),
        rewritten: Rewritten::default(),
        maps: Vec::new(),
        system_dirs: Vec::new(),
    };
    for arg in &request.command.args {
        let words = relocated.argument(request, arg)?;
        relocated.words.push(words);
    }
    Ok(relocated)
}

impl Relocated {
    fn argument(&mut self, request: &ActionRequest<'_>, arg: &Arg) -> Result<Vec<String>, PlacedLocally> {
        let words = arg.words();
        if let Some(word) = words.iter().find(|word| PathMap::could_be_ours(word)) {
            return Err(PlacedLocally::ReservedName(word.clone()));
        }
        match arg.role {
            Role::Plain | Role::Structure | Role::DepFlag => unchanged(request, words),
            Role::Native(Native::Asked | Native::Known) => Ok(Vec::new()),
            Role::Native(Native::Resolved) => unchanged(request, words),
            Role::Macro | Role::DepTarget | Role::CompilationDir => Ok(words),
            Role::PrefixMap(kind) => Ok(self.prefix_map(request, arg, kind)),
            Role::Depfile
            | Role::Output
            | Role::SecondaryOutput
            | Role::SearchDir(_)
            | Role::ProfileDir
            | Role::ToolDir
            | Role::ForcedInclude
            | Role::Input
            | Role::Source => {
                let Some(value) = &arg.value else {
                    return unchanged(request, words);
                };
                if arg.role == Role::ToolDir {
                    tool_dir(request, arg, value)?;
                }
                let value = self.path(request, arg.role, value)?;
                if [&arg.name, &arg.tail]
                    .iter()
                    .any(|text| text.contains(request.place.exec_root()))
                {
                    return Err(PlacedLocally::RootInOption(words.concat()));
                }
                Ok(arg.words_with(&value))
            }
        }
    }

    fn path(&mut self, request: &ActionRequest<'_>, role: Role, spelled: &str) -> Result<String, PlacedLocally> {
        let searched = matches!(role, Role::SearchDir(_));
        if searched && (spelled.starts_with('=') || spelled.starts_with("$SYSROOT")) {
            // Means a directory below the sysroot, which is an option of its own.
            return unchanged(request, vec![spelled.to_owned()]).map(|mut words| words.remove(0));
        }
        let mut spelled = spelled.to_owned();
        if request.command.family == Family::Gcc && is_system(role) {
            spelled = self.canonical_system_dir(request, spelled)?;
        }
        let Some(relocated) = rewritten(request.place, request.real_dirs, &spelled)? else {
            return Ok(spelled);
        };
        self.rewritten.any = true;
        self.rewritten.output |= role == Role::Output;
        self.rewritten.forced |= role == Role::ForcedInclude;
        Ok(relocated)
    }

    /// gcc records the real path of a system directory where it is the shorter one. On a worker it never is, so the
    /// action gets the name that gcc would choose here.
    fn canonical_system_dir(&mut self, request: &ActionRequest<'_>, spelled: String) -> Result<String, PlacedLocally> {
        let place = request.place;
        if !matches!(place.locate(&spelled), Location::Inside { .. }) {
            return Ok(spelled);
        }
        // A directory that is not there names nothing.
        let Some(real) = request.real_dirs.get(&spelled) else {
            return Ok(spelled);
        };
        let Some(real) = real.to_str() else {
            return Err(PlacedLocally::OtherSpelling(spelled));
        };
        // The slash that gcc would put between directory and name.
        let trimmed = spelled.strip_suffix('/').unwrap_or(&spelled);
        let recorded = if real.len() < trimmed.len() { real } else { trimmed };
        self.system_dirs.push(SystemDir {
            walked: if trimmed.starts_with('/') {
                trimmed.to_owned()
            } else {
                format!("{}/{trimmed}", place.cwd())
            },
            real: real.to_owned(),
            recorded: recorded.to_owned(),
        });
        let chosen = if recorded == real && real != trimmed {
            real
        } else {
            &spelled
        };
        Ok(chosen.to_owned())
    }

    fn prefix_map(&mut self, request: &ActionRequest<'_>, arg: &Arg, kind: MapKind) -> Vec<String> {
        let value = arg.value.as_deref().unwrap_or_default();
        let Some(mut map) = UserMap::parse(request.command.family, kind, value) else {
            return arg.words();
        };
        if request.paths == PathsMode::Portable {
            for name in [&mut map.old, &mut map.new] {
                if let Some(rest) = inside(request.place.exec_root(), name) {
                    *name = format!("{PORTABLE_ROOT}{rest}");
                }
            }
        }
        let words = arg.words_with(&format!("{}={}", map.old, map.new));
        self.maps.push(map);
        words
    }
}

/// gcc names the headers of a sysroot by their real paths, whatever is shorter; programs below `-B` would need to be
/// executable inputs. Only clang's sysroots can lie inside the exec root, and what a compile does not look at (`-L`).
fn tool_dir(request: &ActionRequest<'_>, arg: &Arg, spelled: &str) -> Result<(), PlacedLocally> {
    let sysroot = ["--sysroot", "-isysroot"].iter().any(|name| arg.name.starts_with(name));
    let inside = matches!(request.place.locate(spelled), Location::Inside { .. });
    let for_links = arg.name == "-L" || arg.name.starts_with("--library-directory");
    let harmless = for_links || (sysroot && request.command.family == Family::Clang);
    if inside && !harmless {
        return Err(PlacedLocally::ToolsInRoot(spelled.to_owned()));
    }
    Ok(())
}

/// A path inside the exec root by way of the relocated root. `None` for one that stays as it is spelled.
pub(super) fn rewritten(
    place: &Place,
    real_dirs: &BTreeMap<String, PathBuf>,
    spelled: &str,
) -> Result<Option<String>, PlacedLocally> {
    match place.locate(spelled) {
        Location::ClimbsOut => return Err(PlacedLocally::PathLeavesRoot(spelled.to_owned())),
        Location::OtherSpelling => return Err(PlacedLocally::OtherSpelling(spelled.to_owned())),
        Location::Above => return Err(PlacedLocally::AboveRoot(spelled.to_owned())),
        Location::Outside if leads_inside(place, real_dirs, spelled) => {
            return Err(PlacedLocally::OtherSpelling(spelled.to_owned()));
        }
        Location::Outside => return Ok(None),
        Location::Inside { .. } => {}
    }
    let rest = inside(place.exec_root(), spelled);
    Ok(rest.map(|rest| format!("{}{rest}", place.relocated_root())))
}

/// A word that names no path that we know of.
fn unchanged(request: &ActionRequest<'_>, words: Vec<String>) -> Result<Vec<String>, PlacedLocally> {
    match words.iter().find(|word| word.contains(request.place.exec_root())) {
        Some(word) => Err(PlacedLocally::RootInOption(word.clone())),
        None => Ok(words),
    }
}

/// Whether an outside spelling reaches the exec root through a symbolic link.
fn leads_inside(place: &Place, real_dirs: &BTreeMap<String, PathBuf>, spelled: &str) -> bool {
    let exec_root = place.exec_root();
    let real_root = real_dirs
        .get(exec_root)
        .and_then(|path| path.to_str())
        .unwrap_or(exec_root);
    let parent = spelled.rsplit_once('/').map_or("", |(parent, _)| parent);
    [spelled, parent]
        .iter()
        .filter_map(|name| real_dirs.get(*name).and_then(|path| path.to_str()))
        .any(|real| inside(real_root, real).is_some())
}
