//! A plot that is as wide as there is room, with text that keeps its size: all places are in
//! percent of its sides.

use std::fmt::Write;

use super::{axis::Axis, escape::escape};

/// Marks over two axes.
pub(super) struct Plot {
    title: String,
    description: String,
    x: Side,
    y: Side,
    size: Size,
    keys: String,
    marks: String,
}

/// An axis and what it counts.
#[derive(Clone, Copy)]
pub(super) struct Side {
    pub axis: Axis,
    pub unit: &'static str,
}

/// How high a plot is.
#[derive(Clone, Copy)]
pub(super) enum Size {
    /// The main one of a page.
    Tall,
    /// One below another.
    Low,
}

/// Marks other than dots, as they are named in [`SHAPES`] and in the style.
#[derive(Clone, Copy)]
pub(super) enum Shape {
    Cross,
    Triangle,
    Diamond,
}

/// The shapes that plots refer to; stands once in a page.
pub(super) const SHAPES: &str = concat!(
    r#"<svg class="shapes" aria-hidden="true"><defs>"#,
    r#"<path id="cross" d="M-4-4 4 4M-4 4 4-4"/>"#,
    r#"<path id="triangle" d="M0-5 5 4H-5Z"/>"#,
    r#"<path id="diamond" d="M0-5 5 0 0 5-5 0Z"/>"#,
    "</defs></svg>"
);

impl Plot {
    /// Without marks. The description is for those who cannot see it.
    pub(super) fn new(title: &str, description: &str, (x, y): (Side, Side), size: Size) -> Self {
        let [title, description] = [title, description].map(escape);
        Self { title, description, x, y, size, keys: String::new(), marks: String::new() }
    }

    /// A dot, with what is told of it when it is pointed at.
    pub(super) fn dot(&mut self, (x, y): (f64, f64), class: &str, tip: &str) {
        let (x, y) = self.place((x, y));
        let tip = escape(tip);
        let _ = write!(
            self.marks,
            r#"<circle class="{class}" cx="{x:.2}%" cy="{y:.2}%" r="3.5"><title>{tip}</title></circle>"#
        );
    }

