# inputs: the row of an experiment and its seed → the matrices.
rule inputs:
    input:
        script="scripts/inputs.py",
    output:
        "results/inputs/{exp}/inputs.npz",
    log:
        "results/logs/inputs/{exp}.log",
    benchmark:
        "results/benchmarks/inputs/{exp}.tsv"
    conda:
        "../../envs/run.yaml"
    threads: 1
    resources:
        mem_mb=get_memory,
        runtime=PLAN.settings.resources.base_minutes,
    params:
        experiments=PLAN.settings.experiments,
        row=get_row,
    shell:
        "python {input.script} --experiments {params.experiments} --experiment {wildcards.exp}"
        " --out {output} --log {log}"
