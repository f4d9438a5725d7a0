//! The real wrapper as a child, a daemon of the test's own making behind it.

mod answers;
mod forms;
mod local_runs;
mod without_daemon;
