//! Turns sheets into the bytes of an xlsx file; the same sheets give the same bytes.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use rust_xlsxwriter::{
    ConditionalFormat3ColorScale, ConditionalFormatType, DocProperties, ExcelDateTime, IgnoreError,
    Url, Workbook, Worksheet, XlsxError,
};
use schemas::headers::rfc3339;

use crate::format::{self, Formats};
use crate::sheet::{Area, Cell, Content, Sheet};
use crate::style::Style;
use crate::text::{self, moment};
use crate::{Model, WorkbookError, draw};

/// Excel's number for A4.
const PAPER_A4: u8 = 9;

/// How hard files are packed, of 1 to 9: faster than the usual 6, for files a twentieth larger.
const COMPRESSION: u8 = 3;

/// From so many cells on a sheet waits in a temporary file: memory would take 160 bytes a cell.
const STREAMED_CELLS_MIN: usize = 20_000;

/// So many sheets of a workbook at most, the largest ones: each has a file open.
const STREAMED_SHEETS_MAX: usize = 16;

/// Excel's limit for a header or footer is 255; escapes may double what is written.
const HEADER_UNITS_MAX: usize = 100;

/// Packs a workbook.
///
/// Shape: sheets in, the bytes of one xlsx file out. Units: times become Excel's days since 1900.
///
/// # Errors
/// [`WorkbookError::Sheet`] or [`WorkbookError::Pack`] when Excel's limits are broken, which limits
/// and names are made to prevent.
pub fn render(model: &Model) -> Result<Vec<u8>, WorkbookError> {
    let subject = || model.subject.to_string();
    let mut formats = Formats::new();
    let mut workbook = Workbook::new();
    workbook.set_zip_compression_level(COMPRESSION);
    let pack = |source| WorkbookError::Pack { subject: subject(), source };
    let streamed = streamed(&model.sheets);
    for (at, sheet) in model.sheets.iter().enumerate() {
        let page = if streamed.contains(&at) {
            workbook.add_worksheet_with_constant_memory().map_err(pack)?
        } else {
            workbook.add_worksheet()
        };
        write_sheet(page, sheet, model, &mut formats).map_err(|source| WorkbookError::Sheet {
            sheet: sheet.name.clone(),
            subject: subject(),
            source,
        })?;
    }
    // The only time in the file is the tables' own.
    let created = ExcelDateTime::from_timestamp(model.at_ms.div_euclid(1_000)).map_err(pack)?;
    workbook.set_properties(
        &DocProperties::new()
            .set_title("Cloud security scorecard")
            .set_subject(text::short(&subject(), 200))
            .set_author("scorecard")
            .set_creation_datetime(&created),
    );
    workbook.save_to_buffer().map_err(pack)
}

/// Gives the places of the sheets that wait in a file of their own until the workbook is packed.
fn streamed(sheets: &[Sheet]) -> BTreeSet<usize> {
    let cells = |at: &usize| sheets[*at].rows.cells();
    let mut large: Vec<usize> =
        (0..sheets.len()).filter(|at| cells(at) >= STREAMED_CELLS_MIN).collect();
    // The sort is stable: of equal ones the first counts.
    large.sort_by_key(|at| Reverse(cells(at)));
    large.into_iter().take(STREAMED_SHEETS_MAX).collect()
}

fn write_sheet(
    page: &mut Worksheet,
    sheet: &Sheet,
    model: &Model,
    formats: &mut Formats,
) -> Result<(), XlsxError> {
    page.set_name(&sheet.name)?;
    page.set_tab_color(format::tab(sheet.tint));
    page.set_screen_gridlines(false);
    for (column, width) in (0..).zip(&sheet.widths) {
        page.set_column_width(column, *width)?;
    }
    for (row, cells) in (0..).zip(sheet.rows.iter()) {
        if let Some(height) = cells.height {
            page.set_row_height(row, height)?;
        }
        let mut column = 0;
        for cell in &cells.cells {
            write_cell(page, row, column, cell, formats)?;
            column += cell.columns;
        }
    }
    for area in &sheet.scored {
        let Area { first_row, first_column, last_row, last_column } = *area;
        page.add_conditional_format(first_row, first_column, last_row, last_column, &scale())?;
    }
    draw::all(page, sheet)?;
    lay_out(page, sheet)?;
    print(page, sheet, model)
}

