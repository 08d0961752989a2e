//! The seed's network in this process: the runtime alone, and through the manager.
//!
//! `cargo bench -p wharf-serve` runs every contestant in turn, for several rounds, so that all of them meet the same
//! machine, and prints the median of their requests per second, what a request costs in CPU time, and the ratio
//! to the runtime alone with as many threads. On a machine that does other work too, go by the CPU time.
#![expect(clippy::print_stdout, reason = "a benchmark prints what it measured")]

use std::error::Error;
use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use tokio::runtime::Runtime;
use tokio::task::JoinSet;
use wharf_engine::{Engine, LoadOptions, ModelSource, OnnxEngine, Replica};
use wharf_infer::{InferRequest, ModelRef, NamedTensor};
use wharf_serve::{BatchConfig, ModelLocation, ModelManager, ServeConfig, ServeLimits};
use wharf_tensor::{Shape, Tensor};
use wharf_testing::models;

const ROUNDS: usize = 7;
const SLICE: Duration = Duration::from_millis(300);

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

struct Contestant {
    name: String,
    /// The place of the contestant that this one is compared with.
    rival: usize,
    run: Box<dyn Fn() -> Outcome<u64>>,
    slices: Vec<Slice>,
}

struct Slice {
    requests: f64,
    seconds: f64,
    cpu_seconds: f64,
}

/// What a contestant achieved over all rounds: the median of its rates, and the mean of its CPU time.
struct Summary {
    per_second: f64,
    cpu_micros: f64,
}

fn main() -> Outcome<()> {
    let engine = Arc::new(OnnxEngine::new()?);
    let runtime =
        Arc::new(tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?);
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("lenet.onnx");
    fs::write(&path, models::LENET)?;
    for batch in [1, 32] {
        let picture = pictures(batch)?;
        let mut all = alone(&engine, &picture)?;
        let ways = [
            ("queue", Duration::ZERO, BatchConfig::off()),
            ("joined", Duration::ZERO, BatchConfig::default()),
            ("default", Duration::from_micros(300), BatchConfig::default()),
        ];
        for (name, inline_below, batching) in ways {
            let limits = ServeLimits::default().with_workers(2).with_inline_below(inline_below);
            let config = ServeConfig::default().with_location(ModelLocation::model(&path));
            let config = config.with_limits(limits).with_default_batching(batching);
            let manager = config.build(Arc::clone(&engine) as Arc<dyn Engine>)?;
            runtime.block_on(manager.refresh())?;
            all.extend([1, 8, 32].map(|clients| served(name, &runtime, &manager, &picture, clients)));
        }
        race(&mut all)?;
        report(&all, batch);
    }
    Ok(())
}

fn race(all: &mut [Contestant]) -> Outcome<()> {
    for round in 0..=ROUNDS {
        for contestant in all.iter_mut() {
            let (started, cpu) = (Instant::now(), cpu_time());
            let requests = (contestant.run)()? as f64;
            let (seconds, cpu_seconds) = (started.elapsed().as_secs_f64(), (cpu_time() - cpu).as_secs_f64());
            let slice = Slice { requests, seconds, cpu_seconds };
            // The first round warms up.
            if round > 0 {
                contestant.slices.push(slice);
            }
        }
    }
    Ok(())
}

fn report(all: &[Contestant], batch: usize) {
    for contestant in all {
        let (mine, rival) = (summary(&contestant.slices), summary(&all[contestant.rival].slices));
        println!(
            "batch {batch:>2}  {:<28} {:>7.0} requests/s {:>7.0} pictures/s {:>7.0} us CPU each  ratio {:.2}, by CPU {:.2}",
            contestant.name,
            mine.per_second,
            mine.per_second * batch as f64,
            mine.cpu_micros,
            mine.per_second / rival.per_second,
            rival.cpu_micros / mine.cpu_micros,
        );
    }
}

