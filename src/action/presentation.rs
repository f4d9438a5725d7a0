//! How diagnostics are to look. What compiles to no diagnostics is the same for everyone, so the base presentation is
//! asked for first; only where it printed something do others need an action of their own.

/// The language, colour and width of diagnostics.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Presentation {
    /// Their language and character set.
    pub locale: Locale,
    /// Whether the compiler would colour them.
    pub colour: bool,
    /// The columns of the terminal, where the compiler breaks lines by them.
    pub width: Option<u32>,
}

/// The locale of messages.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub enum Locale {
    /// English, quotes in UTF-8. Built into the C library: every worker has it.
    #[default]
    CUtf8,
    /// English, quotes in ASCII.
    C,
    /// Any other, by its name.
    Other(String),
}

impl Locale {
    /// The value of `LC_ALL`.
    pub(super) fn name(&self) -> &str {
        match self {
            Self::CUtf8 => "C.UTF-8",
            Self::C => "C",
            Self::Other(name) => name,
        }
    }

    /// The name, if not every worker has it.
    pub(super) fn foreign(&self) -> Option<&str> {
        match self {
            Self::CUtf8 | Self::C => None,
            Self::Other(name) => Some(name),
        }
    }
}

impl Presentation {
    /// Whether a worker can make it. Otherwise the action is placed locally.
    pub fn sendable(&self) -> bool {
        self.locale.foreign().is_none() && self.width.is_none()
    }
}
