//! How to run a step here so that its result may stand for the action.

use super::recipe::Recipe;
use super::relocate::Relocated;
use super::words::Words;
use super::{ActionRequest, argv};
use crate::command::{Arg, Family, Language, Role};
use crate::config::PathsMode;

/// What the wrapper runs when the step runs here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalRun {
    /// The arguments without argv[0]. `None`: the user's own, exactly as given, response files included.
    pub args: Option<Vec<String>>,
    /// Variables to set on top of the user's.
    pub set_env: Vec<(String, String)>,
    /// Whether `-MD -MF <file>` may be added: the user asks for no depfile, and it changes no output and no diagnostic.
    pub extra_depfile: bool,
    /// Whether the result is the action's, and may be stored under it. Otherwise it is the result of
    /// [`build_at_home`](super::build_at_home).
    pub storable: bool,
}

impl LocalRun {
    /// The user's own command.
    pub(super) fn own(request: &ActionRequest<'_>, words: &Words, storable: bool) -> Self {
        Self {
            args: None,
            set_env: Vec::new(),
            extra_depfile: takes_depfile(request, words),
            storable,
        }
    }

    /// The run that belongs to a relocated action. `same_here`: no option lets paths get past the prefix maps.
    pub(super) fn of_relocated(recipe: &Recipe<'_>, relocated: &Relocated, same_here: bool) -> Self {
        let request = recipe.request;
        match request.paths {
            PathsMode::Exact => Self::own(request, recipe.words, true),
            PathsMode::Portable => {
                let added = recipe.for_home().ok().filter(|_| same_here);
                let Some(added) = added else {
                    return Self::own(request, recipe.words, false);
                };
                // Only prefix maps are other words than the user's: they already speak of the portable root.
                let words = request
                    .command
                    .args
                    .iter()
                    .zip(&relocated.words)
                    .map(|(arg, words)| match arg.role {
                        Role::PrefixMap(_) => words.clone(),
                        _ => Arg::words(arg),
                    });
                Self {
                    args: Some(argv::with_options(words, added, request.presentation, recipe.words)),
                    // gcc finds the exec root in the cwd by this name of it.
                    set_env: vec![("PWD".to_owned(), request.place.cwd().to_owned())],
                    ..Self::own(request, recipe.words, true)
                }
            }
        }
    }
}

fn takes_depfile(request: &ActionRequest<'_>, words: &Words) -> bool {
    let command = request.command;
    let preprocesses = matches!(
        command.language,
        Language::C | Language::Cxx | Language::AssemblerWithCpp
    );
    let asks = command
        .args
        .iter()
        .any(|arg| matches!(arg.role, Role::Depfile | Role::DepFlag | Role::DepTarget));
    let recorded = command.family == Family::Clang
        && words
            .find(|word| word.starts_with("-frecord") || word.starts_with("-grecord"))
            .is_some();
    preprocesses && !asks && command.depfile.is_none() && !recorded
}
