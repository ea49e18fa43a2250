//! How many questions are answered and how many of the answers are right, for every threshold. Knows figures only.

use std::fmt::Write as _;

use crate::bench::measure::number;
use crate::bench::plot::{Hue, STYLE, Title, escape};

const SIZE: (f64, f64) = (960.0, 460.0);
const FRAME: (f64, f64, f64, f64) = (70.0, 64.0, 700.0, 340.0);
/// The axis of precision begins here: below, nobody would answer.
const LOWEST: f64 = 0.5;

/// The most confident answer that could be given to a text.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Answer {
    /// How sure the robot is, in whatever measure it has.
    pub sure: f64,
    /// Whether it is right.
    pub right: bool,
    /// Whether the text had an answer at all.
    pub known: bool,
}

/// What comes of a threshold.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    /// Of the questions that have an answer, the part that gets one.
    pub coverage: f64,
    /// Of the answers, those to foreign questions included, the part that is right.
    pub precision: f64,
    /// Of the foreign questions, the part that is answered.
    pub foreign: f64,
}

/// What comes of answering whatever is at least so sure.
#[must_use]
pub fn at(answers: &[Answer], threshold: f64) -> Point {
    let of = |wanted: &dyn Fn(&Answer) -> bool| number(answers.iter().filter(|answer| wanted(answer)).count());
    let given = |answer: &Answer| answer.sure >= threshold;
    let part = |part: f64, whole: f64| if whole > 0.0 { part / whole } else { f64::NAN };
    Point {
        coverage: part(of(&|answer| given(answer) && answer.known), of(&|answer| answer.known)),
        precision: part(of(&|answer| given(answer) && answer.right), of(&given)),
        foreign: part(of(&|answer| given(answer) && !answer.known), of(&|answer| !answer.known)),
    }
}

/// The points of all thresholds, from the strictest.
#[must_use]
pub fn curve(answers: &[Answer]) -> Vec<Point> {
    let mut thresholds: Vec<f64> = answers.iter().map(|answer| answer.sure).filter(|sure| *sure > 0.0).collect();
    thresholds.sort_by(|one, other| other.total_cmp(one));
    thresholds.dedup();
    thresholds.into_iter().map(|threshold| at(answers, threshold)).collect()
}

/// Curves over one another; what stands alone is a dot.
#[must_use]
pub fn draw(title: Title<'_>, curves: &[(String, Hue, Vec<Point>)]) -> String {
    let ((width, height), (left, top, w, h)) = (SIZE, FRAME);
    let x = |coverage: f64| left + w * coverage.clamp(0.0, 1.0);
    let y = |precision: f64| top + h * (1.0 - (precision.clamp(LOWEST, 1.0) - LOWEST) / (1.0 - LOWEST));
    let mut svg = format!(
        r#"<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" role="img"><title>{title}</title><style>{STYLE}.l{{fill:none;stroke-width:2.5}}</style><rect class="bg" width="{width}" height="{height}"/><text class="t" x="16" y="26">{title}</text><text class="q" x="16" y="46">{axis}</text>"#,
        title = escape(title.text),
        axis = escape(title.axis),
    );
    for step in 0..=5 {
        let part = f64::from(step) / 5.0;
        let (at, precision) = (x(part), LOWEST + part * (1.0 - LOWEST));
        // Writing to a text cannot fail, here and below.
        let _ = write!(
            svg,
            r#"<line class="ax" x1="{at:.1}" y1="{top}" x2="{at:.1}" y2="{:.1}"/><text class="q" x="{at:.1}" y="{:.1}" text-anchor="middle">{part:.1}</text><line class="ax" x1="{left}" y1="{y:.1}" x2="{:.1}" y2="{y:.1}"/><text class="q" x="{:.1}" y="{:.1}" text-anchor="end">{precision:.1}</text>"#,
            top + h,
            top + h + 18.0,
            left + w,
            left - 8.0,
            y(precision) + 4.0,
            y = y(precision),
        );
    }
    for (row, (name, hue, points)) in (0_u8..).zip(curves) {
        let class = hue.class();
        let points: Vec<&Point> = points.iter().filter(|point| point.precision.is_finite()).collect();
        let line: Vec<String> =
            points.iter().map(|point| format!("{:.1},{:.1}", x(point.coverage), y(point.precision))).collect();
        let _ = write!(svg, r#"<polyline class="{class} l" points="{}"/>"#, line.join(" "));
        if let [point] = points.as_slice() {
            let _ = write!(
                svg,
                r#"<circle class="{class} n" cx="{:.1}" cy="{:.1}" r="5"/>"#,
                x(point.coverage),
                y(point.precision)
            );
        }
        let (at, line) = (left + w + 16.0, top + 16.0 + 24.0 * f64::from(row));
        let _ = write!(
            svg,
            r#"<rect class="{class} n" x="{at}" y="{}" width="12" height="12" rx="2"/><text x="{}" y="{}">{}</text>"#,
            line - 10.0,
            at + 18.0,
            line + 1.0,
            escape(name)
        );
    }
    svg.push_str("</svg>\n");
    svg
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answers() -> Vec<Answer> {
        let answer = |sure, right, known| Answer { sure, right, known };
        vec![answer(0.9, true, true), answer(0.7, false, true), answer(0.6, false, false), answer(0.0, false, false)]
    }

    #[test]
    fn thresholds_trade_precision_for_coverage() {
        assert_eq!(at(&answers(), 0.8), Point { coverage: 0.5, precision: 1.0, foreign: 0.0 });
        assert_eq!(at(&answers(), 0.65), Point { coverage: 1.0, precision: 0.5, foreign: 0.0 });
        assert_eq!(at(&answers(), 0.5).foreign, 0.5);
        assert!(at(&answers(), 1.0).precision.is_nan());
        assert_eq!(curve(&answers()).len(), 3);
    }

    #[test]
    fn a_drawing_is_well_formed() {
        let title = Title { text: "a < b", axis: "x" };
        let one = vec![Point { coverage: 0.1, precision: 1.0, foreign: 0.0 }];
        let nothing = vec![Point { coverage: 0.0, precision: f64::NAN, foreign: 0.0 }];
        let curves = [
            ("all".to_owned(), Hue::First, curve(&answers())),
            ("one".to_owned(), Hue::Second, one),
            ("none".to_owned(), Hue::Third, nothing),
        ];
        let svg = draw(title, &curves);
        assert!(!svg.contains("NaN"), "{svg}");
        let mut reader = quick_xml::Reader::from_str(&svg);
        while reader.read_event().unwrap() != quick_xml::events::Event::Eof {}
    }
}
