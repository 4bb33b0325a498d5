"""Describe the scores: descriptives, ICCs, correlations at three levels, background variables."""

from fortems.run.job import job

with job(snakemake):
    from fortems.study.definition import study
    from fortems.study.instruments import load_instruments, score_ranges
    from fortems.tables.correlations import correlations_table
    from fortems.tables.covariates import covariates_table
    from fortems.tables.descriptives import descriptives_table, numeric_variables
    from fortems.tables.icc import icc_table
    from fortems.tables.raters import raters_table
    from fortems.tidy import read_csv, write_csv

    scores = read_csv(snakemake.input.scores)
    confidence = snakemake.params.confidence
    variables = numeric_variables(scores)
    instruments = load_instruments(snakemake.params.instruments)
    write_csv(descriptives_table(scores, score_ranges(instruments)), snakemake.output.descriptives)
    write_csv(icc_table(scores, variables, confidence), snakemake.output.icc)
    write_csv(correlations_table(scores, variables, confidence), snakemake.output.correlations)
    covariates = covariates_table(scores, study().outcome, study().background, confidence)
    write_csv(covariates, snakemake.output.covariates)
    write_csv(raters_table(scores, instruments, confidence), snakemake.output.raters)
