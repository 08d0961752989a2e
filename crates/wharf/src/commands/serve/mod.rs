//! `wharf serve`.

mod models;
mod store;

use std::net::SocketAddr;
use std::path::Path;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinSet;
use wharf_api::{Addresses, ApiConfig, ApiHandle, ApiServer, TlsConfig, read_monitoring_config};
use wharf_infer::Deadline;
use wharf_metrics::{Registry, machine, process};
use wharf_request_log::{Format, RequestLog, RequestLogConfig};
use wharf_serve::ModelManager;
use wharf_trace::{TraceConfig, Tracer};

use crate::cli::{Port, RequestLogFormat, ServeArgs};
use crate::{logs, memory, whole_file};

/// How long the last spans may take, and the last logged requests.
const LAST_RECORDS: Duration = Duration::from_secs(2);

/// How long a thread may sleep on memory that it has freed.
const WAKE_INTERVAL: Duration = Duration::from_secs(2);

/// Serves until a signal, then drains.
pub(crate) fn run(arguments: ServeArgs) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .on_thread_park(memory::give_back)
        .build()
        .context("cannot start threads")?;
    runtime.spawn(keep_awake_enough());
    let outcome = runtime.block_on(serve(arguments));
    // A model that still loads holds a thread which cannot be stopped: it ends with the process.
    runtime.shutdown_timeout(Duration::from_secs(1));
    outcome
}

/// Wakes the threads now and then, so that none sleeps on memory that it has freed.
async fn keep_awake_enough() {
    let mut ticks = tokio::time::interval(WAKE_INTERVAL);
    let threads = tokio::runtime::Handle::current().metrics().num_workers();
    loop {
        ticks.tick().await;
        // Those that are asleep take up what one thread alone does not get to at once.
        let mut woken = JoinSet::new();
        (0..threads).for_each(|_| drop(woken.spawn(async { memory::give_back() })));
        while woken.join_next().await.is_some() {}
    }
}

async fn serve(arguments: ServeArgs) -> anyhow::Result<()> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;

    let metrics = Registry::default();
    metrics.register(process::collector());
    metrics.register(machine::collector());
    let tracer = tracer(&arguments)?;
    metrics.register(tracer.collector());
    let request_log = request_log(&arguments)?;
    metrics.register(request_log.collector());
    let manager = models::manager(&arguments, &metrics)?;
    let mut config = api_config(&arguments)?;
    (config.metrics, config.tracer) = (metrics, tracer.clone());
    config.request_log = request_log.clone();
    config.language_models = Some(Arc::new(manager.clone()));
    config.language_data.clone_from(&arguments.language.llm_data);
    config.language_store = store::open(&arguments, &manager)?;
    let server = ApiServer::bind(config, manager.clone()).await?;
    tokio::select! {
        started = start(&manager, arguments.exit_on_error) => started?,
        _ = interrupt.recv() => return Ok(()),
        _ = terminate.recv() => return Ok(()),
    }
    let addresses = server.addresses();
    for (protocol, address) in [
        ("TensorFlow Serving gRPC", addresses.grpc),
        ("TensorFlow Serving REST", addresses.rest),
        ("Open Inference REST", addresses.oip_rest),
        ("Open Inference gRPC", addresses.oip_grpc),
        ("language models, KServe and Open Inference REST", addresses.http),
        ("metrics", addresses.metrics),
    ] {
        if let Some(address) = address {
            announce(format!("{protocol} on {address}"));
        }
    }
    if let Some(path) = &arguments.network.unix_socket {
        announce(format!("Unix sockets at {}", path.display()));
    }
    if let Some(file) = &arguments.ready_file {
        write_ready_file(file, &addresses)?;
    }

    let mut hang_up = signal(SignalKind::hangup())?;
    // Goes on where a signal interrupts the wait: a load must not be left half-way.
    let mut keep_up = pin!(models::keep_up(&manager, &arguments));
    loop {
        tokio::select! {
            _ = interrupt.recv() => break,
            _ = terminate.recv() => break,
            _ = hang_up.recv() => reload_tls(&server).await,
            () = &mut keep_up => break,
        }
    }
    announce("stopping: running requests may finish; a second signal ends them".to_owned());
    let patience = Duration::from_secs(arguments.drain_timeout);
    let all_answered = tokio::select! {
        all_answered = server.shutdown(patience) => all_answered,
        // A second signal means now.
        _ = interrupt.recv() => false,
        _ = terminate.recv() => false,
    };
    // The listeners are closed: what still computes, computes for nobody.
    manager.shutdown(Deadline::after(Duration::ZERO)).await;
    finish_records(tracer, request_log).await;
    if !all_answered {
        bail!(
            "requests were still running after {} s or a second signal, and were ended",
            arguments.drain_timeout
        );
    }
    Ok(())
}

/// Loads what is there and says what came of it.
async fn start(manager: &ModelManager, exit_on_error: bool) -> anyhow::Result<()> {
    manager.refresh().await.map_err(|error| match error.detail() {
        // Whoever starts the server may know the paths that clients may not.
        Some(detail) => anyhow!("{error}: {detail}"),
        None => anyhow!("{error}"),
    })?;
    manager.check_labels_at_start()?;
    let failed = report_models(manager)?;
    if exit_on_error && failed > 0 {
        bail!("{failed} versions did not load, and --exit-on-error is set");
    }
    Ok(())
}

/// What SIGHUP asks for.
async fn reload_tls(server: &ApiHandle) {
    match server.reload_tls().await {
        Ok(true) => announce("new TLS certificate in use".to_owned()),
        Ok(false) => {}
        Err(error) => announce(format!("TLS files not taken, the old ones stay in use: {error}")),
    }
}

