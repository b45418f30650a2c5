//! A picture of the score: a line over the weeks before, up to now. Pure.

use crate::html::PICTURE_SIZE;

/// How many dots one pixel is made of in each direction: strokes get soft edges.
const FINE: u32 = 3;

type Color = [u8; 3];

const WHITE: Color = [0xff; 3];
const INK: Color = [0x1f, 0x29, 0x37];
const NAVY: Color = [0x1f, 0x3a, 0x5f];
const LINE: Color = [0xd5, 0xdb, 0xe3];
const FAINT: Color = [0x5b, 0x66, 0x74];

/// Least height of the scale: a tenth of a point must not look like a landslide.
const SPAN_MIN: f64 = 0.1;

/// What the picture shows: scores are shares of 1, times are milliseconds.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Curve<'a> {
    /// The time of the present score.
    pub(crate) at_ms: i64,
    /// The present score.
    pub(crate) score: Option<f64>,
    /// Earlier times with their scores, the oldest first.
    pub(crate) weeks: &'a [(i64, Option<f64>)],
}

type Point = (f64, f64);

/// Dots on their way to a picture.
struct Canvas {
    width: u32,
    height: u32,
    dots: Vec<Color>,
}

/// Draws the picture and gives it as a PNG file.
pub(crate) fn png(curve: &Curve<'_>) -> Vec<u8> {
    let (width, height) = PICTURE_SIZE;
    let mut canvas = Canvas::new(width * FINE, height * FINE);
    canvas.curve(curve);
    if curve.score.is_none() {
        canvas.word("-", NO_SCORE, 50.0, 6.0, INK);
    }
    encoded(width, height, &canvas.pixels())
}

fn encoded(width: u32, height: u32, pixels: &[u8]) -> Vec<u8> {
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, width, height);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    let mut writer = encoder.write_header().expect("a vector takes a header");
    writer.write_image_data(pixels).expect("there are as many pixels as the header says");
    drop(writer);
    file
}

/// Where the curve is drawn: left, top, right, bottom.
const FRAME: (f64, f64, f64, f64) = (64.0, 22.0, 584.0, 128.0);

/// Where a dash stands for a score that is not there: its upper left corner.
const NO_SCORE: Point = (312.0, 50.0);

impl Canvas {
    fn new(width: u32, height: u32) -> Self {
        let dots = vec![WHITE; (width * height) as usize];
        Self { width, height, dots }
    }

    fn curve(&mut self, curve: &Curve<'_>) {
        let now = (curve.at_ms, curve.score);
        let all: Vec<(i64, Option<f64>)> = curve.weeks.iter().copied().chain([now]).collect();
        let known = || all.iter().filter_map(|(_, score)| *score);
        let (least, most) = (known().fold(1.0, f64::min), known().fold(0.0, f64::max));
        let (low, high) = scale(least, most);
        let (left, top, right, bottom) = FRAME;
        for (share, y) in [(high, top), (low, bottom)] {
            self.stroke((left, y), (right, y), 1.0, LINE);
            self.word(&format!("{:.0}%", share * 100.0), (left - 48.0, y - 6.0), 12.0, 1.4, FAINT);
        }
        let first_ms = all.first().map_or(curve.at_ms, |(at_ms, _)| *at_ms);
        let span_ms = (curve.at_ms - first_ms).max(1) as f64;
        let place = |(at_ms, score): &(i64, Option<f64>)| -> Option<Point> {
            let along = if all.len() == 1 { 1.0 } else { (at_ms - first_ms) as f64 / span_ms };
            let up = ((*score)? - low) / (high - low);
            Some((left + (right - left) * along, bottom - (bottom - top) * up))
        };
        let points: Vec<Option<Point>> = all.iter().map(place).collect();
        for pair in points.windows(2) {
            if let [Some(from), Some(to)] = pair {
                self.stroke(*from, *to, 2.5, NAVY);
            }
        }
        for (index, point) in points.iter().enumerate() {
            let size = if index + 1 == points.len() { 9.0 } else { 5.0 };
            point.iter().for_each(|point| self.stroke(*point, *point, size, NAVY));
        }
    }

