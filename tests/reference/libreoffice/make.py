"""Make sheet.ods, sheet.xls and filtered.ods with LibreOffice Calc (7.4), from the rows below; run in this folder."""

import subprocess
import tempfile
from pathlib import Path

import numpy as np
import openpyxl
import pandas as pd

ROWS = pd.DataFrame({"client": ["a1", "é2", "c3"], "age": [34.5, np.nan, 41.0], "oq_1": [1, 2, 4]})

with tempfile.TemporaryDirectory() as folder:
    source = Path(folder, "sheet.xlsx")
    with pd.ExcelWriter(source) as writer:
        ROWS.to_excel(writer, sheet_name="data", index=False)
        pd.DataFrame({"code": [1, 2], "meaning": ["f", "m"]}).to_excel(
            writer, sheet_name="legend", index=False
        )
    book = openpyxl.load_workbook(source)
    for row in (2, 4):
        book["data"].row_dimensions[row].hidden = True
    book["data"].auto_filter.ref = "A1:C4"
    filtered = Path(folder, "filtered.xlsx")
    book.save(filtered)
    for made, suffix in ((source, "ods"), (source, "xls"), (filtered, "ods")):
        office = f"-env:UserInstallation=file://{folder}/office"
        subprocess.run(["soffice", office, "--headless", "--convert-to", suffix, made], check=True)
