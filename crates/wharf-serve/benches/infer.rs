//! A network in this process: the runtime alone, and through the manager, which runs requests one by one (`queue`), joins
//! whatever waits (`joined`), joins as far as it pays (`learnt`), does as it does by default, or remembers answers (`cached`).
//!
//! `cargo bench -p wharf-serve` runs every contestant in turn, for several rounds, so that all of them meet the same
//! machine, and prints the median of their requests per second, the median latency, what a request costs in CPU time,
//! and the ratio to the runtime alone with as many threads. On a machine that does other work too, go by the CPU time.
//! The network is the seed's, or the one of float inputs that `WHARF_BENCH_ONNX` names.
#![expect(clippy::print_stdout, reason = "a benchmark prints what it measured")]

use std::error::Error;
use std::fs;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use tokio::runtime::Runtime;
use tokio::task::JoinSet;
use wharf_engine::{Engine, LoadOptions, ModelSource, OnnxEngine, Replica};
use wharf_infer::{InferRequest, ModelRef, NamedTensor};
use wharf_serve::{BatchConfig, CacheConfig, ModelLocation, ModelManager, ServeConfig, ServeLimits};
use wharf_tensor::{Shape, Tensor, TensorSpec};
use wharf_testing::models;

const ROUNDS: usize = 7;
/// Equal requests are answered as the first one.
const CACHED: &str = "cached";
const SLICE: Duration = Duration::from_millis(300);

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

struct Contestant {
    name: String,
    /// The place of the contestant that this one is compared with.
    rival: usize,
    /// How long each request took.
    run: Box<dyn Fn() -> Outcome<Vec<Duration>>>,
    slices: Vec<Slice>,
}

struct Slice {
    taken: Vec<Duration>,
    seconds: f64,
    cpu_seconds: f64,
}

/// What a contestant achieved over all rounds: the median of its rates, and the mean of its CPU time.
struct Summary {
    per_second: f64,
    median: Duration,
    cpu_micros: f64,
}

fn main() -> Outcome<()> {
    let engine = Arc::new(OnnxEngine::new()?);
    let runtime =
        Arc::new(tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?);
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("model.onnx");
    let named = std::env::var_os("WHARF_BENCH_ONNX");
    match &named {
        Some(file) => fs::copy(file, &path).map(drop)?,
        None => fs::write(&path, models::LENET)?,
    }
    let batches: &[usize] = if named.is_some() { &[1] } else { &[1, 32] };
    for &batch in batches {
        let replica = engine.load(ModelSource::File(&path), &LoadOptions::default())?;
        let picture = inputs(replica.inputs(), batch)?;
        let mut all = alone(&replica, &picture);
        let joins = |only_what_pays| BatchConfig::default().with_only_what_pays(only_what_pays);
        let ways = [
            ("queue", Duration::ZERO, BatchConfig::off()),
            ("joined", Duration::ZERO, joins(false)),
            ("learnt", Duration::ZERO, joins(true)),
            ("default", Duration::from_micros(300), BatchConfig::default()),
            (CACHED, Duration::from_micros(300), BatchConfig::default()),
        ];
        for (name, inline_below, batching) in ways {
            let limits = ServeLimits::default().with_workers(2).with_inline_below(inline_below);
            let config = ServeConfig::default().with_location(ModelLocation::model(&path));
            let mut config = config.with_limits(limits).with_default_batching(batching);
            if name == CACHED {
                config = config.with_cache(CacheConfig::new(64 << 20).with_all_models());
            }
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
            let taken = (contestant.run)()?;
            let (seconds, cpu_seconds) = (started.elapsed().as_secs_f64(), (cpu_time() - cpu).as_secs_f64());
            let slice = Slice { taken, seconds, cpu_seconds };
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
            "batch {batch:>2}  {:<28} {:>7.0} requests/s {:>7.0} rows/s  p50 {:>7.2} ms {:>7.0} us CPU each  ratio {:.2}, by CPU {:.2}",
            contestant.name,
            mine.per_second,
            mine.per_second * batch as f64,
            mine.median.as_secs_f64() * 1e3,
            mine.cpu_micros,
            mine.per_second / rival.per_second,
            rival.cpu_micros / mine.cpu_micros,
        );
    }
}

