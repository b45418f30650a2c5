"""Reads every cell of the workbooks in a folder with openpyxl, and prints them as JSON.

    python cells.py FOLDER    {file: [[sheet, {cell: value}]]}; moments as {"ms": ...}
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


def cells(path):
    book = openpyxl.load_workbook(path)
    return [[sheet.title, {cell.coordinate: plain(cell.value) for row in sheet.iter_rows()
                           for cell in row if cell.value is not None}] for sheet in book]


print(json.dumps({path.name: cells(path) for path in sorted(pathlib.Path(sys.argv[1]).glob("*"))}))