    /// Draws a line with round ends.
    fn stroke(&mut self, from: Point, to: Point, width: f64, color: Color) {
        let fine = f64::from(FINE);
        let scaled = |(x, y): Point| (x * fine, y * fine);
        let (from, to, reach) = (scaled(from), scaled(to), width * fine / 2.0);
        let range = |a: f64, b: f64, end: u32| {
            let first = (a.min(b) - reach).floor().clamp(0.0, f64::from(end)) as u32;
            let last = (a.max(b) + reach).ceil().clamp(0.0, f64::from(end)) as u32;
            first..last
        };
        for y in range(from.1, to.1, self.height) {
            for x in range(from.0, to.0, self.width) {
                let dot = (f64::from(x) + 0.5, f64::from(y) + 0.5);
                if distance(dot, from, to) <= reach {
                    self.dots[(y * self.width + x) as usize] = color;
                }
            }
        }
    }

    /// Writes digits, a percent sign or a dash; `at` is the upper left corner.
    fn word(&mut self, word: &str, at: Point, height: f64, width: f64, color: Color) {
        let (unit, mut left) = (height / 2.0, at.0);
        for letter in word.chars() {
            for (from, to) in strokes(letter) {
                let place = |(x, y): Point| (left + x * unit, at.1 + y * unit);
                self.stroke(place(*from), place(*to), width, color);
            }
            left += unit * 1.55;
        }
    }

    /// Gives the pixels, each the mean of its dots.
    fn pixels(&self) -> Vec<u8> {
        let (width, height) = (self.width / FINE, self.height / FINE);
        let mut pixels = Vec::with_capacity((width * height * 3) as usize);
        for y in 0..height {
            for x in 0..width {
                for part in 0..3 {
                    let dots = (0..FINE * FINE).map(|dot| {
                        let at = (y * FINE + dot / FINE) * self.width + x * FINE + dot % FINE;
                        u32::from(self.dots[at as usize][part])
                    });
                    pixels.push((dots.sum::<u32>() / (FINE * FINE)) as u8);
                }
            }
        }
        pixels
    }
}

/// Gives the ends of the scale: whole hundredths, at least [`SPAN_MIN`] apart, within 0 and 1.
fn scale(least: f64, most: f64) -> (f64, f64) {
    let (least, most) = if least > most { (0.0, 1.0) } else { (least, most) };
    let middle = f64::midpoint(least, most);
    let half = ((most - least) / 2.0).max(SPAN_MIN / 2.0) * 1.1;
    // What lies a rounding error beside a hundredth is on it.
    let low = ((middle - half) * 100.0 + 1e-6).floor() / 100.0;
    let high = ((middle + half) * 100.0 - 1e-6).ceil() / 100.0;
    (low.max(0.0), high.min(1.0))
}

fn distance(dot: Point, from: Point, to: Point) -> f64 {
    let (dx, dy) = (to.0 - from.0, to.1 - from.1);
    let length = dx * dx + dy * dy;
    let along = if length == 0.0 {
        0.0
    } else {
        (((dot.0 - from.0) * dx + (dot.1 - from.1) * dy) / length).clamp(0.0, 1.0)
    };
    (dot.0 - from.0 - along * dx).hypot(dot.1 - from.1 - along * dy)
}

type Stroke = (Point, Point);

// A letter is two units high and one wide: the seven strokes of a digit.
const TOP: Stroke = ((0.0, 0.0), (1.0, 0.0));
const MIDDLE: Stroke = ((0.0, 1.0), (1.0, 1.0));
const BOTTOM: Stroke = ((0.0, 2.0), (1.0, 2.0));
const LEFT_UP: Stroke = ((0.0, 0.0), (0.0, 1.0));
const LEFT_DOWN: Stroke = ((0.0, 1.0), (0.0, 2.0));
const RIGHT_UP: Stroke = ((1.0, 0.0), (1.0, 1.0));
const RIGHT_DOWN: Stroke = ((1.0, 1.0), (1.0, 2.0));
const SLASH: Stroke = ((1.0, 0.0), (0.0, 2.0));
const OVER: Stroke = ((0.1, 0.3), (0.1, 0.3));
const UNDER: Stroke = ((0.9, 1.7), (0.9, 1.7));

