//! `wharf bench serve`: a real server in a child process, beside the engine called in this one.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use serde::{Deserialize, Serialize};
use wharf_bundle::Repository;
use wharf_engine::{LoadOptions, LoadedModel};
use wharf_tensor::Tensor;

use super::inprocess;
use super::load::{Measurement, Worker, closed_loop};
use super::request::{signature_of, tensor_for};
use super::workers::{GrpcWorker, RestWorker, grpc_request, rest_body};
use crate::cli::{BenchServeArgs, Protocol};
use crate::client::{GrpcClient, RestClient};
use crate::commands::goldens;
use crate::commands::models::bundle_of;
use crate::model_name::ModelName;
use crate::say;
use crate::table::Table;

/// How long a server may take to load its models.
const START_TIMEOUT: Duration = Duration::from_secs(60);

/// One line of the result.
#[derive(Debug, Serialize)]
struct Row {
    /// `in-process`, `grpc` or `rest`.
    wire: &'static str,
    batch: usize,
    concurrency: usize,
    #[serde(flatten)]
    measured: Measurement,
    /// Requests per second over those of the engine in-process, at the same batch and concurrency.
    ratio: f64,
}

/// Measures and prints.
pub(super) fn run(arguments: &BenchServeArgs) -> anyhow::Result<()> {
    let model: ModelName = arguments.model.parse()?;
    let repository = Repository::open(&arguments.repository.repository)?;
    let bundle = bundle_of(&repository, &model)?;
    let model = ModelName { name: model.name, version: Some(bundle.manifest().version) };
    let loaded = LoadedModel::load(&bundle, goldens::engine()?.as_ref(), &LoadOptions::default())?;
    let subject = Subject::new(&model, &loaded)?;
    let mut rows = subject.measure_inprocess(&loaded, arguments)?;

    let server = Server::start(repository.root())?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    for protocol in [Protocol::Grpc, Protocol::Rest] {
        rows.extend(runtime.block_on(subject.measure_wire(protocol, &server.ports, arguments, &rows))?);
    }
    drop(server);
    print(&rows, arguments.json)
}

/// What is measured: a signature of a model.
struct Subject<'a> {
    model: &'a ModelName,
    signature_name: String,
    signature: &'a wharf_bundle::Signature,
}

impl<'a> Subject<'a> {
    fn new(model: &'a ModelName, loaded: &'a LoadedModel) -> anyhow::Result<Self> {
        let (signature_name, signature) = signature_of(loaded.signatures().iter())?;
        Ok(Self { model, signature_name, signature })
    }

    fn inputs(&self, batch: usize) -> anyhow::Result<Vec<(String, Tensor)>> {
        let inputs = self.signature.inputs.iter();
        inputs.map(|input| Ok((input.spec.name.clone(), tensor_for(input, batch)?))).collect()
    }

    fn outputs(&self) -> Vec<String> {
        self.signature.outputs.iter().map(|output| output.spec.name.clone()).collect()
    }

    /// The engine alone takes the graph's own inputs, so only a signature without transforms has a baseline.
    fn measure_inprocess(
        &self,
        loaded: &LoadedModel,
        arguments: &BenchServeArgs,
    ) -> anyhow::Result<Vec<Row>> {
        if self.signature.inputs.iter().any(|input| !input.transform.is_empty()) {
            bail!(
                "signature `{}` has a transform, expected one that the engine takes as it is",
                self.signature_name
            );
        }
        let mut rows = Vec::new();
        for (batch, concurrency) in grid(arguments) {
            let inputs = self.inputs(batch)?;
            let names = self.signature.inputs.iter().map(|input| input.graph_input.as_str());
            let inputs: Vec<(&str, Tensor)> =
                names.zip(inputs.into_iter().map(|(_, tensor)| tensor)).collect();
            let duration = Duration::from_secs(arguments.seconds);
            let measured = inprocess::measure(loaded.replica(), &inputs, &[], concurrency, duration)?;
            rows.push(Row { wire: "in-process", batch, concurrency, measured, ratio: 1.0 });
        }
        Ok(rows)
    }

    async fn measure_wire(
        &self,
        protocol: Protocol,
        ports: &Ports,
        arguments: &BenchServeArgs,
        baselines: &[Row],
    ) -> anyhow::Result<Vec<Row>> {
        let mut rows = Vec::new();
        for (batch, concurrency) in grid(arguments) {
            let duration = Duration::from_secs(arguments.seconds);
            let (wire, measured) = match protocol {
                Protocol::Grpc => {
                    ("grpc", drive(self.grpc_workers(ports, batch, concurrency).await?, duration).await?)
                }
                Protocol::Rest => {
                    ("rest", drive(self.rest_workers(ports, batch, concurrency).await?, duration).await?)
                }
            };
            let baseline = baselines
                .iter()
                .find(|row| row.wire == "in-process" && row.batch == batch && row.concurrency == concurrency)
                .context("no baseline was measured")?;
            let ratio = measured.requests_per_second / baseline.measured.requests_per_second;
            rows.push(Row { wire, batch, concurrency, measured, ratio });
        }
        Ok(rows)
    }