    /// A ring about a dot.
    pub(super) fn ring(&mut self, (x, y): (f64, f64)) {
        let (x, y) = self.place((x, y));
        let _ = write!(self.marks, r#"<circle class="ring" cx="{x:.2}%" cy="{y:.2}%" r="6.5"/>"#);
    }

    /// A shape so many pixels above the plot.
    pub(super) fn above(&mut self, shape: Shape, x: f64, pixels: u32, tip: &str) {
        let (id, x, tip) = (shape.id(), self.x.axis.place(x), escape(tip));
        let _ = write!(
            self.marks,
            r##"<use class="{id}" href="#{id}" x="{x:.2}%" y="-{pixels}"><title>{tip}</title></use>"##
        );
    }

    /// A shape at its bottom.
    pub(super) fn bottom(&mut self, shape: Shape, x: f64, tip: &str) {
        let (id, x, tip) = (shape.id(), self.x.axis.place(x), escape(tip));
        let _ = write!(
            self.marks,
            r##"<use class="{id}" href="#{id}" x="{x:.2}%" y="100%"><title>{tip}</title></use>"##
        );
    }

    /// A line through points.
    pub(super) fn line(&mut self, points: impl Iterator<Item = (f64, f64)>, class: &str) {
        let points = points.filter(|(x, y)| x.is_finite() && y.is_finite());
        let places = points.map(|point| {
            let (x, y) = self.place(point);
            format!("{x:.2},{y:.2}")
        });
        let places: Vec<String> = places.collect();
        let _ = write!(
            self.marks,
            r#"<svg class="line" width="100%" height="100%" viewBox="0 0 100 100" preserveAspectRatio="none"><polyline class="{class}" points="{}"/></svg>"#,
            places.join(" ")
        );
    }

    /// A shade between two places of the horizontal axis.
    pub(super) fn shade(&mut self, from: f64, to: f64) {
        let [from, to] = [from, to].map(|at| self.x.axis.place(at));
        if to > from {
            let _ = write!(
                self.marks,
                r#"<rect class="shade" x="{from:.2}%" y="0" width="{:.2}%" height="100%"/>"#,
                to - from
            );
        }
    }

    /// Text at a point on a rising line, where the line does not run.
    pub(super) fn note(&mut self, point: (f64, f64), text: &str) {
        let (x, y) = self.place(point);
        let (anchor, dx, dy) = if x > 55.0 { ("end", -8, -6) } else { ("start", 8, 15) };
        let text = escape(text);
        let _ = write!(
            self.marks,
            r#"<text class="note" x="{x:.2}%" y="{y:.2}%" dx="{dx}" dy="{dy}" text-anchor="{anchor}">{text}</text>"#
        );
    }

    /// Says what marks of a class mean.
    pub(super) fn key(&mut self, class: &str, meaning: &str) {
        let mark = match class {
            "cross" | "triangle" | "diamond" => {
                format!(r##"<use class="{class}" href="#{class}"/>"##)
            }
            "ring" => {
                r#"<circle class="dot asked" r="3"/><circle class="ring" r="5.5"/>"#.to_owned()
            }
            "shade" => r#"<rect class="shade" x="-7" y="-7" width="14" height="14"/>"#.to_owned(),
            line if line.starts_with("curve") => {
                format!(r#"<path class="{line}" d="M-7 0H7" fill="none"/>"#)
            }
            dot => format!(r#"<circle class="{dot}" r="3.5"/>"#),
        };
        let _ = write!(
            self.keys,
            r#"<li><svg viewBox="-7 -7 14 14" width="14" height="14" aria-hidden="true">{mark}</svg>{}</li>"#,
            escape(meaning)
        );
    }

    /// As HTML.
    pub(super) fn render(self) -> String {
        let Self { title, description, keys, marks, size, .. } = &self;
        let size = size.class();
        let keys = if keys.is_empty() { String::new() } else { format!("<ul>{keys}</ul>") };
        format!(
            "<figure><figcaption>{title}</figcaption>{keys}<svg class=\"plot {size}\" role=\"img\" \
             aria-label=\"{title}. {description}\">{}{marks}</svg></figure>\n",
            self.scales()
        )
    }

    fn place(&self, (x, y): (f64, f64)) -> (f64, f64) {
        (self.x.axis.place(x), 100.0 - self.y.axis.place(y))
    }

    /// Lines for the values of the vertical axis, and the values of both.
    fn scales(&self) -> String {
        let mut scales = String::new();
        let Side { axis, unit } = &self.y;
        for tick in axis.ticks() {
            let (y, label) = (100.0 - axis.place(tick), axis.label(tick));
            let _ = write!(
                scales,
                r#"<line class="grid" x1="0" x2="100%" y1="{y:.2}%" y2="{y:.2}%"/><text x="0" dx="-8" y="{y:.2}%" dy="4" text-anchor="end">{label}{}</text>"#,
                spaced(unit)
            );
        }
        scales + &ticks(&self.x)
    }
}

/// The values below a horizontal axis; every other one where there is little room.
pub(super) fn ticks(Side { axis, unit }: &Side) -> String {
    let mut ticks = String::new();
    for (place, tick) in axis.ticks().into_iter().enumerate() {
        let (x, label) = (axis.place(tick), axis.label(tick));
        let class = if place % 2 == 1 { " class=\"spare\"" } else { "" };
        let _ = write!(
            ticks,
            r#"<text{class} x="{x:.2}%" y="100%" dy="20" text-anchor="middle">{label}{}</text>"#,
            spaced(unit)
        );
    }
    ticks
}

fn spaced(unit: &str) -> String {
    match unit {
        "" => String::new(),

        unit => format!(" {unit}"),
    }
}

impl Size {
    fn class(self) -> &'static str {
        match self {
            Self::Tall => "tall",
            Self::Low => "low",
        }
    }
}

impl Shape {
    fn id(self) -> &'static str {
        match self {
            Self::Cross => "cross",
            Self::Triangle => "triangle",
            Self::Diamond => "diamond",
        }
    }
}
