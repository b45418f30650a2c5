"""Writes the rows of `bench/run workbook` with openpyxl or XlsxWriter, and prints what it took.

    workbook.py openpyxl|openpyxl-write-only|xlsxwriter ROWS OUT
"""

import json
import resource
import sys

INK, FAINT, NAVY, LINE, PAPER = "1F2937", "5B6674", "1F3A5F", "D5DBE3", "F5F7FA"
BLUE, PALE_BLUE, WHITE = "1F4E8C", "DCE6F5", "FFFFFF"
DARK_RED, ORANGE, SAND, CREAM = "8C1D18", "EF6548", "FDBB84", "FEF0D9"
SCALE = [(0.5, "EF6548"), (0.85, "FDD49E"), (1.0, "D3EFDB")]


def marked(tail):
    return f'[=1]"✓ "0%{tail};[<0.7995]"✗ "0.0%{tail};"! "0.0%{tail}'


def style(size=10, color=INK, bold=False, italic=False, fill=None, box=True, number=None,
          across=None, wrap=False, indent=0, turned=0):
    return dict(size=size, color=color, bold=bold, italic=italic, fill=fill, box=box,
                number=number, across=across, wrap=wrap, indent=indent, turned=turned)


def heading(**more):
    return style(color=WHITE, bold=True, fill=NAVY, wrap=True, **more)


def word(fill, color=INK):
    return style(bold=True, across="center", fill=fill, color=color)


# As `STYLES` in bench/src/workbook/rows.rs, in that order.
STYLES = [
    style(box=False),
    style(size=18, bold=True, color=NAVY, box=False),
    style(size=11, color=FAINT, box=False),
    style(size=9, color=FAINT, wrap=True, box=False),
    heading(turned=90, across="center"),
    heading(across="left", indent=1),
    heading(across="center"),
    style(bold=True, across="left", wrap=True, indent=1),
    style(across="left", wrap=True, indent=1),
    style(across="left", indent=1),
    style(size=9, across="center", wrap=True),
    style(number="#,##0", across="right", indent=1),
    style(number=marked(""), across="center"),
    style(number=marked('"*"'), across="center"),
    style(number=marked(""), across="center", bold=True, size=11),
    style(number=marked('"*"'), across="center", bold=True, size=11),
    style(color=FAINT, fill=PAPER, across="center"),
    style(color=BLUE, fill=PALE_BLUE, italic=True, wrap=True, across="center"),
    word(DARK_RED, WHITE),
    word(ORANGE),
    word(SAND),
    word(CREAM),
    word(PAPER),
]


def lines(path):
    with open(path, encoding="utf-8") as file:
        for line in file:
            yield json.loads(line)


