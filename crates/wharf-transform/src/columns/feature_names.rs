//! What features are called.

use super::{DateForm, DatePart, Encoding, OneHotEncoding, Otherwise, ProgramColumn};

impl ProgramColumn {
    pub(super) fn push_feature_names(&self, out: &mut Vec<String>) {
        let name = &self.name;
        match &self.encoding {
            Encoding::Dropped => {}
            Encoding::Number(number) => self.push_value(number.indicator, out),
            Encoding::Boolean(boolean) => self.push_value(boolean.indicator, out),
            Encoding::OneHot(one_hot) => self.push_levels(one_hot, out),
            Encoding::Ordinal(_) => out.push(name.clone()),
            Encoding::Date(date) => {
                let parts = date.features.iter();
                out.extend(parts.map(|f| format!("{name} {}{}", f.part.name(), f.form.suffix())));
                self.push_missing(date.indicator, out);
            }
            Encoding::Hashing(_) => {
                out.extend((0..self.encoding.features()).map(|bucket| format!("{name}#{bucket}")));
            }
            Encoding::TfIdf(tf_idf) => out.extend(tf_idf.terms.iter().map(|term| format!("{name}: {term}"))),
        }
    }

    fn push_value(&self, indicator: bool, out: &mut Vec<String>) {
        out.push(self.name.clone());
        self.push_missing(indicator, out);
    }

    fn push_missing(&self, is_there: bool, out: &mut Vec<String>) {
        if is_there {
            out.push(format!("{} is missing", self.name));
        }
    }

    fn push_levels(&self, one_hot: &OneHotEncoding, out: &mut Vec<String>) {
        out.extend(one_hot.levels.iter().map(|level| format!("{}={level}", self.name)));
        if one_hot.unseen == Otherwise::Feature {
            out.push(format!("{} is other", self.name));
        }
        self.push_missing(one_hot.missing == Otherwise::Feature, out);
    }
}

impl DatePart {
    /// The name of the part within that of a feature.
    pub fn name(self) -> &'static str {
        match self {
            DatePart::Year => "year",
            DatePart::Month => "month",
            DatePart::Day => "day",
            DatePart::Weekday => "weekday",
            DatePart::Hour => "hour",
            DatePart::Days => "days",
        }
    }
}

impl DateForm {
    fn suffix(self) -> &'static str {
        match self {
            DateForm::Value => "",
            DateForm::Sin => " sin",
            DateForm::Cos => " cos",
        }
    }
}