fn tls(arguments: &ServeArgs) -> Option<TlsConfig> {
    if let Some(file) = &arguments.ssl_config_file {
        return Some(TlsConfig::ssl_config(file));
    }
    let (certificate, key) = (arguments.tls_cert.as_ref()?, arguments.tls_key.as_ref()?);
    Some(match &arguments.tls_client_ca {
        Some(file) => TlsConfig::mutual(certificate, key, file),
        None => TlsConfig::new(certificate, key),
    })
}

/// The last spans and requests, which a collector that is away or a slow disk does not hold up for long.
async fn finish_records(tracer: Tracer, request_log: RequestLog) {
    let finishing = tokio::task::spawn_blocking(move || {
        let written = request_log.shutdown(LAST_RECORDS);
        tracer.shutdown(LAST_RECORDS) && written
    });
    if !matches!(finishing.await, Ok(true)) {
        announce("the last spans or logged requests were not written in time".to_owned());
    }
}

fn request_log(arguments: &ServeArgs) -> anyhow::Result<RequestLog> {
    let observe = &arguments.observe;
    let Some(path) = &observe.request_log else { return Ok(RequestLog::default()) };
    let format = match observe.request_log_format {
        RequestLogFormat::Lines => Format::Lines,
        RequestLogFormat::CloudEvents => Format::CloudEvents,
    };
    let config = RequestLogConfig::new(path).with_format(format).with_sample(observe.request_log_sample);
    let kept = config.kept_files;
    Ok(RequestLog::start(config.with_files(observe.request_log_max_mib << 20, kept))?)
}

/// Traces nothing where no collector is named.
fn tracer(arguments: &ServeArgs) -> anyhow::Result<Tracer> {
    let Some(endpoint) = &arguments.observe.otlp_endpoint else { return Ok(Tracer::default()) };
    Ok(Tracer::start(TraceConfig::new(endpoint).with_sample(arguments.observe.trace_sample))?)
}

fn rest_metrics_path(arguments: &ServeArgs) -> anyhow::Result<Option<String>> {
    let Some(file) = &arguments.observe.monitoring_config_file else {
        return Ok(arguments.observe.rest_metrics_path.0.clone());
    };
    let text = std::fs::read_to_string(file).with_context(|| format!("cannot read `{}`", file.display()))?;
    read_monitoring_config(&text).map_err(|error| {
        let kind = "tensorflow.serving.MonitoringConfig";
        anyhow!("Error parsing text-format {kind}: {}:{error}", file.display())
    })
}

fn api_config(arguments: &ServeArgs) -> anyhow::Result<ApiConfig> {
    let moved = |port: Port| match port.0 {
        None => Ok(None),
        Some(0) => Ok(Some(0)),
        Some(port) => match port.checked_add(arguments.port_offset) {
            Some(moved) => Ok(Some(moved)),
            None => bail!("port {port} plus the offset {} is past 65535", arguments.port_offset),
        },
    };
    let mut config = ApiConfig::default();
    config.metrics_port = moved(arguments.observe.metrics_port)?;
    config.rest_metrics_path = rest_metrics_path(arguments)?;
    config.bind = arguments.bind;
    config.tls = tls(arguments);
    config.tensor_content_replies = arguments.tensor_content_replies;
    config.rest_timeout = Duration::from_millis(arguments.rest_timeout_ms);
    config.grpc_port = moved(arguments.grpc_port)?;
    config.rest_port = moved(arguments.rest_port)?;
    config.oip_rest_port = moved(arguments.oip_rest_port)?;
    config.oip_grpc_port = moved(arguments.oip_grpc_port)?;
    config.http_port = moved(arguments.http_port)?;
    config.shared_memory_prefix = arguments.shared_memory_prefix.clone();
    config.log_control = logs::control();
    arguments.network.apply_to(&mut config);
    if config.limits.max_held_bytes < config.limits.max_body_bytes {
        bail!("--max-request-memory is less than --max-body: the largest request would never be taken");
    }
    let ports =
        [config.grpc_port, config.rest_port, config.oip_rest_port, config.oip_grpc_port, config.http_port];
    if ports.iter().all(Option::is_none) && config.unix_socket.is_none() {
        bail!("every port is off: nothing to serve on");
    }
    Ok(config)
}

/// Says what is served; a version that failed is named and left out. Says how many those are.
fn report_models(manager: &ModelManager) -> anyhow::Result<usize> {
    let (mut available, mut failed) = (0, 0);
    for name in manager.models() {
        for status in manager.status(&name, None)? {
            match &status.error {
                Some((_, message)) => {
                    failed += 1;
                    announce(format!("model {name}/{} failed: {message}", status.version));
                }
                None if manager.is_on_call(&name, Some(status.version)) => {
                    available += 1;
                    announce(format!("model {name}/{} loads with its first request", status.version));
                }
                None => {
                    available += 1;
                    announce(format!("model {name}/{} is ready", status.version));
                }
            }
        }
    }
    if available == 0 {
        announce("no model is ready: clients get NOT_FOUND until one is".to_owned());
    }
    Ok(failed)
}

fn announce(line: String) {
    logs::announce(&line);
}

/// Whole or not there: whoever waits for the file never reads half of it.
fn write_ready_file(file: &Path, addresses: &Addresses) -> anyhow::Result<()> {
    let port = |address: Option<SocketAddr>| address.map(|address| address.port());
    let text = serde_json::json!({
        "grpc": port(addresses.grpc),
        "rest": port(addresses.rest),
        "oip_rest": port(addresses.oip_rest),
        "oip_grpc": port(addresses.oip_grpc),
        "http": port(addresses.http),
        "metrics": port(addresses.metrics),
        "pid": std::process::id(),
    });
    whole_file::write(file, text.to_string())
}
