//! Plots as SVG: bars, and spans of percentiles. Readable on light and dark ground; knows nothing of what it shows.

use std::fmt::Write as _;

const WIDTH: f64 = 960.0;
/// Where the axis begins: labels stand to the left.
const LEFT: f64 = 330.0;
/// Where the axis ends: figures stand to the right.
const RIGHT: f64 = 800.0;
const TOP: f64 = 64.0;
const ROW: f64 = 24.0;

/// Colours and letters of all plots, on light and dark ground.
pub(super) const STYLE: &str = "\
text{font:13px system-ui,'Noto Sans CJK SC','PingFang SC','Microsoft YaHei',sans-serif;fill:#1f2933}\
.t{font-size:16px;font-weight:600}.g{font-weight:600}.q{fill:#66727f;font-size:12px}\
.bg{fill:#fff}.ax{stroke:#d5dbe1;stroke-width:1}.w{stroke:#1f2933;stroke-width:1.5}\
.a{fill:#c2410c;stroke:#c2410c}.b{fill:#0f766e;stroke:#0f766e}.c{fill:#6d28d9;stroke:#6d28d9}.n{stroke:none}\
@media(prefers-color-scheme:dark){text{fill:#e4e9ee}.q{fill:#9aa7b4}.bg{fill:#14181d}.ax{stroke:#343d47}\
.w{stroke:#e4e9ee}.a{fill:#fb923c;stroke:#fb923c}.b{fill:#2dd4bf;stroke:#2dd4bf}.c{fill:#a78bfa;stroke:#a78bfa}}";

/// Whose figure a line shows; each has a colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hue {
    /// The first.
    First,
    /// The second.
    Second,
    /// The third.
    Third,
}

impl Hue {
    pub(super) fn class(self) -> &'static str {
        match self {
            Self::First => "a",
            Self::Second => "b",
            Self::Third => "c",
        }
    }
}

/// A line of a plot.
#[derive(Debug, Clone)]
pub enum Line {
    /// What the following lines have in common.
    Group(String),
    /// A label and its figures: of a bar median, least and most; of a span the percentiles, ascending.
    Figure(String, Hue, [f64; 3]),
}

/// What stands above a plot.
#[derive(Debug, Clone, Copy)]
pub struct Title<'a> {
    /// What is shown.
    pub text: &'a str,
    /// The axis and what the marks mean.
    pub axis: &'a str,
}

/// Bars from zero, with whiskers from the least to the most.
#[must_use]
pub fn bars(title: Title<'_>, lines: &[Line]) -> String {
    let most = figures(lines).map(|[_, _, most]| most).fold(0.0, f64::max).max(f64::MIN_POSITIVE);
    let top = nice_above(most);
    let x = |value: f64| LEFT + (RIGHT - LEFT) * value / top;
    let ticks: Vec<f64> = (0..=4).map(|n| top * f64::from(n) / 4.0).collect();
    draw(title, lines, &ticks, x, |svg, y, hue, [value, least, most]| {
        let width = (x(value) - LEFT).max(1.0);
        let class = hue.class();
        let _ = write!(
            svg,
            r#"<rect class="{class} n" x="{LEFT}" y="{:.1}" width="{width:.1}" height="14" rx="2"/>"#,
            y - 7.0
        );
        let _ = write!(svg, r#"<line class="w" x1="{:.1}" y1="{y}" x2="{:.1}" y2="{y}"/>"#, x(least), x(most));
        short(value)
    })
}

/// Spans on a logarithmic axis: a dot at the first figure, a line through the others, which are ticks.
#[must_use]
pub fn spans(title: Title<'_>, lines: &[Line]) -> String {
    let all = || figures(lines).flatten().filter(|value| *value > 0.0);
    let from = all().fold(f64::INFINITY, f64::min).log10().floor();
    let to = all().fold(f64::NEG_INFINITY, f64::max).log10().ceil().max(from + 1.0);
    let x = |value: f64| {
        LEFT + (RIGHT - LEFT) * ((value.max(f64::MIN_POSITIVE).log10() - from) / (to - from)).clamp(0.0, 1.0)
    };
    let decades = (0..10).map(|n| from + f64::from(n)).take_while(|exponent| *exponent <= to);
    let ticks: Vec<f64> = decades.map(|exponent| 10_f64.powf(exponent)).collect();
    draw(title, lines, &ticks, x, |svg, y, hue, [p50, p99, p999]| {
        let class = hue.class();
        let _ = write!(
            svg,
            r#"<line class="{class}" stroke-width="3" x1="{:.1}" y1="{y}" x2="{:.1}" y2="{y}"/><circle class="{class} n" cx="{:.1}" cy="{y}" r="5"/>"#,
            x(p50),
            x(p999),
            x(p50)
        );
        for place in [p99, p999] {
            let x = x(place);
            let _ = write!(
                svg,
                r#"<line class="{class}" stroke-width="3" x1="{x:.1}" y1="{:.1}" x2="{x:.1}" y2="{:.1}"/>"#,
                y - 6.0,
                y + 6.0
            );
        }
        format!("{} / {} / {}", short(p50), short(p99), short(p999))
    })
}

fn figures(lines: &[Line]) -> impl Iterator<Item = [f64; 3]> + '_ {
    lines.iter().filter_map(|line| match line {
        Line::Figure(_, _, figures) if figures.iter().all(|figure| figure.is_finite()) => Some(*figures),
        _ => None,
    })
}

