"""Fill the manuscript's templates from results: Jinja, with numbers, sentences, references and places."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from fortems.errors import FortemsError, nearest
from fortems.package import located
from fortems.presentation.results import Results
from fortems.report.bind import Binder, escape
from fortems.report.sections import own_section
from fortems.report.variant import Variant
from fortems.study.definition import study
from fortems.study.models import MediationModel

ANY_STUDY = "any_study"


@dataclass
class Report:
    """All that sentences and templates draw on.

    Attributes
    ----------
    results : Results
    bind : Binder
    variant : Variant
    items : dict
        Identifier → table or figure that this run can place.
    facts : dict
        The literature's numbers (``manuscript/facts.yaml``).
    models : dict
        The models of the models file, by name.
    scenarios : sequence of (str, str)
        Title and story of each scenario that studies were simulated from.
    sections : str
        A folder of the user's whose files take the place of sections of the same name; empty without one.
    """

    results: Results
    bind: Binder
    variant: Variant
    items: Mapping[str, Any] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)
    models: Mapping[str, MediationModel] = field(default_factory=dict)
    scenarios: Sequence[tuple[str, str]] = ()
    sections: str = ""

    def has(self, name: str) -> bool:
        """Whether a table or figure, or a results file with rows, is there."""
        return name in self.items or self.results.has(name)

    def fact(self, name: str) -> str:
        """Write a number of the literature, bound to the list of facts.

        Raises
        ------
        FortemsError
            When there is no such fact.
        """
        if name not in self.facts:
            near = nearest(name, self.facts)
            raise FortemsError(f"manuscript/facts.yaml has no {name}; did you mean {near}?")
        return self.bind.fact(name, str(self.facts[name]["text"]))

    def ref(self, name: str) -> str:
        """Refer to a table, figure or section."""
        return f"[](#{name}){{.ref}}" if name.startswith(("tbl-", "fig-")) else f"[](#{name})"

    def see(self, *names: str) -> str:
        """Point to what of the named tables and figures is there, in parentheses; nothing if nothing is."""
        found = [self.ref(name) for name in names if name in self.items]
        return f" ({', '.join(found)})" if found else ""

    def place(self, name: str) -> str:
        """Mark the place of a table or figure; nothing where this run cannot make it."""
        return f'\n::: {{.place what="{name}"}}\n:::\n' if name in self.items else ""


def own_texts() -> list[Path]:
    """Return the folder of the study's own passages, if it names one; ``any_study/`` has those of a study that does not."""
    return [Path(located(study().texts))] if study().texts else []


def render(
    report: Report, folder: Path, sentences: Mapping[str, Callable[..., str]], part: str = "manuscript"
) -> str:
    """Fill a part's template and the sections that it includes.

    Parameters
    ----------
    report : Report
    folder : path
        Holds the templates.
    sentences : mapping
        Name → function of the report; templates call it as ``say.<name>()``.
    part : str
        ``manuscript`` or ``supplement``: the template's name without its suffix.
    """
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.ChoiceLoader(
            [
                jinja2.FunctionLoader(lambda name: own_section(report.sections, folder, name)),
                jinja2.FileSystemLoader([*own_texts(), folder / ANY_STUDY, folder]),
            ]
        ),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        comment_start_string="<!--#",  # the default would take Markdown identifiers, {#x}, for comments
        comment_end_string="#-->",
        autoescape=False,  # Markdown: every value of the data goes through escape()
    )
    say = {name: partial(function, report) for name, function in sentences.items()}
    environment.globals.update(
        say=say,
        v=report.variant,
        run=str(report.results.setting("run")),
        has=report.has,
        n=report.bind.n,
        setting=report.bind.setting,
        software=report.bind.software,
        on=lambda *path: bool(report.results.setting(*path)),
        fact=report.fact,
        ref=report.ref,
        see=report.see,
        place=report.place,
        escape=escape,
    )
    try:
        return environment.get_template(f"{part}.md").render()
    except (jinja2.TemplateError, TypeError) as error:
        if not report.sections:
            raise
        raise FortemsError(f"A section in {report.sections} cannot be filled: {error}") from error
