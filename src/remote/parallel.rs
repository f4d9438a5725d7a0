//! A few futures at once, in order, all cancelled together.

use tokio::task::JoinSet;

/// Runs the tasks, at most `at_once` at a time; their results in the tasks' order. The first error ends the others.
pub(super) async fn in_parallel<T, E, F>(at_once: usize, tasks: impl IntoIterator<Item = F>) -> Result<Vec<T>, E>
where
    T: Send + 'static,
    E: Send + 'static,
    F: Future<Output = Result<T, E>> + Send + 'static,
{
    let mut waiting = tasks.into_iter().enumerate();
    let mut running = JoinSet::new();
    let mut done = Vec::new();
    loop {
        while running.len() < at_once
            && let Some((at, task)) = waiting.next()
        {
            running.spawn(async move { (at, task.await) });
        }
        let Some(finished) = running.join_next().await else {
            break;
        };
        match finished {
            Ok((at, result)) => done.push((at, result?)),
            Err(error) => match error.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                Err(error) => unreachable!("no one aborts these tasks: {error}"),
            },
        }
    }
    done.sort_unstable_by_key(|(at, _)| *at);
    Ok(done.into_iter().map(|(_, value)| value).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn results_keep_the_order_of_the_tasks() {
        let doubled = in_parallel(3, (0..10).map(|n| async move { Ok::<_, ()>(n * 2) })).await;
        assert_eq!(doubled, Ok((0..10).map(|n| n * 2).collect()));
    }

    #[tokio::test]
    async fn an_error_ends_the_rest() {
        let tasks = (0..10).map(|n| async move {
            if n == 3 {
                return Err(n);
            }
            if n > 3 {
                std::future::pending::<()>().await;
            }
            Ok(())
        });
        assert_eq!(in_parallel(4, tasks).await, Err(3));
    }
}