fn draw(
    title: Title<'_>,
    lines: &[Line],
    ticks: &[f64],
    x: impl Fn(f64) -> f64,
    mut mark: impl FnMut(&mut String, f64, Hue, [f64; 3]) -> String,
) -> String {
    let bottom = lines.iter().fold(TOP, |y, _| y + ROW) + 8.0;
    let height = bottom + 28.0;
    let mut svg = format!(
        r#"<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" viewBox="0 0 {WIDTH} {height}" role="img"><title>{title}</title><style>{STYLE}</style><rect class="bg" width="{WIDTH}" height="{height}"/><text class="t" x="16" y="26">{title}</text><text class="q" x="16" y="46">{axis}</text>"#,
        title = escape(title.text),
        axis = escape(title.axis),
    );
    for tick in ticks {
        let x = x(*tick);
        let _ = write!(svg, r#"<line class="ax" x1="{x:.1}" y1="{TOP}" x2="{x:.1}" y2="{bottom}"/>"#);
        let _ = write!(
            svg,
            r#"<text class="q" x="{x:.1}" y="{:.1}" text-anchor="middle">{}</text>"#,
            bottom + 16.0,
            short(*tick)
        );
    }
    let mut y = TOP + ROW / 2.0;
    for line in lines {
        match line {
            Line::Group(name) => {
                let _ = write!(svg, r#"<text class="g" x="16" y="{:.1}">{}</text>"#, y + 5.0, escape(name));
            }
            Line::Figure(label, hue, figures) => {
                let _ = write!(
                    svg,
                    r#"<text x="{:.1}" y="{:.1}" text-anchor="end"{}>{}</text>"#,
                    LEFT - 10.0,
                    y + 5.0,
                    squeezed(label),
                    escape(label)
                );
                if figures.iter().all(|figure| figure.is_finite()) {
                    let said = mark(&mut svg, y, *hue, *figures);
                    let _ = write!(svg, r#"<text class="q" x="{:.1}" y="{:.1}">{said}</text>"#, RIGHT + 12.0, y + 5.0);
                }
            }
        }
        y += ROW;
    }
    svg.push_str("</svg>\n");
    svg
}

/// What a label that may be longer than its place needs: then it is drawn as wide as that. Widths are those of [`STYLE`],
/// somewhat more than they really are.
fn squeezed(label: &str) -> String {
    let width: f64 = label.chars().map(|letter| if letter.is_ascii() { 7.0 } else { 13.0 }).sum();
    let place = LEFT - 20.0;
    if width <= place { String::new() } else { format!(r#" textLength="{place}" lengthAdjust="spacingAndGlyphs""#) }
}

pub(super) fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// A figure with three digits.
fn short(value: f64) -> String {
    match value {
        value if value >= 10_000.0 => format!("{:.0}k", value / 1_000.0),
        value if value >= 1_000.0 => format!("{:.1}k", value / 1_000.0),
        value if value >= 100.0 || value == 0.0 => format!("{value:.0}"),
        value if value >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

/// The next of 1, 2, 4, 10 times a power of ten.
fn nice_above(value: f64) -> f64 {
    let power = 10_f64.powf(value.log10().floor());
    let steps = [1.0, 2.0, 4.0, 10.0].map(|step| step * power);
    steps.into_iter().find(|step| *step >= value).unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines() -> Vec<Line> {
        vec![
            Line::Group("内存 memory".to_owned()),
            Line::Figure("a < b".to_owned(), Hue::First, [1.0, 2.0, 30.0]),
            Line::Figure("nothing".to_owned(), Hue::Second, [f64::NAN; 3]),
        ]
    }

    #[test]
    fn plots_are_well_formed_and_within_their_frame() {
        let title = Title { text: "吞吐 throughput", axis: "1/s" };
        for svg in [bars(title, &lines()), spans(title, &lines())] {
            let mut reader = quick_xml::Reader::from_str(&svg);
            let mut texts = 0;
            loop {
                match reader.read_event().unwrap() {
                    quick_xml::events::Event::Eof => break,
                    quick_xml::events::Event::Text(_) => texts += 1,
                    _ => {}
                }
            }
            assert!(texts > 6, "{svg}");
            assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
        }
    }

    #[test]
    fn a_label_that_is_too_long_is_squeezed_into_its_place() {
        assert_eq!(squeezed("W2 网关双节点 gateway, two nodes TLS"), "");
        let long = "W2 网关双节点 gateway, two nodes TLS + 10000 空闲 idle";
        assert!(squeezed(long).contains(r#"textLength="310""#), "{}", squeezed(long));
        let lines = [Line::Figure(long.to_owned(), Hue::First, [1.0, 2.0, 3.0])];
        let svg = bars(Title { text: "x", axis: "y" }, &lines);
        assert!(svg.contains(r#"text-anchor="end" textLength="310""#), "{svg}");
    }

    #[test]
    fn the_axis_ends_above_the_largest() {
        assert_eq!([1.0, 1.5, 3_900.0, 41_000.0].map(nice_above), [1.0, 2.0, 4_000.0, 100_000.0]);
        assert_eq!(
            [0.0, 0.123, 12.34, 123.4, 1_234.0, 12_345.0].map(short),
            ["0", "0.12", "12.3", "123", "1.2k", "12k"]
        );
    }
}
