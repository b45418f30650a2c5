//! Turns drawings into sparklines and charts of an xlsx file.

use rust_xlsxwriter::{
    Chart, ChartFont, ChartFormat, ChartLine, ChartMarker, ChartMarkerType, ChartRange,
    ChartSolidFill, ChartType, Sparkline, SparklineType, Worksheet, XlsxError,
};

use crate::format;
use crate::sheet::{Area, Drawing, Place, Sheet};

/// Pixels of a column's character, and of a point of a row's height.
const CHARACTER_PIXELS: f64 = 7.0;
const POINT_PIXELS: f64 = 4.0 / 3.0;

/// A chart that is narrower turns its labels.
const NARROW_PIXELS: u32 = 500;

/// Points of a row without a height of its own.
const ROW_POINTS: f64 = 15.0;

/// Draws everything of a sheet.
pub(crate) fn all(page: &mut Worksheet, sheet: &Sheet) -> Result<(), XlsxError> {
    for drawing in &sheet.drawings {
        match drawing {
            Drawing::Sparkline { row, column, numbers, from } => {
                page.add_sparkline(*row, *column, &sparkline(numbers, *from))?;
            }
            Drawing::Line { over, numbers, labels, from } => {
                let chart = line(sheet, *over, numbers, labels, *from);
                page.insert_chart(over.first_row, over.first_column, &chart)?;
            }
        }
    }
    Ok(())
}

fn range(place: &Place) -> ChartRange {
    let Area { first_row, first_column, last_row, last_column } = place.area;
    ChartRange::new_from_range(&place.sheet, first_row, first_column, last_row, last_column)
}

/// Columns, not a line: other programs than Excel draw a line too thin to be seen.
fn sparkline(numbers: &Place, from: f64) -> Sparkline {
    let Area { first_row, first_column, last_row, last_column } = numbers.area;
    Sparkline::new()
        .set_range((&*numbers.sheet, first_row, first_column, last_row, last_column))
        .set_type(SparklineType::Column)
        .set_custom_min(from)
        .set_sparkline_color(format::PALE_NAVY)
        .show_last_point(true)
        .set_last_point_color(format::NAVY)
}

fn line(sheet: &Sheet, over: Area, numbers: &Place, labels: &Place, from: f64) -> Chart {
    let (width, height) = size(sheet, over);
    let mut font = ChartFont::new();
    font.set_size(8).set_color(format::FAINT);
    let fill = ChartSolidFill::new().set_color(format::NAVY).clone();
    let mut chart = Chart::new(ChartType::Line);
    chart.set_width(width).set_height(height);
    chart
        .add_series()
        .set_values(&range(numbers))
        .set_categories(&range(labels))
        .set_format(ChartLine::new().set_color(format::NAVY).set_width(2))
        .set_marker(
            ChartMarker::new()
                .set_type(ChartMarkerType::Circle)
                .set_size(5)
                .set_format(ChartFormat::new().set_solid_fill(&fill).set_no_border()),
        );
    let axis = chart.y_axis().set_min(from).set_max(1.0).set_num_format("0%").set_font(&font);
    axis.set_major_gridlines_line(ChartLine::new().set_color(format::LINE));
    if width < NARROW_PIXELS {
        font.set_rotation(-45);
    }
    chart.x_axis().set_font(&font);
    chart.legend().set_hidden();
    chart.title().set_hidden();
    chart
}

/// Gives the pixels of an area: a chart that ends where its cells end does so in every program.
fn size(sheet: &Sheet, area: Area) -> (u32, u32) {
    let columns = usize::from(area.first_column)..=usize::from(area.last_column);
    let widths = sheet.widths.get(columns).unwrap_or_default().iter();
    let width: f64 = widths.map(|width| width * CHARACTER_PIXELS + 5.0).sum();
    let count = (area.last_row - area.first_row + 1) as usize;
    let rows = sheet.rows.iter().skip(area.first_row as usize).take(count);
    let points: Vec<f64> = rows.map(|row| row.height.unwrap_or(ROW_POINTS)).collect();
    let below = (count - points.len()) as f64 * ROW_POINTS;
    let height = (points.iter().sum::<f64>() + below) * POINT_PIXELS;
    (width as u32, height as u32)
}