fn summary(slices: &[Slice]) -> Summary {
    let mut rates: Vec<f64> = slices.iter().map(|slice| slice.taken.len() as f64 / slice.seconds).collect();
    rates.sort_by(f64::total_cmp);
    let mut taken: Vec<Duration> = slices.iter().flat_map(|slice| &slice.taken).copied().collect();
    taken.sort_unstable();
    let requests = taken.len() as f64;
    let median = taken.get(taken.len() / 2).copied().unwrap_or_default();
    let cpu_seconds: f64 = slices.iter().map(|slice| slice.cpu_seconds).sum();
    Summary { per_second: rates[rates.len() / 2], median, cpu_micros: cpu_seconds * 1e6 / requests }
}

/// What this process has computed so far, ended threads included; zero where the system does not say.
fn cpu_time() -> Duration {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
    // After the name: state, then numbers; user and system time are the 12th and 13th, in hundredths of a second.
    let ticks: u64 = fields.skip(11).take(2).filter_map(|field| field.parse::<u64>().ok()).sum();
    Duration::from_millis(ticks * 10)
}

fn inputs(specs: &[TensorSpec], batch: usize) -> Outcome<Vec<NamedTensor>> {
    let input = |spec: &TensorSpec| {
        let mut dims = spec.shape.to_i64();
        dims[0] = i64::try_from(batch)?;
        let shape = Shape::from_i64(&dims)?;
        let values = (0..shape.num_elements()).map(|index| (index * 31 % 256) as f32 / 255.0).collect();
        Ok(NamedTensor::new(&*spec.name, Tensor::from_vec(shape, values)?))
    };
    specs.iter().map(input).collect()
}

/// The runtime alone, called by one thread and by two over one session.
fn alone(replica: &Arc<dyn Replica>, picture: &[NamedTensor]) -> Vec<Contestant> {
    let contestant = |threads: usize| {
        let (replica, picture) = (Arc::clone(replica), picture.to_vec());
        Contestant {
            name: format!("runtime alone, {threads} threads"),
            rival: threads - 1,
            run: Box::new(move || run_alone(&*replica, &picture, threads)),
            slices: Vec::new(),
        }
    };
    [1, 2].map(contestant).into()
}

fn run_alone(replica: &dyn Replica, picture: &[NamedTensor], threads: usize) -> Outcome<Vec<Duration>> {
    let (until, taken) = (Instant::now() + SLICE, Mutex::new(Vec::new()));
    let call = || -> Outcome<()> {
        let mut mine = Vec::new();
        while Instant::now() < until {
            let started = Instant::now();
            let named = |input: &NamedTensor| (input.name.clone(), input.tensor.clone());
            let inputs: Vec<(String, Tensor)> = picture.iter().map(named).collect();
            let inputs: Vec<(&str, Tensor)> =
                inputs.iter().map(|(name, tensor)| (&**name, tensor.clone())).collect();
            replica.run(&inputs, &[])?;
            mine.push(started.elapsed());
        }
        taken.lock().map_err(|_| "a caller panicked")?.extend(mine);
        Ok(())
    };
    thread::scope(|scope| {
        let others: Vec<_> = (1..threads).map(|_| scope.spawn(call)).collect();
        call()?;
        others.into_iter().try_for_each(|other| other.join().map_err(|_| "a caller panicked")?)
    })?;
    taken.into_inner().map_err(|_| "a caller panicked".into())
}

/// Clients of the manager, each of which sends the next request when it has its answer.
fn served(
    name: &str,
    runtime: &Arc<Runtime>,
    manager: &ModelManager,
    picture: &[NamedTensor],
    clients: usize,
) -> Contestant {
    let (runtime, manager, picture) = (Arc::clone(runtime), manager.clone(), picture.to_vec());
    Contestant {
        name: format!("manager, {name}, {clients} clients"),
        rival: clients.min(2) - 1,
        run: Box::new(move || runtime.block_on(call_for(&manager, &picture, clients))),
        slices: Vec::new(),
    }
}

async fn call_for(manager: &ModelManager, picture: &[NamedTensor], clients: usize) -> Outcome<Vec<Duration>> {
    let until = Instant::now() + SLICE;
    let mut tasks = JoinSet::new();
    for _ in 0..clients {
        let (manager, picture) = (manager.clone(), picture.to_vec());
        tasks.spawn(async move {
            let mut taken = Vec::new();
            while Instant::now() < until {
                let started = Instant::now();
                let mut request = InferRequest::new(ModelRef::latest("model"));
                request.inputs.clone_from(&picture);
                manager.infer(request).await?;
                taken.push(started.elapsed());
                tokio::task::yield_now().await;
            }
            Outcome::Ok(taken)
        });
    }
    let mut all = Vec::new();
    while let Some(taken) = tasks.join_next().await {
        all.extend(taken??);
    }
    Ok(all)
}
