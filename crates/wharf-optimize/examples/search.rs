//! Searches over a model on raw samples: `search MODEL OUTPUT INPUTS [LABELS] [REPORT_FOLDER]`.
//!
//! INPUTS holds the rows of the model's only input, little-endian; LABELS one class for each row, as text. Without labels
//! (`-`) the classes are those that the model itself gives, so that losses are disagreements with it. The first quarter of
//! the rows calibrates, the rest evaluates.

use std::error::Error;
use std::io::Write as _;
use std::path::Path;
use std::{env, fs, io};

use bytes::Bytes;
use wharf_engine::{Engine as _, LoadOptions, ModelSource, OnnxEngine};
use wharf_onnx::{Model, read_model};
use wharf_optimize::{
    Candidate, Entry, Evaluation, Event, Request, Samples, Targets, optimize, write_report,
};
use wharf_tensor::{Dim, Shape, Tensor};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [model, output, inputs, rest @ ..] = arguments.as_slice() else {
        return Err("expected MODEL OUTPUT INPUTS [LABELS] [REPORT_FOLDER]".into());
    };
    let model = read_model(fs::read(model)?)?;
    let engine = OnnxEngine::new()?;
    let (name, tensor) = rows(&model, inputs)?;
    let count = tensor.rows().unwrap_or(0);
    let part = |range: std::ops::Range<usize>| {
        let ids = range.clone().map(|row| format!("row {row}")).collect();
        Ok::<_, Box<dyn Error>>(Samples::new(vec![(name.clone(), tensor.slice_rows(range)?)], ids)?)
    };
    let (calibration, held_out) = (part(0..count / 4)?, part(count / 4..count)?);
    let classes = match rest.first().filter(|path| *path != "-") {
        Some(path) => labels(path)?.split_off(count / 4),
        None => own_classes(&engine, &model, &held_out, output)?,
    };
    let evaluation = Evaluation::new(held_out, Targets::Classes(classes), output)?;
    let mut request = Request::new(&model, &calibration, &evaluation);
    request.candidates.extend(Candidate::pruned(&[0.1, 0.25]));
    let outcome = optimize(&engine, &request, &mut |event| {
        let _closed_pipe = match event {
            Event::Measured(entry) => writeln!(io::stdout(), "{}", line(entry)),
            Event::Skipped { name, reason } => writeln!(io::stdout(), "{name}: skipped, {reason}"),
            _ => Ok(()),
        };
    })?;
    let chosen = outcome.chosen().map_or("nothing", |entry| entry.name.as_str());
    writeln!(io::stdout(), "chosen: {chosen}")?;
    for layer in outcome.layers.iter().take(5) {
        writeln!(io::stdout(), "{} ({}): {:.1} dB", layer.layer, layer.operator, layer.sqnr_db)?;
    }
    if let Some(folder) = rest.get(1) {
        write_report(Path::new(folder), "search", &outcome, &[])?;
    }
    Ok(())
}

fn line(entry: &Entry) -> String {
    let Entry {
        name, size_bytes, latency, batch_latency, speed_up, quality, loss, sqnr_db, refusals, ..
    } = entry;
    format!(
        "{name}: {:.0} kB, p50 {:.3} ms, p99 {:.3} ms, batch of {} {:.3} ms, {speed_up:.2} times as fast, \
         {quality:.4}, {:.2} points lost ({:.2} to {:.2}), {:.1} dB {}",
        *size_bytes as f64 / 1e3,
        latency.p50_ms,
        latency.p99_ms,
        batch_latency.batch,
        batch_latency.p50_ms,
        loss.mean * 100.0,
        loss.low * 100.0,
        loss.high * 100.0,
        sqnr_db.unwrap_or(f64::INFINITY),
        refusals.join("; "),
    )
}

/// The rows in the file, in the type and shape of the model's input.
fn rows(model: &Model, path: &str) -> Result<(String, Tensor), Box<dyn Error>> {
    let spec = model.inputs()?.into_iter().next().ok_or("the model has no input")?;
    let size = |dim: &Dim| if let Dim::Fixed(size) = dim { *size } else { 1 };
    let mut dims: Vec<usize> = spec.shape.dims().iter().map(size).collect();
    dims[0] = 1;
    let content = Bytes::from(fs::read(path)?);
    dims[0] = content.len() / Shape::new(&dims)?.size_bytes(spec.dtype).ok_or("the input is strings")?;
    Ok((spec.name, Tensor::from_bytes(spec.dtype, Shape::new(&dims)?, content)?))
}

fn labels(path: &str) -> Result<Vec<u32>, Box<dyn Error>> {
    fs::read_to_string(path)?.split_whitespace().map(|label| Ok(label.parse()?)).collect()
}

/// The classes that the model gives.
fn own_classes(
    engine: &OnnxEngine,
    model: &Model,
    samples: &Samples,
    output: &str,
) -> Result<Vec<u32>, Box<dyn Error>> {
    let replica = engine.load(ModelSource::Bytes(&model.to_bytes()), &LoadOptions::default())?;
    let mut classes = Vec::new();
    for rows in samples.batches(16) {
        let count = rows.len();
        let scores = replica.run(&samples.rows(rows)?, &[output])?[0].to_vec::<f32>()?;
        for scores in scores.chunks_exact(scores.len() / count) {
            let best = (0..scores.len()).max_by(|&a, &b| scores[a].total_cmp(&scores[b]));
            classes.push(u32::try_from(best.unwrap_or(0))?);
        }
    }
    Ok(classes)
}
