//! CompileCommand + InputSet → Command and Action. The only place that decides arguments, environment, output paths,
//! platform and salt of an action. Pure.
