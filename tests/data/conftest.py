"""Clients for the door: 60 of them, in our own columns, and the run's instruments and models."""

import pandas as pd
import pytest
from data_clients import RULES, draw_clients
from fortems.data.preparation import prepare
from fortems.data.settings import DataSettings
from fortems.study.instruments import load_instruments
from fortems.study.models import load_models

MODEL = "alliance: {predictor: alliance, mediator: meaning, outcome: distress}\n"


@pytest.fixture(scope="session")
def instruments():
    return load_instruments()


@pytest.fixture(scope="session")
def models(tmp_path_factory):
    path = tmp_path_factory.mktemp("models") / "models.yaml"
    path.write_text(MODEL)
    return load_models(path)


@pytest.fixture
def clients(instruments):
    return draw_clients(instruments)


@pytest.fixture
def door(tmp_path, instruments, models):
    """Write a frame as CSV (or take a path) and prepare it; keywords go to the settings."""

    def run(data, inclusion=RULES, models_=None, two_level=True, name="export.csv", **settings):
        path = data
        if isinstance(data, pd.DataFrame):
            path = tmp_path / name
            data.to_csv(path, index=False)
        chosen = models if models_ is None else models_
        return prepare(path, DataSettings(**settings), instruments, chosen, inclusion, two_level)

    return run