fn strokes(letter: char) -> &'static [Stroke] {
    match letter {
        '0' => &[TOP, BOTTOM, LEFT_UP, LEFT_DOWN, RIGHT_UP, RIGHT_DOWN],
        '1' => &[RIGHT_UP, RIGHT_DOWN],
        '2' => &[TOP, RIGHT_UP, MIDDLE, LEFT_DOWN, BOTTOM],
        '3' => &[TOP, RIGHT_UP, MIDDLE, RIGHT_DOWN, BOTTOM],
        '4' => &[LEFT_UP, MIDDLE, RIGHT_UP, RIGHT_DOWN],
        '5' => &[TOP, LEFT_UP, MIDDLE, RIGHT_DOWN, BOTTOM],
        '6' => &[TOP, LEFT_UP, LEFT_DOWN, MIDDLE, RIGHT_DOWN, BOTTOM],
        '7' => &[TOP, RIGHT_UP, RIGHT_DOWN],
        '8' => &[TOP, MIDDLE, BOTTOM, LEFT_UP, LEFT_DOWN, RIGHT_UP, RIGHT_DOWN],
        '9' => &[TOP, MIDDLE, BOTTOM, LEFT_UP, RIGHT_UP, RIGHT_DOWN],
        '%' => &[SLASH, OVER, UNDER],
        '-' => &[MIDDLE],
        _ => &[],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scale_holds_its_scores() {
        for (least, most, expected) in [
            (0.87, 0.88, (0.82, 0.93)),
            (0.5, 0.9, (0.48, 0.92)),
            (1.0, 1.0, (0.94, 1.0)),
            (0.0, 0.0, (0.0, 0.06)),
            (1.0, 0.0, (0.0, 1.0)),
        ] {
            let (low, high) = scale(least, most);
            assert!(
                (low - expected.0).abs() < 1e-9 && (high - expected.1).abs() < 1e-9,
                "{low} {high}"
            );
        }
    }

    /// Reads a picture back: is the pixel at this place dark?
    fn dark(file: &[u8]) -> impl Fn(u32, u32) -> bool {
        let decoder = png::Decoder::new(std::io::Cursor::new(file.to_vec()));
        let mut reader = decoder.read_info().unwrap();
        let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut pixels).unwrap();
        assert_eq!((info.width, info.height), PICTURE_SIZE);
        move |x, y| pixels[((y * PICTURE_SIZE.0 + x) * 3) as usize] < 0x60
    }

    #[test]
    fn the_line_goes_where_the_scores_are() {
        let weeks = [(0, Some(0.2)), (100, None), (200, Some(0.6))];
        let file = png(&Curve { at_ms: 300, score: Some(1.0), weeks: &weeks });
        let is_dark = dark(&file);
        let (left, top, right, bottom) = FRAME;
        // The scale reaches from 0.16 to 1: its ends are 0.84 apart.
        let y = |score: f64| (bottom - (bottom - top) * (score - 0.16) / 0.84).round() as u32;
        let x = |share: f64| (left + (right - left) * share).round() as u32;
        assert!(is_dark(x(0.0), y(0.2)) && is_dark(x(2.0 / 3.0), y(0.6)));
        assert!(is_dark(x(1.0) - 1, y(1.0)) && is_dark(x(5.0 / 6.0), y(0.8)));
        assert!(!is_dark(x(1.0 / 3.0), y(0.4)), "a week without a score is a gap");
        assert!(file.len() < 20_000, "{} bytes", file.len());
    }

    #[test]
    fn what_has_no_score_has_a_dash() {
        let file = png(&Curve { at_ms: 300, score: None, weeks: &[] });
        let is_dark = dark(&file);
        assert!(is_dark(325, 75) && !is_dark(325, 50));
    }
}
