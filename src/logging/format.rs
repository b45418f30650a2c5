//! How a line tells in which span it was written.

use std::fmt;

use tracing::{Event, Subscriber};
use tracing_subscriber::{
    fmt::{FmtContext, FormatEvent, FormatFields, format::Writer},
    registry::LookupSpan,
};

use super::Form;
use crate::telemetry;

/// A format of lines, to which the ids of trace and span are added.
pub(super) struct WithIds<F> {
    pub(super) inner: F,
    pub(super) form: Form,
}

impl<S, N, F> FormatEvent<S, N> for WithIds<F>
where
    S: Subscriber + for<'span> LookupSpan<'span>,
    N: for<'writer> FormatFields<'writer> + 'static,
    F: FormatEvent<S, N>,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let Some((trace, span)) = telemetry::ids() else {
            return self.inner.format_event(context, writer, event);
        };
        let mut line = String::new();
        self.inner.format_event(context, Writer::new(&mut line), event)?;
        writer.write_str(&with_ids(&line, self.form, &trace, &span))
    }
}

/// Adds ids, in hexadecimal digits as the W3C has them, to a line.
fn with_ids(line: &str, form: Form, trace: &impl fmt::Display, span: &impl fmt::Display) -> String {
    let line = line.trim_end_matches('\n');
    match (form, line.strip_suffix('}')) {
        (Form::Json, Some(object)) => {
            format!("{object},\"trace_id\":\"{trace}\",\"span_id\":\"{span}\"}}\n")
        }
        _ => format!("{line} trace_id={trace} span_id={span}\n"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_stand_at_the_end_of_a_text_and_at_the_top_of_an_object() {
        let text = with_ids("WARN it rains {x}\n", Form::Text, &"4bf9", &"00f0");
        assert_eq!(text, "WARN it rains {x} trace_id=4bf9 span_id=00f0\n");
        let json = with_ids("{\"fields\":{\"a\":1}}\n", Form::Json, &"4bf9", &"00f0");
        let json: serde_json::Value = serde_json::from_str(&json).unwrap();
        let expected = serde_json::json!({
            "fields": {"a": 1}, "trace_id": "4bf9", "span_id": "00f0"
        });
        assert_eq!(json, expected);
    }
}
