"""Workbooks written by hand: the few parts of an .xlsx file that readers need."""

import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

_TYPES = (
    '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
    '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    '<Override PartName="/xl/workbook.xml" ContentType='
    '"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/>'
    '<Override PartName="/xl/worksheets/sheet1.xml" ContentType='
    '"application/vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml"/></Types>'
)
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_RELATIONS = (
    '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">{}</Relationships>'
)


def _relation(kind: str, target: str) -> str:
    return _RELATIONS.format(f'<Relationship Id="r1" Type="{_OFFICE}/{kind}" Target="{target}"/>')


def write_cells(path: Path, cells: Mapping[str, Any]) -> None:
    """Write a workbook of one sheet with these cells, by their names such as "B2", row by row."""
    rows: dict[int, str] = {}
    for name, value in cells.items():
        row = int(name.lstrip("ABCDEFGHIJKLMNOPQRSTUVWXYZ"))
        text = (
            f'<c r="{name}" t="inlineStr"><is><t>{escape(value)}</t></is></c>'
            if isinstance(value, str)
            else f'<c r="{name}"><v>{value!r}</v></c>'
        )
        rows[row] = rows.get(row, "") + text
    body = "".join(f'<row r="{row}">{text}</row>' for row, text in rows.items())
    parts = {
        "[Content_Types].xml": _TYPES,
        "_rels/.rels": _relation("officeDocument", "xl/workbook.xml"),
        "xl/workbook.xml": f'<workbook xmlns="{_MAIN}" xmlns:r="{_OFFICE}"><sheets>'
        '<sheet name="Sheet1" sheetId="1" r:id="r1"/></sheets></workbook>',
        "xl/_rels/workbook.xml.rels": _relation("worksheet", "worksheets/sheet1.xml"),
        "xl/worksheets/sheet1.xml": f'<worksheet xmlns="{_MAIN}"><sheetData>{body}</sheetData></worksheet>',
    }
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, text in parts.items():
            file.writestr(name, '<?xml version="1.0" encoding="UTF-8"?>' + text)


def write_sheet(path: Path, rows: Sequence[Sequence[Any]]) -> None:
    """Write a workbook of one sheet; None is a blank cell."""
    write_cells(
        path,
        {
            f"{chr(65 + k)}{i + 1}": value
            for i, row in enumerate(rows)
            for k, value in enumerate(row)
            if value is not None
        },
    )
