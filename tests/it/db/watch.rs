//! Looks at the command line of every process of the machine until it is stopped.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

pub(super) struct Watch {
    stop: Arc<AtomicBool>,
    seen: JoinHandle<(usize, Vec<String>)>,
}

impl Watch {
    /// For command lines with `secret` in them; `mark` stands in those that must have been seen for the watch to mean anything.
    pub(super) fn new(secret: &'static str, mark: String) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let until = Arc::clone(&stop);
        let seen = thread::spawn(move || {
            let (mut marked, mut leaks) = (0, Vec::new());
            while !until.load(Ordering::Relaxed) {
                for entry in fs_err::read_dir("/proc").unwrap().flatten() {
                    let Ok(line) = fs_err::read(entry.path().join("cmdline")) else { continue };
                    let line = String::from_utf8_lossy(&line).into_owned();
                    if line.contains(secret) {
                        leaks.push(line.replace('\0', " "));
                    }
                    marked += usize::from(line.contains(&mark));
                }
                thread::sleep(Duration::from_millis(2));
            }
            (marked, leaks)
        });
        Self { stop, seen }
    }

    /// Ends the watch; fails if the secret was seen, or if nothing was.
    pub(super) fn end(self) {
        self.stop.store(true, Ordering::Relaxed);
        let (marked, leaks) = self.seen.join().unwrap();
        assert!(leaks.is_empty(), "{leaks:#?}");
        assert!(marked > 5, "the watch saw the clients only {marked} times");
    }
}
