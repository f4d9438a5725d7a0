//! The command line for people: one file per subcommand.
