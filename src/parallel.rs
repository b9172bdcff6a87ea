//! Blocking work on all cores.

use std::{
    num::NonZero,
    sync::atomic::{AtomicUsize, Ordering},
};

/// Applies `work` to every item, on at most one thread per core, and gives the results in the order of the items. Each
/// thread makes one state with `init` and uses it for all its items. A panic of one is a panic of the whole.
pub fn map_init<T: Sync, S, R: Send>(items: &[T], init: impl Fn() -> S + Sync, work: impl Fn(&mut S, &T) -> R + Sync) -> Vec<R> {
    let threads = std::thread::available_parallelism().map_or(1, NonZero::get).min(items.len());
    if threads <= 1 {
        let mut state = init();
        return items.iter().map(|item| work(&mut state, item)).collect();
    }
    let next = AtomicUsize::new(0);
    let one_thread = || {
        let mut state = init();
        let mut done = Vec::new();
        loop {
            let place = next.fetch_add(1, Ordering::Relaxed);
            let Some(item) = items.get(place) else { return done };
            done.push((place, work(&mut state, item)));
        }
    };
    let mut results: Vec<(usize, R)> = std::thread::scope(|scope| {
        let running: Vec<_> = (0..threads).map(|_| scope.spawn(one_thread)).collect();
        running.into_iter().flat_map(|thread| thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))).collect()
    });
    results.sort_unstable_by_key(|(place, _)| *place);
    results.into_iter().map(|(_, result)| result).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_come_in_the_order_of_the_items() {
        let items: Vec<u32> = (0..1_000).collect();
        let states = AtomicUsize::new(0);
        let results = map_init(
            &items,
            || states.fetch_add(1, Ordering::Relaxed),
            |state, item| {
                assert!(*state < states.load(Ordering::Relaxed));
                item * 2
            },
        );
        assert_eq!(results, (0..1_000).map(|item| item * 2).collect::<Vec<u32>>());
        assert!(states.into_inner() <= std::thread::available_parallelism().unwrap().get());
        assert_eq!(map_init(&[] as &[u32], || (), |(), item| *item), Vec::<u32>::new());
    }

    #[test]
    #[should_panic(expected = "one of them")]
    fn a_panic_is_not_lost() {
        map_init(&[1, 2, 3, 4], || (), |(), item| assert!(*item != 3, "one of them"));
    }
}
