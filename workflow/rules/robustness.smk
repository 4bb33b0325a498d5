# Would it survive? Other defensible analyses, single clients and therapists, many tests, what was not measured.
#
# needs  the clients' scores and answers (CLIENTS, ANSWERS), the models (MODELS), config/robustness.yaml, results of the stages before
# makes  robustness/*.csv, save what mediation.smk and published.smk make
