"""A run trusts no file that it did not write as it stands: whatever the kind of file, the time it bears, the edit."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest
from fortems.run import check_run, receipts
from fortems.run.manifest import sha256
from fortems.run.receipts import Receipt, UntrustedError, distrusted, require_trusted, stale
from wording import says

TINY = ("--configfile", "config/tiny.yaml")

# One file of each kind → the step that makes it.
KINDS = {
    "data/items.csv": "simulate",
    "data/scores.csv": "prepare",
    "data/flow.csv": "prepare",
    "tables/icc.csv": "tables",
    "mediation/effects.csv": "mediation",
    "robustness/leave_one_out.csv": "mediation",
    "design/power.csv": "design",
    "claims.csv": "claims",
    "published.csv": "published",
    "gate.json": "gate",
    "figures/index.csv": "figures",
    "manuscript/manuscript.html": "manuscript",
    "manuscript/manuscript.pdf": "manuscript",
    "manuscript/manuscript.docx": "manuscript",
    "manuscript/supplement.html": "manuscript",
    "manuscript/supplement.pdf": "manuscript",
    "manuscript/supplement.docx": "manuscript",
    "manuscript/numbers.csv": "manuscript",
    "config.yaml": "configuration",
    "disclosure.json": "disclosure",
    "manifest.json": "manifest",
}


def edit(path: Path, how: str = "byte") -> None:
    """Change a file and leave its time as it was."""
    times, content = path.stat(), path.read_bytes()
    if how == "truncated":
        path.write_bytes(content[: len(content) // 2])
    else:
        middle = len(content) // 2
        path.write_bytes(content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :])
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))


def planned(repository) -> dict[str, set[str]]:
    """Reason → steps that a dry run would start for it."""
    done = repository.snakemake("-n", *TINY)
    assert done.returncode == 0, done.stdout[-3000:]
    told = done.stdout.rpartition("\nReasons:\n")[2]
    return {
        reason: set(steps.split(", "))
        for reason, steps in re.findall(r"^    (\S.*):\n        (.*)$", told, re.MULTILINE)
    }


def forced(repository) -> set[str]:
    """Steps that would start for a reason of ours."""
    return planned(repository).get("forced", set())


@pytest.fixture(scope="module")
def figures(built) -> dict[str, str]:
    """A figure in each of its kinds."""
    name = next(p.stem for p in sorted((built.root / "results/tiny/figures").glob("*.svg")))
    return {kind: f"figures/{name}.{kind}" for kind in ("csv", "svg", "pdf", "png")}


@pytest.mark.parametrize("how", ["byte", "truncated"])
@pytest.mark.parametrize("name", [*KINDS, "svg", "pdf", "png", "csv"])
def test_an_edit_of_any_kind_of_file_is_seen(built, figures, capsys, monkeypatch, name, how):
    step, name = KINDS.get(name, "figures"), figures.get(name, name)
    path = built.root / "results/tiny" / name
    before, times = path.read_bytes(), path.stat()
    monkeypatch.chdir(built.root)
    try:
        edit(path, how)
        assert how == "truncated" or step in forced(built)
        code = check_run.main(["tiny"])
        told = capsys.readouterr()
        assert code == 1 or (name == "manifest.json" and code == 2)
        assert name in told.out + told.err
    finally:
        path.write_bytes(before)
        os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert check_run.main(["tiny"]) == 0


def test_what_was_edited_is_made_anew_and_the_edit_is_kept(clone, figures):
    """A truncated table, an edited page and a figure's numbers, all with their old times, in one command."""
    whole = clone.bytes_of("tiny")
    names = ("mediation/effects.csv", "manuscript/manuscript.html", figures["csv"], "manifest.json")
    edit(clone.root / "results/tiny/mediation/effects.csv", "truncated")
    for name in names[1:]:
        edit(clone.root / "results/tiny" / name)
    page = (clone.root / "results/tiny/manuscript/manuscript.html").read_bytes()
    done = clone.snakemake(*TINY)
    assert done.returncode == 0, done.stdout[-3000:]
    for name in names:
        assert f"results/tiny/{name} was changed after the step" in done.stdout
    after = clone.bytes_of("tiny")
    copies = {name: content for name, content in after.items() if name.startswith("data/.changed/")}
    assert {name: content for name, content in after.items() if name not in copies} == whole
    assert page in copies.values() and len(copies) == len(names)
    assert "Nothing to be done" in clone.snakemake(*TINY).stdout


def test_what_was_read_and_has_changed_behind_an_old_time_is_seen(built):
    path = built.root / "config/claims.yaml"
    before, times = path.read_bytes(), path.stat()
    try:
        path.write_bytes(before + b"\n# edited\n")
        os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
        assert {"claims"} <= forced(built)
    finally:
        path.write_bytes(before)
        os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert forced(built) == set()


def test_results_without_receipts_are_made_anew(clone):
    for path in (clone.root / "logs/tiny").rglob("*.receipt.json"):
        path.unlink()
    started = set().union(*planned(clone).values())
    assert started >= {"simulate", "prepare", "tables", "mediation", "manuscript", "manifest"}


@pytest.mark.parametrize("kind", ["link", "pipe"])
def test_a_link_or_pipe_in_place_of_a_result_is_refused_by_name(clone, kind):
    path = clone.root / "results/tiny/claims.csv"
    if kind == "link":
        path.rename(clone.root / "elsewhere.csv")
        path.symlink_to(clone.root / "elsewhere.csv")
    else:
        path.unlink()
        os.mkfifo(path)
    done = clone.snakemake(*TINY)
    assert done.returncode != 0
    assert done.stdout.rstrip().endswith("- results/tiny/claims.csv")
    assert "Traceback" not in done.stdout


