//! Runs as one page that needs nothing else.

use std::fmt::Write;

use super::table::{Table, table};
use crate::Outcome;

/// These runs as one page.
pub fn html(outcomes: &[Outcome]) -> String {
    let Table { head, lines } = table(outcomes);
    let mut page = String::from(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Load test</title><table><tr><th>",
    );
    for name in head {
        let _ = write!(page, "<th>{}", escape(&name));
    }
    for (label, values) in lines {
        let _ = write!(page, "<tr><th>{}", escape(&label));
        for value in values {
            let _ = write!(page, "<td>{}", escape(&value));
        }
    }
    page + "</table></html>\n"
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
