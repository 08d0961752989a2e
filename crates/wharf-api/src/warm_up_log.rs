//! Requests of a request log that a version answers before it is served.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use wharf_infer::{ErrorCode, ServiceError};
use wharf_request_log::{Record, Records, read};
use wharf_serve::{ModelInfo, WarmUp, WarmUpRequest};

/// Where a version has its own log, in its folder.
const FILE: &str = "assets.extra/requests.jsonl";
/// The most requests of one version, as of TensorFlow Serving's warm-up files.
const MAX_RECORDS: usize = 1000;

/// Runs what was recorded and succeeded: the first 1,000 requests of `assets.extra/requests.jsonl` in the folder of a
/// version, whatever model they name, or those of the model in one log for all of them. Files of both formats are read.
#[derive(Clone, Debug, Default)]
pub struct LogWarmUp {
    log: Option<PathBuf>,
}

impl LogWarmUp {
    /// The requests of each model in one log. Without it every version has its own, if any.
    pub fn of_log(path: impl Into<PathBuf>) -> Self {
        Self { log: Some(path.into()) }
    }

    /// The log for a version, and the model whose requests are wanted of it; `None` where there is no log.
    fn records<'a>(
        &self,
        folder: &Path,
        info: &'a ModelInfo,
    ) -> Result<Option<(Records, Option<&'a str>)>, ServiceError> {
        let (path, model) = match &self.log {
            Some(path) => (path.clone(), Some(info.name.as_str())),
            None => (folder.join(FILE), None),
        };
        match path.metadata() {
            Err(error) if model.is_none() && is_absent(error.kind()) => return Ok(None),
            // The reader says what else is wrong.
            _ => {}
        }
        let records = read(&path).map_err(|error| damaged("it cannot be opened").with_detail(error))?;
        Ok(Some((records, model)))
    }
}

impl WarmUp for LogWarmUp {
    fn each(
        &self,
        folder: &Path,
        info: &ModelInfo,
        run: &mut dyn FnMut(WarmUpRequest) -> Result<(), ServiceError>,
    ) -> Result<usize, ServiceError> {
        let Some((records, model)) = self.records(folder, info)? else { return Ok(0) };
        let mut count = 0;
        for record in records {
            let record = record.map_err(|error| damaged(&error.to_string()))?;
            if record.status != "OK" || model.is_some_and(|model| model != record.model) {
                continue;
            }
            count += 1;
            run(request(record)).map_err(|error| {
                ServiceError::new(error.code(), format!("logged request {count}: {}", error.message()))
            })?;
            if count == MAX_RECORDS {
                break;
            }
        }
        Ok(count)
    }
}

fn request(record: Record) -> WarmUpRequest {
    WarmUpRequest { signature: record.signature, inputs: record.inputs, outputs: record.outputs }
}

fn is_absent(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::NotFound | ErrorKind::NotADirectory)
}

fn damaged(problem: &str) -> ServiceError {
    ServiceError::new(ErrorCode::DataLoss, format!("request log: {problem}"))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use tempfile::TempDir;
    use wharf_infer::NamedTensor;
    use wharf_request_log::{Format, RequestLog, RequestLogConfig};
    use wharf_serve::{ModelLocation, ModelManager, ServeConfig, VersionState};
    use wharf_tensor::{Shape, Tensor};
    use wharf_testing::{FakeEngine, models};

    use super::*;

    fn record(model: &str, status: &str, tensor: Tensor) -> Record {
        Record {
            time_micros: 0,
            model: model.to_owned(),
            version: 1,
            signature: "serving_default".to_owned(),
            inputs: vec![NamedTensor::new("x", tensor)],
            outputs: Vec::new(),
            status: status.to_owned(),
            duration: Duration::ZERO,
            trace_id: None,
        }
    }

    fn float() -> Tensor {
        Tensor::from_vec(Shape::new(&[1]).unwrap(), vec![1.0_f32]).unwrap()
    }

    fn whole() -> Tensor {
        Tensor::from_vec(Shape::new(&[1]).unwrap(), vec![1_i64]).unwrap()
    }

    fn write(path: &Path, format: Format, records: Vec<Record>) {
        let log = RequestLog::start(RequestLogConfig::new(path).with_format(format)).unwrap();
        records.into_iter().for_each(|record| log.record(record));
        assert!(log.shutdown(Duration::from_secs(20)));
    }

    fn repository() -> TempDir {
        let folder = tempfile::tempdir().unwrap();
        let version = folder.path().join("repository/m/1");
        std::fs::create_dir_all(version.join("assets.extra")).unwrap();
        std::fs::write(version.join("model.onnx"), models::HALF_PLUS_TWO).unwrap();
        folder
    }

    async fn load(folder: &TempDir, source: LogWarmUp, engine: &Arc<FakeEngine>) -> ModelManager {
        let location = ModelLocation::repository(folder.path().join("repository"));
        let config = ServeConfig::default().with_location(location).with_warm_up(Arc::new(source));
        let manager = config.build(Arc::clone(engine) as _).unwrap();
        manager.refresh().await.unwrap();
        manager
    }

    #[tokio::test]
    async fn a_version_answers_what_its_model_was_asked_and_answered_before() {
        for format in [Format::Lines, Format::CloudEvents] {
            let (folder, engine) = (repository(), FakeEngine::free_running());
            let log = folder.path().join("log.jsonl");
            let others = [record("n", "OK", whole()), record("m", "INVALID_ARGUMENT", whole())];
            write(&log, format, [others.to_vec(), vec![record("m", "OK", float()); 3]].concat());
            let manager = load(&folder, LogWarmUp::of_log(&log), &engine).await;
            assert_eq!((engine.started(), manager.is_ready()), (3, true), "{format:?}");
        }
    }

    #[tokio::test]
    async fn a_version_may_have_a_log_of_its_own() {
        let (folder, engine) = (repository(), FakeEngine::free_running());
        load(&folder, LogWarmUp::default(), &engine).await;
        assert_eq!(engine.started(), 0, "there is none");
        let log = folder.path().join("repository/m/1").join(FILE);
        write(&log, Format::Lines, vec![record("as it was called", "OK", float()); 1001]);
        let engine = FakeEngine::free_running();
        load(&folder, LogWarmUp::default(), &engine).await;
        assert_eq!(engine.started(), 1000);
    }

    #[tokio::test]
    async fn what_fails_keeps_the_version_from_being_served_and_says_why() {
        let folder = repository();
        let log = folder.path().join("log.jsonl");
        let absent = folder.path().join("absent");
        write(&log, Format::Lines, vec![record("m", "OK", float()), record("m", "OK", whole())]);
        let broken = folder.path().join("broken.jsonl");
        std::fs::write(&broken, "{}\n").unwrap();
        for (log, expected) in [
            (&log, "warm-up failed: logged request 2: input `x`"),
            (&broken, "warm-up failed: request log: line 1: missing field"),
            (&absent, "warm-up failed: request log: it cannot be opened"),
        ] {
            let manager = load(&folder, LogWarmUp::of_log(log), &FakeEngine::free_running()).await;
            let status = &manager.status("m", None).unwrap()[0];
            let (_, text) = status.error.as_ref().unwrap();
            assert!(status.state == VersionState::End && text.starts_with(expected), "{text}");
        }
    }
}
