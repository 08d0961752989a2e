//! Triton's `--trace-config`.

use super::Translation;

/// Where Triton's OpenTelemetry mode sends spans unless it is told.
const COLLECTOR: &str = "http://localhost:4318/v1/traces";
/// Of how many requests Triton traces one unless it is told.
const RATE: u32 = 1000;

/// What the flags say, each `SETTING=VALUE` or `MODE,SETTING=VALUE`.
#[derive(Debug, Default)]
struct Settings<'a> {
    is_on: bool,
    mode: &'a str,
    rate: Option<u32>,
    url: Option<&'a str>,
    /// Attributes of the service, and how spans are gathered.
    has_others: bool,
}

/// The same for `wharf serve`.
///
/// # Errors
/// A setting is unknown, or asks for traces anywhere else than at an OpenTelemetry collector.
pub(super) fn translate(flags: &[String], to: &mut Translation) -> Result<(), String> {
    let mut settings = Settings::default();
    flags.iter().try_for_each(|flag| settings.read(flag))?;
    if settings.is_on {
        if settings.mode != "opentelemetry" {
            return Err("--trace-config writes no files, expected mode=opentelemetry".to_owned());
        }
        to.value("--otlp-endpoint", settings.url.unwrap_or(COLLECTOR));
        let rate = settings.rate.unwrap_or(RATE);
        let sample = if rate == 0 { 0.0 } else { 1.0 / f64::from(rate) };
        to.value("--trace-sample", sample.to_string());
    }
    let reason = "spans are of the service `wharf`, and go out in batches as they come";
    to.no_effect(settings.has_others, "--trace-config of resources and batches", reason);
    Ok(())
}

impl<'a> Settings<'a> {
    fn read(&mut self, flag: &'a str) -> Result<(), String> {
        let (name, value) = flag.split_once('=').ok_or_else(|| {
            format!("--trace-config `{flag}` is no setting, expected one such as `rate=100`")
        })?;
        match (name, value) {
            ("mode", "opentelemetry" | "triton") => self.mode = value,
            ("level", "OFF") => self.is_on = false,
            ("level", "TIMESTAMPS") => self.is_on = true,
            ("rate", number) => {
                let wrong = || format!("--trace-config rate is `{number}`, expected a whole number");
                self.rate = Some(number.parse().map_err(|_| wrong())?);
            }
            // Until there have been so many; -1 is without end.
            ("count", "-1") => {}
            ("opentelemetry,url", url) => self.url = Some(url),
            ("opentelemetry,resource", _) => self.has_others = true,
            (other, _) if other.starts_with("opentelemetry,bsp_") => self.has_others = true,
            _ => return Err(format!("--trace-config `{flag}` is not supported")),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::served;
    use super::*;

    #[test]
    fn traces_go_to_the_collector_that_is_named() {
        let with = |flags: &[&str]| {
            served(&[&["tritonserver", "--model-store=/m"], flags].concat()).unwrap().observe
        };
        let observe = with(&[
            "--trace-config=mode=opentelemetry",
            "--trace-config=level=TIMESTAMPS",
            "--trace-config",
            "rate=4",
            "--trace-config=count=-1",
            "--trace-config=opentelemetry,url=http://collector:4318/v1/traces",
        ]);
        assert_eq!(observe.otlp_endpoint.as_deref(), Some("http://collector:4318/v1/traces"));
        assert_eq!(observe.trace_sample, 0.25);
        let observe = with(&["--trace-config=level=TIMESTAMPS", "--trace-config=mode=opentelemetry"]);
        assert_eq!((observe.otlp_endpoint.as_deref(), observe.trace_sample), (Some(COLLECTOR), 0.001));
        assert_eq!(with(&["--trace-config=mode=opentelemetry", "--trace-config=rate=1"]).otlp_endpoint, None);
    }

    #[test]
    fn what_is_not_done_is_refused_or_named() {
        for (flag, expected) in [
            ("level=TIMESTAMPS", "expected mode=opentelemetry"),
            ("level=TENSORS", "`level=TENSORS` is not supported"),
            ("mode=other", "`mode=other` is not supported"),
            ("rate=often", "rate is `often`, expected a whole number"),
            ("count=5", "`count=5` is not supported"),
            ("triton,file=/tmp/trace.json", "not supported"),
            ("level", "is no setting"),
        ] {
            let error = translate(&[flag.to_owned()], &mut Translation::default()).unwrap_err();
            assert!(error.contains(expected), "{flag}: {error}");
        }
        let mut to = Translation::default();
        translate(&["opentelemetry,resource=service.name=x".to_owned()], &mut to).unwrap();
        assert_eq!(to.without_effect.len(), 1);
    }
}
