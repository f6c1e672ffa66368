//! Horizontal bars, as SVG: all that these figures need.

use std::fmt::Write as _;

use super::figures::Spread;

const WIDTH: f64 = 720.0;
const LABELS: f64 = 190.0;
const VALUES: f64 = 130.0;
const BAR: f64 = 22.0;
const GAP: f64 = 8.0;
const TITLE: f64 = 34.0;
/// Apart from one another also for those who see no red or green.
const COLOURS: [&str; 4] = ["#0072b2", "#e69f00", "#999999", "#56b4e9"];

/// One bar: whose it is, and how long.
pub struct Bar {
    pub label: &'static str,
    pub value: Spread,
}

/// Draws the medians as bars, and least and greatest as a line across.
pub fn draw(title: &str, unit: &str, digits: usize, bars: &[Bar]) -> String {
    let greatest = bars
        .iter()
        .map(|bar| bar.value.greatest)
        .fold(0.0, f64::max);
    let room = WIDTH - LABELS - VALUES;
    let scale = if greatest > 0.0 { room / greatest } else { 0.0 };
    let height = TITLE + bars.len() as f64 * (BAR + GAP) + GAP;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" \
         font-family=\"sans-serif\" font-size=\"13\" role=\"img\" aria-label=\"{title}\">\n\
         <rect width=\"{WIDTH}\" height=\"{height}\" fill=\"#ffffff\"/>\n\
         <text x=\"8\" y=\"21\" font-size=\"15\" fill=\"#111111\">{title} ({unit})</text>\n",
    );
    for (number, bar) in bars.iter().enumerate() {
        let top = TITLE + number as f64 * (BAR + GAP);
        let (middle, baseline) = (top + BAR / 2.0, top + BAR / 2.0 + 4.5);
        let at = |value: f64| LABELS + value * scale;
        let colour = COLOURS[number % COLOURS.len()];
        // Writing to a string cannot fail.
        let _ = write!(
            svg,
            "<text x=\"{label_end}\" y=\"{baseline}\" text-anchor=\"end\" fill=\"#111111\">{label}</text>\n\
             <rect x=\"{LABELS}\" y=\"{top}\" width=\"{length:.1}\" height=\"{BAR}\" fill=\"{colour}\"/>\n\
             <path d=\"M{least:.1} {middle}H{most:.1}\" stroke=\"#111111\" stroke-width=\"2\"/>\n\
             <text x=\"{value_start:.1}\" y=\"{baseline}\" fill=\"#111111\">{value:.digits$}</text>\n",
            label_end = LABELS - 8.0,
            label = bar.label,
            length = bar.value.median * scale,
            least = at(bar.value.least),
            most = at(bar.value.greatest),
            value_start = at(bar.value.greatest) + 8.0,
            value = bar.value.median,
        );
    }
    svg.push_str("</svg>\n");
    svg
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_are_as_long_as_their_values() {
        let bar = |label, value: f64| Bar {
            label,
            value: Spread::of([value, value / 2.0, value]).unwrap(),
        };
        let svg = draw("Memory", "MB", 1, &[bar("one", 10.0), bar("two", 40.0)]);
        let lengths: Vec<f64> = svg
            .split("width=\"")
            .filter_map(|part| part.split_once('"')?.0.parse().ok())
            .collect();
        assert_eq!(lengths[1..], [100.0, 2.0, 400.0, 2.0]);
        assert!(
            svg.contains(">Memory (MB)<") && svg.contains(">40.0<"),
            "{svg}"
        );
    }
}