    async fn grpc_workers(
        &self,
        ports: &Ports,
        batch: usize,
        count: usize,
    ) -> anyhow::Result<Vec<GrpcWorker>> {
        let inputs = self.inputs(batch)?;
        let mut workers = Vec::with_capacity(count);
        for _ in 0..count {
            workers.push(GrpcWorker {
                client: GrpcClient::connect(&format!("127.0.0.1:{}", ports.grpc)).await?,
                request: grpc_request(self.model, &self.signature_name, &inputs, &self.outputs()),
            });
        }
        Ok(workers)
    }

    async fn rest_workers(
        &self,
        ports: &Ports,
        batch: usize,
        count: usize,
    ) -> anyhow::Result<Vec<RestWorker>> {
        let body = rest_body(&self.signature_name, &self.inputs(batch)?)?;
        let mut workers = Vec::with_capacity(count);
        for _ in 0..count {
            workers.push(RestWorker {
                client: RestClient::connect(&format!("127.0.0.1:{}", ports.rest)).await?,
                path: format!("/v1/models/{}:predict", self.model.name),
                body: body.clone(),
            });
        }
        Ok(workers)
    }
}

async fn drive(workers: Vec<impl Worker>, duration: Duration) -> anyhow::Result<Measurement> {
    closed_loop(workers, duration).await
}

fn grid(arguments: &BenchServeArgs) -> impl Iterator<Item = (usize, usize)> + '_ {
    arguments
        .batch
        .iter()
        .flat_map(|&batch| arguments.concurrency.iter().map(move |&concurrency| (batch, concurrency)))
}

fn print(rows: &[Row], json: bool) -> anyhow::Result<()> {
    if json {
        say(serde_json::to_string_pretty(rows)?);
        return Ok(());
    }
    let mut table = Table::new(&[
        "WIRE",
        ">BATCH",
        ">CONCURRENCY",
        ">REQUESTS/S",
        ">ROWS/S",
        ">P50 MS",
        ">P99 MS",
        ">RATIO",
    ]);
    for row in rows {
        let rate = row.measured.requests_per_second;
        table.row([
            row.wire.to_owned(),
            row.batch.to_string(),
            row.concurrency.to_string(),
            format!("{rate:.0}"),
            format!("{:.0}", rate * row.batch as f64),
            format!("{:.3}", row.measured.p50_ms),
            format!("{:.3}", row.measured.p99_ms),
            format!("{:.2}", row.ratio),
        ]);
    }
    say(table.render());
    Ok(())
}

/// The ports of a server, as its ready file says.
#[derive(Debug, Deserialize)]
struct Ports {
    grpc: u16,
    rest: u16,
}

/// A server in a child process; dropping it stops it.
struct Server {
    child: Child,
    ports: Ports,
}

impl Server {
    fn start(repository: &Path) -> anyhow::Result<Self> {
        let ready = std::env::temp_dir().join(format!("wharf-bench-{}.json", std::process::id()));
        let child = Command::new(std::env::current_exe()?)
            .args(["serve", "--grpc-port", "0", "--rest-port", "0", "--repository"])
            .arg(repository)
            .arg("--ready-file")
            .arg(&ready)
            .stderr(Stdio::null())
            .spawn()
            .context("cannot start the server")?;
        let mut server = Self { child, ports: Ports { grpc: 0, rest: 0 } };
        server.ports = server.wait_until_ready(&ready)?;
        std::fs::remove_file(&ready)?;
        Ok(server)
    }

    fn wait_until_ready(&mut self, ready: &Path) -> anyhow::Result<Ports> {
        let started = Instant::now();
        while started.elapsed() < START_TIMEOUT {
            if let Some(status) = self.child.try_wait()? {
                bail!("the server ended at its start: {status}");
            }
            if let Ok(text) = std::fs::read(ready) {
                return Ok(serde_json::from_slice(&text)?);
            }
            std::thread::park_timeout(Duration::from_millis(10));
        }
        bail!("the server was not ready after {} s", START_TIMEOUT.as_secs())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself; there is nothing else to do about a child that cannot be stopped.
        let _already_ended = self.child.kill();
        let _already_reaped = self.child.wait();
    }
}
