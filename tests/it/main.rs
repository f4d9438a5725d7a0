//! All integration tests, in one program so that they link once.

mod generated;
mod option_lists;
mod output_names_oracle;
mod response_file_oracle;
