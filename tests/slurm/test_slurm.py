"""The Slurm proof as a test: see run_slurm.sh."""

import subprocess
from pathlib import Path

import pytest
from wording import says


@pytest.mark.slow
def test_the_design_stage_runs_through_slurm_and_survives_a_cancelled_job():
    done = subprocess.run(
        [Path(__file__).with_name("run_slurm.sh")], capture_output=True, text=True, timeout=900, check=False
    )
    if done.returncode == 77:
        pytest.skip(done.stdout.strip().splitlines()[-1])
    assert done.returncode == 0, done.stdout + done.stderr
    says(done.stdout, "retried run's bytes equal", "local run")
