//! What is left of the memory after models have come and gone.
//!
//! `cargo bench -p wharf-serve --bench cycles` loads, asks and unloads the seed's network a thousand times and prints the
//! resident memory along the way. The aim is no more than 16 MiB over the first cycle.
#![expect(clippy::print_stdout, reason = "a benchmark prints what it measured")]

use std::error::Error;
use std::fs;
use std::sync::Arc;

use wharf_engine::OnnxEngine;
use wharf_infer::{InferRequest, ModelRef, NamedTensor};
use wharf_serve::{ModelLocation, ServeConfig};
use wharf_tensor::{Shape, Tensor};
use wharf_testing::models;

fn main() -> Result<(), Box<dyn Error>> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(cycle(1000))
}

async fn cycle(times: usize) -> Result<(), Box<dyn Error>> {
    let root = tempfile::tempdir()?;
    let (here, away) = (root.path().join("lenet"), root.path().join(".away"));
    fs::create_dir_all(here.join("1"))?;
    fs::write(here.join("1/model.onnx"), models::LENET)?;
    let config = ServeConfig::default().with_location(ModelLocation::repository(root.path()));
    let manager = config.build(Arc::new(OnnxEngine::new()?))?;
    let shape = Shape::new(&[8, 32, 32, 3])?;
    let pictures = Tensor::from_vec(shape.clone(), vec![0.5_f32; shape.num_elements()])?;
    for round in 1..=times {
        manager.refresh().await?;
        let mut request = InferRequest::new(ModelRef::latest("lenet"));
        request.inputs.push(NamedTensor::new("image", pictures.clone()));
        manager.infer(request).await?;
        fs::rename(&here, &away)?;
        manager.refresh().await?;
        fs::rename(&away, &here)?;
        if [1, 10, 100, times / 2, times].contains(&round) {
            println!("cycle {round:>5}: {:>7} KiB resident", resident_kib());
        }
    }
    Ok(())
}

/// Zero where the system does not say.
fn resident_kib() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.trim().split(' ').next()?.parse().ok()).unwrap_or_default()
}
