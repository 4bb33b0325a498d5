"""One sheet of all figures and pages."""

from __future__ import annotations

from fortems.run import contact_sheet
from PIL import Image


def test_every_figure_and_page_is_on_the_sheet(tmp_path, capsys):
    (tmp_path / "figures").mkdir()
    (tmp_path / "manuscript").mkdir()
    for name, color in (("a", "red"), ("b", "blue")):
        Image.new("RGB", (900, 300), color).save(tmp_path / f"figures/{name}.png")
    pages = [Image.new("RGB", (600, 800), c) for c in ("green", "yellow", "white", "black")]
    pages[0].save(tmp_path / "manuscript/manuscript.pdf", save_all=True, append_images=pages[1:])
    named = contact_sheet.pictures(tmp_path)
    assert [name for name, _ in named] == [
        "a.png",
        "b.png",
        *(f"manuscript.pdf, page {n}" for n in (1, 2, 3, 4)),
    ]
    assert contact_sheet.main([str(tmp_path), str(tmp_path / "sheet.png")]) == 0
    sheet = Image.open(tmp_path / "sheet.png")
    colors = {color for _, color in sheet.getcolors(maxcolors=1 << 24)}
    assert {(255, 0, 0), (0, 0, 255)} <= colors
    assert "6 pictures" in capsys.readouterr().out


def test_a_run_without_pictures_is_named(tmp_path, capsys):
    assert contact_sheet.main([str(tmp_path)]) == 2
    assert "holds no figures" in capsys.readouterr().err
