# Of own data: what may be told of the results, decided in one place (fortems.data.privacy.suppression).
#
# needs  data/full/ (every result of clients as computed), the protected clients (data.smk)
# makes  what of tables/, mediation/, robustness/, claims.csv and published.csv may leave the machine

if PRIVATE:

    rule release:
        input:
            full=[computed(name) for name in RELEASED],
            common=CLIENTS,
            analysed=ANALYSED,
            code=code("release"),
        output:
            [filed(name, *where) if where else f"{RESULTS}/{name}" for name, where in RELEASED.items()],
        log:
            f"{LOGS}/release.log",
        conda:
            ENVIRONMENT
        params:
            names=list(RELEASED),
            min_cell=config["privacy"]["min_cell"],
            software=software("release"),
        message:
            "Release what of own data may be told"
        script:
            "../scripts/release.py"
