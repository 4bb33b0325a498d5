"""Draw one study from a calibrated scenario, and set its stated moments against the achieved ones."""

from fortems.run.job import job

with job(snakemake):
    from fortems.seeds import stream
    from fortems.simulate.scenario import load_scenario
    from fortems.simulate.simulator import calibrate
    from fortems.simulate.table import calibration_table
    from fortems.study.instruments import load_instruments
    from fortems.tidy import write_csv

    instruments = load_instruments(snakemake.params.instruments)
    scenario = load_scenario(snakemake.params.scenario, instruments)
    simulator = calibrate(scenario, instruments)
    seed = snakemake.params.seed
    write_csv(simulator.study(stream(seed, "simulate", scenario.name)), snakemake.output.answers)
    table = calibration_table(simulator, stream(seed, "calibration", scenario.name))
    write_csv(table, snakemake.output.calibration)
    missed = int((table["ok"] == False).sum())  # noqa: E712 (outputs have no verdict)
    print(f"{scenario.title}: {missed} of {table['ok'].notna().sum()} stated moments missed")
