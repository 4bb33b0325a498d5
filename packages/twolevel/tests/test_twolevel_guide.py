"""docs/guide.md: every block of code runs, and prints what stands below it.

`python tests/test_twolevel_guide.py` writes the output anew.
"""

import contextlib
import io
import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
GUIDE = ROOT / "docs" / "guide.md"
BLOCK = re.compile(r"```python\n(.*?)```\n\n```text\n(.*?)```", re.DOTALL)


def run(text: str) -> list[str]:
    """What each block prints; blocks share their names, from the repository's folder."""
    names: dict[str, object] = {}
    printed = []
    with contextlib.chdir(ROOT):
        for code, _ in BLOCK.findall(text):
            out = io.StringIO()
            with contextlib.redirect_stdout(out):
                exec(compile(code, str(GUIDE), "exec"), names)
            printed.append("\n".join(line.rstrip() for line in out.getvalue().strip("\n").split("\n")))
    return printed


def test_guide_prints_what_it_says():
    text = GUIDE.read_text()
    blocks = BLOCK.findall(text)
    assert len(blocks) == text.count("```python") >= 9
    for (code, stated), printed in zip(blocks, run(text), strict=True):
        assert stated.strip("\n") == printed, code


def write() -> None:
    text = GUIDE.read_text()
    outputs = iter(run(text))
    GUIDE.write_text(BLOCK.sub(lambda m: f"```python\n{m[1]}```\n\n```text\n{next(outputs)}\n```", text))


if __name__ == "__main__":
    write()
