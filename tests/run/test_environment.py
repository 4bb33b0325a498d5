"""What is gone or altered in an environment is noticed, and Snakemake's command takes no packages from elsewhere."""

from __future__ import annotations

import base64
import hashlib
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest
from fortems.run.environment import damaged, locked

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def site(tmp_path):
    """A folder of packages with two packages in it, as pip leaves them."""
    for name in ("one", "two"):
        files = {f"{name}/__init__.py": b"x = 1\n", f"{name}/more.py": b"y = 2\n"}
        info = tmp_path / f"{name}-1.0.dist-info"
        info.mkdir()
        lines = []
        for path, text in files.items():
            (tmp_path / path).parent.mkdir(exist_ok=True)
            (tmp_path / path).write_bytes(text)
            digest = base64.urlsafe_b64encode(hashlib.sha256(text).digest()).rstrip(b"=").decode()
            lines.append(f"{path},sha256={digest},{len(text)}")
        (info / "RECORD").write_text(
            "\n".join([*lines, "../../../bin/x,sha256=abc,1", f"{name}/a.pyc,,"]) + "\n"
        )
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    return tmp_path


WANTED = {"one": "1.0", "two": "1.0"}


def test_a_whole_environment_has_nothing_wrong(site):
    assert damaged(WANTED, site, 0.0) == {}


@pytest.mark.parametrize(
    ("harm", "words"),
    [
        (lambda site: (site / "one/more.py").unlink(), "one/more.py is gone"),
        (lambda site: (site / "one/more.py").write_text("y = 3\n"), "one/more.py was altered"),
        (lambda site: (site / "one-1.0.dist-info/METADATA").unlink(), "gone"),
        (lambda site: (site / "one-1.0.dist-info/RECORD").unlink(), "its list of files is gone"),
    ],
)
def test_harm_is_named(site, harm, words):
    harm(site)
    assert damaged(WANTED, site, 0.0) == {"one": words}


def test_a_lost_description_is_named_where_another_finder_of_packages_is_about(site):
    """Some package of the environment may import importlib_metadata, whose finder raises for such a package."""
    importlib_metadata = pytest.importorskip("importlib_metadata")
    (site / "one-1.0.dist-info/METADATA").unlink()
    finder = importlib_metadata.MetadataPathFinder()
    sys.meta_path.insert(0, finder)
    try:
        assert damaged(WANTED, site, 0.0) == {"one": "gone"}
    finally:
        sys.meta_path.remove(finder)


def test_another_version_than_the_locks_is_named(site):
    assert damaged({"one": "1.1"}, site, 0.0) == {"one": "version 1.0 in place of 1.1"}


def test_a_file_with_an_old_date_is_read_all_the_same(site):
    """Whoever alters a file can set its date and keep its size, not the time at which its state changed."""
    looked = time.time()
    time.sleep(0.05)
    (site / "two/more.py").write_text("y = 3\n")
    os.utime(site / "two/more.py", (1, 1))
    assert damaged(WANTED, site, looked) == {"two": "two/more.py was altered"}


def test_locks_are_read_with_their_markers(tmp_path):
    lock = tmp_path / "x.lock"
    lock.write_text(
        "a-b==1.2 \\\n    --hash=sha256:00\n"
        "C_d==3 ; sys_platform == 'win32' \\\n    --hash=sha256:00\n"
        "e==4 ; python_version >= '3.9' \\\n    --hash=sha256:00\n"
    )
    assert locked([lock]) == {"a-b": "1.2", "e": "4"}


def test_the_whole_lock_is_read():
    lock = ROOT / "requirements.lock"
    names = re.findall(r"^([A-Za-z0-9._-]+)==", lock.read_text(), flags=re.MULTILINE)
    assert len(locked([lock])) > 0.8 * len(set(names))
    assert {"numpy", "snakemake"} <= set(locked([lock]))


@pytest.mark.parametrize("folder", ["plain", "with a space"])
def test_the_command_is_isolated_as_the_makefile_does_it(tmp_path, folder):
    """Both beginnings that pip writes; what PYTHONPATH names is not taken."""
    bin_ = tmp_path / folder / "bin"
    bin_.mkdir(parents=True)
    python = bin_ / "python3"
    python.symlink_to(sys.executable)
    command = bin_ / "snakemake"
    body = "import sys\nprint(any('shadow' in path for path in sys.path), sys.argv[1:])\n"
    start = f"#!/bin/sh\n'''exec' \"{python}\" \"$0\" \"$@\"\n' '''\n" if " " in folder else f"#!{python}\n"
    command.write_text(start + body)
    command.chmod(0o755)
    told = re.search(r"^ISOLATE = (.*)$", (ROOT / "Makefile").read_text(), flags=re.MULTILINE)[1]
    shell = told.replace("$(BIN)", ".").replace("$$", "$").replace(r"\#", "#")
    for _ in range(2):  # a second time changes nothing
        subprocess.run(["sh", "-c", shell], cwd=bin_, check=True)
    surroundings = {**os.environ, "PYTHONPATH": str(tmp_path / "shadow")}
    ran = subprocess.run([command, "a b"], env=surroundings, capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "False ['a b']"
