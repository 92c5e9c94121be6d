# aggregate: statistics and verdicts of all experiments → one table of measurements, one row an experiment.
rule aggregate:
    input:
        script="scripts/aggregate.py",
        stats=expand("results/run/{exp}/stats.json", exp=PLAN.ids),
        verdicts=expand("results/validate/{exp}.json", exp=PLAN.ids),
    output:
        report(
            "results/aggregate/measurements.csv",
            caption="../report/measurements.rst",
            category="Measurements",
        ),
    log:
        "results/logs/aggregate.log",
    benchmark:
        "results/benchmarks/aggregate.tsv"
    conda:
        "../../envs/run.yaml"
    threads: 1
    resources:
        mem_mb=PLAN.settings.resources.base_mb,
        runtime=PLAN.settings.resources.base_minutes,
    params:
        experiments=PLAN.settings.experiments,
        rows=PLAN.rows,
        settings=PLAN.digest,
    shell:
        "python {input.script} --experiments {params.experiments} --config-hash {params.settings}"
        " --results results --out {output} --log {log}"
