//! What it costs to count: nanoseconds for each record, by one thread and by two at once.
#![expect(clippy::print_stdout, reason = "a benchmark prints what it measured")]

use std::hint::black_box;
use std::thread;
use std::time::Instant;

use wharf_metrics::{BoundedHistogram, Counter, Histogram};

const ROUNDS: u64 = 20_000_000;

fn main() {
    let (counter, native) = (Counter::default(), Histogram::of_durations());
    let bounded = BoundedHistogram::exponential(10.0, 1.8, 33, 1e-3);
    for threads in [1, 2] {
        measure("counter", threads, |_| counter.increment());
        measure("native histogram", threads, |value| native.record(value));
        measure("bounded histogram", threads, |value| bounded.record(value));
        measure("clock", threads, |_| {
            black_box(Instant::now());
        });
    }
}

fn measure(name: &str, threads: u64, record: impl Fn(u64) + Sync) {
    let started = Instant::now();
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                // Values spread over six powers of ten, as latencies do at worst.
                let mut state = 88_172_645_463_325_252_u64;
                for _ in 0..ROUNDS {
                    state ^= state << 13;
                    state ^= state >> 7;
                    state ^= state << 17;
                    record(black_box(state >> 34));
                }
            });
        }
    });
    let nanos = started.elapsed().as_nanos() as f64 / ROUNDS as f64;
    println!("{name:<18} {threads} threads {nanos:6.1} ns");
}
