"""Make sheet.ods and sheet.xls with LibreOffice Calc (7.4), from the rows below; run in this folder."""

import subprocess
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

ROWS = pd.DataFrame({"client": ["a1", "é2", "c3"], "age": [34.5, np.nan, 41.0], "oq_1": [1, 2, 4]})

with tempfile.TemporaryDirectory() as folder:
    source = Path(folder, "sheet.xlsx")
    with pd.ExcelWriter(source) as writer:
        ROWS.to_excel(writer, sheet_name="data", index=False)
        pd.DataFrame({"code": [1, 2], "meaning": ["f", "m"]}).to_excel(
            writer, sheet_name="legend", index=False
        )
    for suffix in ("ods", "xls"):
        office = f"-env:UserInstallation=file://{folder}/office"
        subprocess.run(["soffice", office, "--headless", "--convert-to", suffix, source], check=True)