def cpu():
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def with_openpyxl(path, out, write_only):
    from openpyxl import Workbook
    from openpyxl.cell import WriteOnlyCell
    from openpyxl.formatting.rule import ColorScaleRule
    from openpyxl.styles import Alignment, Border, Font, NamedStyle, PatternFill, Side
    from openpyxl.utils import get_column_letter

    rows = lines(path)
    head = next(rows)
    book = Workbook(write_only=write_only)
    sheet = book.create_sheet(head["name"]) if write_only else book.active
    sheet.title = head["name"]
    side = Side(style="thin", color=LINE)
    names = []
    for at, one in enumerate(STYLES):
        named = NamedStyle(name=f"style{at}")
        named.font = Font(name="Calibri", size=one["size"], color=one["color"], bold=one["bold"],
                          italic=one["italic"])
        if one["fill"]:
            named.fill = PatternFill("solid", start_color=one["fill"])
        if one["box"]:
            named.border = Border(left=side, right=side, top=side, bottom=side)
        if one["number"]:
            named.number_format = one["number"]
        named.alignment = Alignment(horizontal=one["across"], vertical="center",
                                    wrap_text=one["wrap"], indent=one["indent"],
                                    text_rotation=one["turned"])
        book.add_named_style(named)
        names.append(named.name)
    for at, width in enumerate(head["widths"], 1):
        sheet.column_dimensions[get_column_letter(at)].width = width
    first, columns = head["frozen"]
    sheet.freeze_panes = f"{get_column_letter(columns + 1)}{first + 1}"
    for row, (height, cells) in enumerate(rows, 1):
        if height:
            sheet.row_dimensions[row].height = height
        if write_only:
            made = []
            for number, columns, value in cells:
                cell = WriteOnlyCell(sheet, value=value)
                cell.style = names[number]
                made += [cell] + [None] * (columns - 1)
            sheet.append(made)
            continue
        column = 1
        for number, columns, value in cells:
            cell = sheet.cell(row, column)
            cell.value = value
            cell.style = names[number]
            if columns > 1:
                sheet.merge_cells(start_row=row, end_row=row, start_column=column,
                                  end_column=column + columns - 1)
            column += columns

    def area(corners):
        top, left, bottom, right = corners
        return f"{get_column_letter(left + 1)}{top + 1}:{get_column_letter(right + 1)}{bottom + 1}"

    for corners in head["scored"]:
        (low, red), (middle, sand), (high, green) = SCALE
        sheet.conditional_formatting.add(area(corners), ColorScaleRule(
            start_type="num", start_value=low, start_color=red, mid_type="num",
            mid_value=middle, mid_color=sand, end_type="num", end_value=high, end_color=green))
    if head["filter"]:
        sheet.auto_filter.ref = area(head["filter"])
    book.save(out)


def with_xlsxwriter(path, out):
    from xlsxwriter import Workbook

    rows = lines(path)
    head = next(rows)
    book = Workbook(out, {"constant_memory": True, "strings_to_formulas": False,
                          "strings_to_urls": False})
    sheet = book.add_worksheet(head["name"])
    formats = []
    for one in STYLES:
        known = {"font_name": "Calibri", "font_size": one["size"], "font_color": one["color"],
                 "bold": one["bold"], "italic": one["italic"], "valign": "vcenter",
                 "text_wrap": one["wrap"], "indent": one["indent"], "rotation": one["turned"]}
        if one["fill"]:
            known["bg_color"] = one["fill"]
        if one["box"]:
            known |= {"border": 1, "border_color": LINE}
        if one["number"]:
            known["num_format"] = one["number"]
        if one["across"]:
            known["align"] = one["across"]
        formats.append(book.add_format(known))
    for at, width in enumerate(head["widths"]):
        sheet.set_column(at, at, width)
    sheet.freeze_panes(*head["frozen"])
    for row, (height, cells) in enumerate(rows):
        if height:
            sheet.set_row(row, height)
        column = 0
        for number, columns, value in cells:
            if columns > 1:
                sheet.merge_range(row, column, row, column + columns - 1, "", formats[number])
            if value is None:
                if number:
                    sheet.write_blank(row, column, None, formats[number])
            elif isinstance(value, str):
                sheet.write_string(row, column, value, formats[number])
            else:
                sheet.write_number(row, column, value, formats[number])
            column += columns
    for corners in head["scored"]:
        (low, red), (middle, sand), (high, green) = SCALE
        sheet.conditional_format(*corners, {
            "type": "3_color_scale", "min_type": "num", "min_value": low, "min_color": red,
            "mid_type": "num", "mid_value": middle, "mid_color": sand, "max_type": "num",
            "max_value": high, "max_color": green})
    if head["filter"]:
        sheet.autofilter(*head["filter"])
    book.close()


def peak_bytes():
    with open("/proc/self/status", encoding="ascii") as file:
        line = next(line for line in file if line.startswith("VmHWM:"))
    return int(line.split()[1]) * 1024


def main():
    contender, path, out = sys.argv[1:]
    start = cpu()
    for _ in lines(path):
        pass
    read = cpu()
    if contender == "xlsxwriter":
        with_xlsxwriter(path, out)
    else:
        with_openpyxl(path, out, contender == "openpyxl-write-only")
    print(json.dumps({"reading_s": read - start, "whole_s": cpu() - read,
                      "peak_bytes": peak_bytes()}))


main()
