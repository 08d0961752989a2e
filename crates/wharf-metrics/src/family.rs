//! What a scrape is made of.

use std::borrow::Cow;

use crate::HistogramSnapshot;

/// How the numbers of a family are to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// They only grow.
    Counter,
    /// They go up and down.
    Gauge,
    /// They are histograms.
    Histogram,
}

/// All series of one name.
#[derive(Clone, Debug, PartialEq)]
pub struct Family {
    /// The name.
    pub name: Cow<'static, str>,
    /// What it means; `None` writes no such line.
    pub help: Option<Cow<'static, str>>,
    /// How the numbers are to be read.
    pub kind: Kind,
    /// The series.
    pub samples: Vec<Sample>,
}

/// One series at one moment.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// Its labels, in the order in which they are written.
    pub labels: Vec<(&'static str, Cow<'static, str>)>,
    /// What it is.
    pub value: Value,
}

/// What a series is at one moment.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// A number.
    Number(f64),
    /// A histogram.
    Histogram(HistogramSnapshot),
}

impl Family {
    /// A family without series as yet.
    pub fn new(name: impl Into<Cow<'static, str>>, kind: Kind) -> Self {
        Self { name: name.into(), help: None, kind, samples: Vec::new() }
    }

    /// With a sentence that says what it means.
    #[must_use]
    pub fn with_help(mut self, help: impl Into<Cow<'static, str>>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// One more series.
    pub fn push(&mut self, sample: Sample) {
        self.samples.push(sample);
    }
}

impl Sample {
    /// A number without labels as yet.
    pub fn number(value: f64) -> Self {
        Self { labels: Vec::new(), value: Value::Number(value) }
    }

    /// A histogram without labels as yet.
    pub fn histogram(snapshot: HistogramSnapshot) -> Self {
        Self { labels: Vec::new(), value: Value::Histogram(snapshot) }
    }

    /// With one more label.
    #[must_use]
    pub fn with_label(mut self, name: &'static str, value: impl Into<Cow<'static, str>>) -> Self {
        self.labels.push((name, value.into()));
        self
    }
}
