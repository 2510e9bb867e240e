//! Tables for people.

use std::time::Duration;

use loadtest::Percentiles;

use crate::args::Form;

/// Which of the percentiles.
pub(super) type Pick = fn(&Percentiles) -> Duration;

/// A table whose first column names the rows.
#[derive(Debug)]
pub(in crate::commands) struct Table {
    head: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table without rows, with these names of the columns.
    pub(in crate::commands) fn new<S: Into<String>>(head: impl IntoIterator<Item = S>) -> Self {
        Self { head: head.into_iter().map(Into::into).collect(), rows: Vec::new() }
    }

    /// Adds a row.
    pub(in crate::commands) fn row<S: Into<String>>(
        &mut self,
        name: impl Into<String>,
        cells: impl IntoIterator<Item = S>,
    ) {
        let name = std::iter::once(name.into());
        self.rows.push(name.chain(cells.into_iter().map(Into::into)).collect());
    }

    /// As it is asked for.
    pub(in crate::commands) fn text(&self, form: Form) -> String {
        if form.markdown { self.markdown() } else { self.plain() }
    }

    /// For a terminal: the names to the left, all else to the right.
    fn plain(&self) -> String {
        let columns = self.head.len();
        let all = || std::iter::once(&self.head).chain(&self.rows);
        let width = |column: usize| {
            let cells = all().filter_map(|row| row.get(column));
            cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..columns).map(width).collect();
        let mut text = String::new();
        for row in all() {
            for (column, (cell, width)) in row.iter().zip(&widths).enumerate() {
                let pad = " ".repeat(width.saturating_sub(cell.chars().count()));
                let (before, after) = if column == 0 { ("", &*pad) } else { (&*pad, "") };
                let gap = if column == 0 { "" } else { "  " };
                text.extend([gap, before, cell, after]);
            }
            text.truncate(text.trim_end().len());
            text.push('\n');
        }
        text
    }

    /// For a page.
    fn markdown(&self) -> String {
        let line = |row: &[String]| format!("| {} |\n", row.join(" | "));
        let mut text = line(&self.head);
        text += "|---|";
        for _ in 1..self.head.len() {
            text += "--:|";
        }
        text.push('\n');
        for row in &self.rows {
            text += &line(row);
        }
        text
    }
}

/// Milliseconds of one percentile; a dash where nothing was measured.
pub(super) fn ms(percentiles: Option<&Percentiles>, of: Pick) -> String {
    percentiles.map_or_else(nothing, |percentiles| of(percentiles).as_millis().to_string())
}

/// Milliseconds of the median and the 95th percentile.
pub(super) fn p50_p95(percentiles: Option<&Percentiles>) -> String {
    percentiles.map_or_else(nothing, |Percentiles { p50, p95, .. }| {
        format!("{} / {}", p50.as_millis(), p95.as_millis())
    })
}

/// How many of how many, and what share that is.
pub(super) fn share(part: usize, of: usize) -> String {
    if of == 0 {
        return nothing();
    }
    format!("{part} of {of} ({} %)", (part * 200 + of) / (of * 2))
}

fn nothing() -> String {
    "-".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        let mut table = Table::new(["ms", "one", "two"]);
        table.row("short", ["1", "22"]);
        table.row("a longer name", ["333 ± 4", "-"]);
        table
    }

    #[test]
    fn a_terminal_shows_columns() {
        let wanted = "\
            ms                 one  two\n\
            short                1   22\n\
            a longer name  333 ± 4    -\n";
        assert_eq!(table().plain(), wanted);
    }

    #[test]
    fn a_page_shows_the_same_table() {
        let wanted = "\
            | ms | one | two |\n\
            |---|--:|--:|\n\
            | short | 1 | 22 |\n\
            | a longer name | 333 ± 4 | - |\n";
        assert_eq!(table().markdown(), wanted);
    }

    #[test]
    fn shares_are_rounded_and_of_nothing_there_is_none() {
        assert_eq!(share(2, 3), "2 of 3 (67 %)");
        assert_eq!(share(1, 200), "1 of 200 (1 %)");
        assert_eq!(share(0, 0), "-");
        assert_eq!(p50_p95(None), "-");
    }
}
