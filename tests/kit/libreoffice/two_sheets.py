"""Writes a workbook of two sheets to the path given: input of the kit's own test."""

import sys

import openpyxl

workbook = openpyxl.Workbook()
workbook.active["A1"] = "first"
workbook.create_sheet("second")["A1"] = "another text"
workbook.save(sys.argv[1])
