//! All integration tests, in one program so that they link once.

mod cli;
mod generated;
mod option_lists;
mod relocation_oracle;
mod settings_page;