@pytest.fixture
def step(tmp_path, monkeypatch) -> dict[str, Receipt]:
    """Two jobs of one step, each with a result and what it read."""
    monkeypatch.chdir(tmp_path)
    found = {}
    for name in ("a", "b"):
        Path(f"{name}.in").write_text(name)
        Path(f"{name}.csv").write_text(name)
        read, wrote = {f"{name}.in": sha256(f"{name}.in")}, {f"{name}.csv": sha256(f"{name}.csv")}
        found[f"{name}.csv"] = Receipt("chunk", read, wrote)
        receipts.write_receipt(Path(f"{name}.receipt.json"), "chunk", read, wrote)
    return found


def test_a_trusted_result_is_trusted(step):
    assert distrusted(step, step) == {}
    require_trusted(step, ".")


@pytest.mark.parametrize("name", ["a", "b"])
def test_each_job_of_a_step_has_a_receipt_of_its_own(step, name):
    Path(f"{name}.in").write_text("other")
    assert stale(step, step) == [f"{name}.in has changed since the step chunk read it"]
    assert distrusted(step, step) == {f"{name}.csv": f"{name}.in has changed since it was read"}


def test_no_manifest_certifies_what_no_step_vouches_for(step):
    Path("a.csv").write_text("edited")
    Path("stranger.csv").write_text("x")
    with pytest.raises(UntrustedError) as error:
        require_trusted([*step, "stranger.csv"], ".")
    says(error.value, "a.csv", "changed after", "step chunk")
    assert "stranger.csv: no step has left a receipt" in str(error.value)


@pytest.mark.parametrize("names", [("release", "mediation"), ("mediation", "release")])
def test_the_step_that_wrote_a_result_last_vouches_for_it(tmp_path, monkeypatch, names):
    """With another configuration under the same name another step may write a file; the first receipt stays behind."""
    monkeypatch.chdir(tmp_path)
    for name in names:
        Path("effects.csv").write_text(name)
        receipts.write_receipt(Path(f"{name}.receipt.json"), name, {}, {"effects.csv": sha256("effects.csv")})
    assert distrusted(["effects.csv"], receipts.read_receipts(".")) == {}
    Path("effects.csv").write_text(names[0])  # what the earlier step wrote is an edit
    assert names[1] in distrusted(["effects.csv"], receipts.read_receipts("."))["effects.csv"]


@pytest.mark.parametrize(
    "text", ["", "null", "[]", "{}", '{"rule": 1}', '{"rule": "r", "inputs": 3, "outputs": []}']
)
def test_what_is_no_receipt_vouches_for_nothing(step, text):
    Path("a.receipt.json").write_text(text)
    assert receipts.read_receipts(".").keys() == {"b.csv"}


def test_an_edit_while_the_run_goes_on_is_refused_before_the_manifest(clone):
    """Between a step's end and the manifest nobody looks: the manifest step does."""
    script = clone.root / "workflow/scripts/manuscript.py"
    clone.write(
        str(script), script.read_text() + "\nopen('results/tiny/claims.csv', 'a').write('forged\\n')\n"
    )
    done = clone.snakemake(*TINY)
    assert done.returncode != 0
    says(done.stdout, "results/tiny/claims.csv", "changed after", "step claims")
    assert not (clone.root / "results/tiny/manifest.json").exists()


@pytest.fixture
def checked(tmp_path, monkeypatch):
    """A run's folder as a colleague sends it, without logs."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "results/theirs"
    folder.mkdir(parents=True)
    (folder / "a.csv").write_text("a\n")
    (folder / ".hidden").write_text("x")
    told = {"run": "theirs", "files": {"a.csv": {"sha256": sha256(folder / "a.csv")}}}

    def write(**changes) -> Path:
        (folder / "manifest.json").write_text(json.dumps({**told, **changes}))
        return folder

    write()
    return write


def test_a_folder_as_listed_is_as_listed(checked, capsys):
    assert check_run.main(["theirs"]) == 0
    assert "all 1 files" in capsys.readouterr().out


def test_each_way_of_not_being_as_listed_is_named(checked, tmp_path, capsys):
    folder = checked(
        run="another",
        files={
            "a.csv": {"sha256": "0"},
            "gone.csv": {"sha256": "0"},
            "../../secret.txt": {"sha256": "0"},
            "/etc/passwd": {"sha256": "0"},
            "linked.csv": {"sha256": sha256(tmp_path / "results/theirs/a.csv")},
            "pipe.csv": {"sha256": "0"},
        },
    )
    (folder / "linked.csv").symlink_to("a.csv")
    (folder / "extra.csv").write_text("x")
    os.mkfifo(folder / "pipe.csv")
    assert check_run.main(["theirs"]) == 1
    text = capsys.readouterr().out
    for told in (
        ("a.csv", "changed"),
        ("gone.csv", "not", "there"),
        ("../../secret.txt", "out of the folder", "not", "looked at"),
        ("/etc/passwd", "out of the folder", "not", "looked at"),
        ("linked.csv", "a link", "no", "file"),
        ("pipe.csv", "a link", "no", "file"),
        ("extra.csv", "not", "in the manifest"),
        ("manifest.json", "a run called 'another'"),
    ):
        says(text, *told)


@pytest.mark.parametrize("name", ["../elsewhere", "absent", "reference", "theirs\n"])
def test_what_is_no_run_is_said(checked, capsys, name):
    assert check_run.main([name]) == 2
    assert capsys.readouterr().err