fn write_cell(
    page: &mut Worksheet,
    row: u32,
    column: u16,
    cell: &Cell,
    formats: &mut Formats,
) -> Result<(), XlsxError> {
    let format = match cell.content {
        Content::Number(number) => formats.of_number(cell.style, number),
        _ => formats.of(cell.style),
    };
    if cell.columns > 1 {
        page.merge_range(row, column, row, column + cell.columns - 1, "", format)?;
    }
    match &cell.content {
        Content::Empty if cell.style == Style::Plain => {}
        Content::Empty => {
            page.write_blank(row, column, format)?;
        }
        Content::Text(text) => {
            page.write_string_with_format(row, column, text, format)?;
        }
        Content::Number(number) => {
            page.write_number_with_format(row, column, *number, format)?;
        }
        Content::Time(ms) => match serial(*ms) {
            Some(serial) => {
                page.write_number_with_format(row, column, serial, format)?;
            }
            None => {
                page.write_string_with_format(row, column, rfc3339(*ms), format)?;
            }
        },
        Content::Link { text, sheet } => {
            let place = format!("internal:'{}'!A1", sheet.replace('\'', "''"));
            page.write_url_with_format(row, column, Url::new(place).set_text(text), format)?;
        }
        Content::Console { text, link } => {
            page.write_url_with_format(row, column, Url::new(link).set_text(text), format)?;
        }
    }
    Ok(())
}

/// Gives Excel's days since 1900; none outside the years that it knows.
fn serial(ms: i64) -> Option<f64> {
    let days = ms as f64 / 86_400_000.0 + 25_569.0;
    (61.0..2_958_466.0).contains(&days).then_some(days)
}

/// The colour scale of scores, fixed, so that a colour means the same in every workbook.
fn scale() -> ConditionalFormat3ColorScale {
    let [low, middle, high] = format::SCALE;
    ConditionalFormat3ColorScale::new()
        .set_minimum(ConditionalFormatType::Number, low.0)
        .set_minimum_color(low.1)
        .set_midpoint(ConditionalFormatType::Number, middle.0)
        .set_midpoint_color(middle.1)
        .set_maximum(ConditionalFormatType::Number, high.0)
        .set_maximum_color(high.1)
}

fn lay_out(page: &mut Worksheet, sheet: &Sheet) -> Result<(), XlsxError> {
    let (rows, columns) = sheet.frozen;
    if rows > 0 || columns > 0 {
        page.set_freeze_panes(rows, columns)?;
    }
    if let Some(area) = sheet.filter {
        page.autofilter(area.first_row, area.first_column, area.last_row, area.last_column)?;
    }
    // Ids of accounts are digits and stay text: no green corner for that.
    let last_row = sheet.next_row().saturating_sub(1);
    page.ignore_error_range(0, 0, last_row, sheet.last_column(), IgnoreError::NumberStoredAsText)?;
    Ok(())
}

fn print(page: &mut Worksheet, sheet: &Sheet, model: &Model) -> Result<(), XlsxError> {
    page.set_paper_size(PAPER_A4);
    if sheet.portrait {
        page.set_portrait();
    } else {
        page.set_landscape();
    }
    page.set_print_fit_to_pages(sheet.pages_wide, sheet.pages_high);
    page.set_margins(0.4, 0.4, 0.6, 0.6, 0.3, 0.3);
    let last_row = sheet.next_row().saturating_sub(1);
    page.set_print_area(0, 0, last_row, sheet.printed_columns.saturating_sub(1))?;
    if let Some((first, last)) = sheet.repeated_rows {
        page.set_repeat_rows(first, last)?;
    }
    if sheet.repeated_columns > 0 {
        page.set_repeat_columns(0, sheet.repeated_columns - 1)?;
    }
    // `&` begins a code in headers; a second one makes it a letter.
    let plain = |text: &str| text::short(text, HEADER_UNITS_MAX).replace('&', "&&");
    let subject = plain(&model.subject.to_string());
    page.set_header(format!("&L&8{subject}&R&8{}", plain(&sheet.name)));
    page.set_footer(format!("&L&8scorecard, as of {} UTC&R&8page &P of &N", moment(model.at_ms)));
    Ok(())
}