fn summary(slices: &[Slice]) -> Summary {
    let mut rates: Vec<f64> = slices.iter().map(|slice| slice.requests / slice.seconds).collect();
    rates.sort_by(f64::total_cmp);
    let requests: f64 = slices.iter().map(|slice| slice.requests).sum();
    let cpu_seconds: f64 = slices.iter().map(|slice| slice.cpu_seconds).sum();
    Summary { per_second: rates[rates.len() / 2], cpu_micros: cpu_seconds * 1e6 / requests }
}

/// What this process has computed so far, ended threads included; zero where the system does not say.
fn cpu_time() -> Duration {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
    // After the name: state, then numbers; user and system time are the 12th and 13th, in hundredths of a second.
    let ticks: u64 = fields.skip(11).take(2).filter_map(|field| field.parse::<u64>().ok()).sum();
    Duration::from_millis(ticks * 10)
}

fn pictures(batch: usize) -> Outcome<Tensor> {
    let shape = Shape::new(&[batch, 32, 32, 3])?;
    let values = (0..shape.num_elements()).map(|index| (index * 31 % 256) as f32 / 255.0).collect();
    Ok(Tensor::from_vec(shape, values)?)
}

/// The runtime alone, called by one thread and by two over one session.
fn alone(engine: &OnnxEngine, picture: &Tensor) -> Outcome<Vec<Contestant>> {
    let replica = engine.load(ModelSource::Bytes(models::LENET), &LoadOptions::default())?;
    let contestant = |threads: usize| {
        let (replica, picture) = (Arc::clone(&replica), picture.clone());
        Contestant {
            name: format!("runtime alone, {threads} threads"),
            rival: threads - 1,
            run: Box::new(move || run_alone(&*replica, &picture, threads)),
            slices: Vec::new(),
        }
    };
    Ok([1, 2].map(contestant).into())
}

fn run_alone(replica: &dyn Replica, picture: &Tensor, threads: usize) -> Outcome<u64> {
    let (until, count) = (Instant::now() + SLICE, AtomicU64::new(0));
    let call = || -> Outcome<()> {
        while Instant::now() < until {
            replica.run(&[("image", picture.clone())], &[])?;
            count.fetch_add(1, Ordering::Relaxed);
        }
        Ok(())
    };
    thread::scope(|scope| {
        let others: Vec<_> = (1..threads).map(|_| scope.spawn(call)).collect();
        call()?;
        others.into_iter().try_for_each(|other| other.join().map_err(|_| "a caller panicked")?)
    })?;
    Ok(count.into_inner())
}

/// Clients of the manager, each of which sends the next request when it has its answer.
fn served(
    name: &str,
    runtime: &Arc<Runtime>,
    manager: &ModelManager,
    picture: &Tensor,
    clients: usize,
) -> Contestant {
    let (runtime, manager, picture) = (Arc::clone(runtime), manager.clone(), picture.clone());
    Contestant {
        name: format!("manager, {name}, {clients} clients"),
        rival: clients.min(2) - 1,
        run: Box::new(move || runtime.block_on(call_for(&manager, &picture, clients))),
        slices: Vec::new(),
    }
}

async fn call_for(manager: &ModelManager, picture: &Tensor, clients: usize) -> Outcome<u64> {
    let until = Instant::now() + SLICE;
    let mut tasks = JoinSet::new();
    for _ in 0..clients {
        let (manager, picture) = (manager.clone(), picture.clone());
        tasks.spawn(async move {
            let mut count = 0_u64;
            while Instant::now() < until {
                let mut request = InferRequest::new(ModelRef::latest("lenet"));
                request.inputs.push(NamedTensor::new("image", picture.clone()));
                manager.infer(request).await?;
                count += 1;
                tokio::task::yield_now().await;
            }
            Outcome::Ok(count)
        });
    }
    let mut total = 0;
    while let Some(count) = tasks.join_next().await {
        total += count??;
    }
    Ok(total)
}
