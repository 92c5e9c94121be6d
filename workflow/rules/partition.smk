# partition: matrices and mesh → the tile of each PE.
rule partition:
    input:
        script="scripts/partition.py",
        inputs="results/inputs/{exp}/inputs.npz",
    output:
        tiles="results/partition/{exp}/tiles.npz",
        manifest="results/partition/{exp}/manifest.json",
    log:
        "results/logs/partition/{exp}.log",
    benchmark:
        "results/benchmarks/partition/{exp}.tsv"
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
        " --inputs {input.inputs} --tiles {output.tiles} --manifest {output.manifest} --log {log}"
