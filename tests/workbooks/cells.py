"""Reads every cell of the workbooks in a folder with openpyxl, and prints them as JSON.

    python cells.py FOLDER    {file: [[sheet, {cell: value}]]}; moments as {"ms": ...}

What a cell leads to outside the workbook is the value of another one, `CELL leads to`; where its
number has the mark of a score that stands for a part, `CELL is partial` is true.
"""

import datetime
import json
import pathlib
import sys

import openpyxl

EPOCH = datetime.datetime(1970, 1, 1)


def plain(value):
    if isinstance(value, datetime.datetime):
        return {"ms": round((value - EPOCH).total_seconds() * 1000)}
    return value


def of(sheet):
    for row in sheet.iter_rows():
        for cell in row:
            if cell.value is not None:
                yield cell.coordinate, plain(cell.value)
            if '*"' in cell.number_format:
                yield f"{cell.coordinate} is partial", True
            if cell.hyperlink and cell.hyperlink.target:
                place = "#" + cell.hyperlink.location if cell.hyperlink.location else ""
                yield f"{cell.coordinate} leads to", cell.hyperlink.target + place


def cells(path):
    return [[sheet.title, dict(of(sheet))] for sheet in openpyxl.load_workbook(path)]


print(json.dumps({path.name: cells(path) for path in sorted(pathlib.Path(sys.argv[1]).glob("*"))}))
